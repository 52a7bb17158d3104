from __future__ import annotations

import ast
import re
import tomllib

import pytest

from plaudit.report.card import render
from plaudit.report.html import render as render_page
from plaudit.report.summary import headline

yaml = pytest.importorskip("yaml")

HOSTILE = (
    "---\nlicense: evil\n# Heading <img src=x onerror=alert(1)> [link](http://evil.example) "
    '**bold** `code` | cell | "quoted" \\ {{ 7*7 }} www.evil.example ```\n'
    "- item: &a *b !!x \u2028 \ud800"
)


PARTS = {"encoder": (0.9058, 0.2226), "ngrams": (0.8838, 0.2683), "both": (0.9178, 0.2041)}
WORDS = {
    "weight": 0.54,
    "fitted": True,
    "features": 466228,
    "rows": 499,
    "validation": {
        name: {"accuracy": accuracy, "log_loss": loss} for name, (accuracy, loss) in PARTS.items()
    },
}


def front_matter(card: str) -> dict:
    opening, block, _ = re.split(r"^---$", card, maxsplit=2, flags=re.MULTILINE)
    assert opening == ""
    return yaml.safe_load(block)


def test_the_front_matter_is_what_the_hub_reads(document):
    front = front_matter(render(document))

    assert front["pipeline_tag"] == "text-classification"
    assert front["library_name"] == "transformers"
    assert {"plaudit", "sentiment-analysis"} <= set(front["tags"])
    assert not {"license", "language", "base_model"} & set(front)
    result = front["model-index"][0]["results"][0]
    metrics = {metric["type"]: metric["value"] for metric in result["metrics"]}
    for name, estimate in document["test"]["metrics"].items():
        if name != "ece_equal_width":  # one calibration error is enough
            assert metrics[name] == pytest.approx(estimate["value"], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "shown"), [("my_extra & more*.csv", "`my_extra & more*.csv`"), ("a`b", "``a`b``")]
)
def test_names_of_files_stand_in_code_as_they_are(document, name, shown):
    document["data"]["extra"] = {"rows": 3, "asked": name}
    assert f"3 of the training texts come from {shown} and" in render(document)


def test_the_hub_library_reads_the_evaluation(document):
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(render(document), ignore_metadata_errors=False)

    assert card.data.model_name == "quickstart"
    accuracy = next(e for e in card.data.eval_results if e.metric_type == "accuracy")
    assert accuracy.metric_value == pytest.approx(
        document["test"]["metrics"]["accuracy"]["value"], abs=1e-6
    )


def test_a_hub_encoder_is_named_as_the_base(document):
    document["model"]["encoder"] = "hub:google-bert/bert-base-uncased"

    assert front_matter(render(document))["base_model"] == "google-bert/bert-base-uncased"


def test_the_folders_of_whoever_trained_stay_private_in_the_front_matter(document):
    document["data"]["asked"] = "/home/somebody/secret/reviews.csv"
    dataset = front_matter(render(document))["model-index"][0]["results"][0]["dataset"]

    assert dataset["type"] == "reviews.csv"
    assert "secret" not in str(dataset)


def test_the_card_tells_result_use_data_and_limits(document):
    card = render(document)

    assert headline(document) in card
    assert "transformers.pipeline reads the first 256 tokens" in card
    assert 'pipeline("text-classification"' in card
    assert "not the official test" in card
    assert "Rows whose part was decided by an equal text elsewhere: 12." in card
    assert "after training had ended at" in card
    assert re.search(r"^\| ROC-AUC \| 0\.\d{3} \| 0\.\d{3} to 0\.\d{3} \| 0\.\d{3} \|", card, re.M)
    assert "## Limits" in card
    recipe = re.search(r"```toml\n(.*?)\n```", card, re.DOTALL)[1]
    assert tomllib.loads(recipe)["optim"]["lr"] == 1e-4


@pytest.mark.parametrize("pairs", [False, True])
def test_its_code_is_python(document, pairs):
    document["config"]["data"]["text_pair"] = "answer" if pairs else None
    blocks = re.findall(r"```python\n(.*?)```", render(document), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        ast.parse(block)
        assert ('"Is it good?"' in block) is pairs


def test_tables_have_as_many_cells_in_each_row(document):
    for with_baseline in (True, False):
        if not with_baseline:
            document["baseline"] = None
        tables = re.findall(r"(?:^\|.*\n)+", render(document), re.MULTILINE)
        assert len(tables) == 2
        for table in tables:
            assert len({line.count("|") for line in table.splitlines()}) == 1


def test_without_a_test_there_is_no_result_to_index(document):
    document["test"] = document["baseline"] = None
    card = render(document)

    assert "model-index" not in front_matter(card)
    assert "has not been evaluated on test data" in card


def test_hostile_text_breaks_neither_yaml_nor_markdown(document):
    markdown = pytest.importorskip("markdown_it")
    labels = [HOSTILE, HOSTILE + "2"]
    document["name"] = HOSTILE
    document["data"] |= {
        "asked": HOSTILE,
        "served_by": HOSTILE,
        "note": HOSTILE,
        "test_note": HOSTILE,
        "labels": labels,
    }
    document["model"] |= {"encoder": "hub:" + HOSTILE, "pipeline_note": HOSTILE}
    document["config"] = {"data": {"train": HOSTILE, "labels": {HOSTILE: HOSTILE}}}
    for scores in (document["test"], document["baseline"]["scores"]):
        scores["labels"] = labels
        scores["per_class"] = dict(zip(labels, scores["per_class"].values(), strict=True))
    card = render(document)
    card.encode("utf-8")

    front = front_matter(card)
    assert "license" not in front
    assert "Heading" in front["model-index"][0]["name"]

    body = card.split("\n---\n", 1)[1]
    tokens = markdown.MarkdownIt("gfm-like", {"linkify": False}).parse(body)
    flat = [child for token in tokens for child in (token, *(token.children or []))]
    kinds = {token.type for token in flat}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "strong_open", "hr"}
    headings = [
        tokens[index + 1].content for index, t in enumerate(tokens) if t.type == "heading_open"
    ]
    assert len(headings) == 6
    assert [t.info for t in tokens if t.type == "fence"] == ["sh", "python", "python", "toml"]
    codes = [token.content for token in flat if token.type == "code_inline"]
    assert "code" not in codes
    assert "evil.example" in body
    assert not re.search(r"(?<!\\)www\.|http:", body[: body.index("```toml")])


@pytest.mark.parametrize("text", ["1. item", "- item", "+ item", "=====", "> quote", "12) item"])
def test_a_note_cannot_start_a_block(document, text):
    markdown = pytest.importorskip("markdown_it")
    document["data"]["test_note"] = text
    body = render(document).split("\n---\n", 1)[1]
    html = markdown.MarkdownIt("commonmark").render(body)

    assert f"<p>{text.replace('>', '&gt;')}</p>" in html


def test_a_model_of_words_beside_the_encoder_is_told_of(document):
    assert "its logits are added by" not in render(document)
    assert front_matter(render(document))["library_name"] == "transformers"
    document["ngrams"] = WORDS
    document["model"]["transformers"] = False
    card = render(document)

    assert (
        "Beside the encoder counts a linear model of 466,228 words and pairs of words, trained on "
        "the same texts; its logits are added by 0.54. Only plaudit adds them."
    ) in card
    assert front_matter(card)["library_name"] == "plaudit"
    assert "from transformers import pipeline" not in card


@pytest.mark.parametrize("weight", [0.0, 0.54])
def test_words_in_the_encoders_place_are_told_of(document, weight):
    cascade = {"lead": 2.0, "known": 80, "scale": 1.2, "share": 0.694, "changed": 0.004}
    document["ngrams"] = WORDS | {"weight": weight, "cascade": cascade}
    for page in (render(document), render_page(document)):
        told = re.sub(r"&#39;|&#x27;", "'", page)
        assert "in the encoder's place" in told.replace("In the", "in the")
        assert "69.4%" in told
        assert "0.4%" in told
        assert ("its logits" in told) == bool(weight)


def test_labels_that_words_gave_and_texts_without_labels_are_told_of(document):
    document["data"]["cotrained"] = {"unlabelled": 7000, "named": 900, "rows": 4321}
    document["data"]["unlabelled"] = {
        "distill": {"asked": "more.csv", "rows": 1234, "left_out": 5}
    }  # fmt: skip
    card, page = render(document), render_page(document)
    assert "4,321 of the training texts got their label by words" in card
    assert "cotrain.words" in page
    assert "4,321" in page
    assert "it learns from 1,234 texts of `more.csv`" in card
