"""Several labels a text, from the table to the answers, on a tiny encoder."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn import metrics as sk
from typer.testing import CliRunner

import plaudit
from plaudit import artifact, run
from plaudit.cli import app
from plaudit.errors import ArtifactError, ConfigError
from plaudit.predict import Classifier
from tests.multilabel.conftest import SMALL, configured

TEXTS = ["a great lovely triumph", "a bad dull waste and very awful", "it is the film"]


def invoke(*words: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(app, list(words))
    return found.exit_code, found.stdout, found.stderr


def test_it_learns_and_the_report_has_the_metrics_of_label_sets(finished: run.Run) -> None:
    test = finished.report["test"]
    assert test["labels"] == ["blame", "praise"]
    assert finished.report["data"]["multilabel"]
    assert test["metrics"]["micro_f1"]["value"] > 0.8
    low, value, high = (test["metrics"]["subset_accuracy"][k] for k in ("low", "value", "high"))
    assert 0 < low < value < high < 1
    assert finished.report["baseline"]["scores"]["metrics"]["micro_f1"]["value"] > 0.8


def test_the_cards_code_is_python(finished: run.Run) -> None:
    card = (finished.model / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    for block in blocks:
        ast.parse(block)
    assert any("top_k=None" in block for block in blocks)


def test_the_reports_figures_are_scikit_learns_on_the_kept_predictions(finished: run.Run) -> None:
    table = pq.read_table(finished.folder / "predictions.parquet").to_pydict()
    labels = finished.report["test"]["labels"]
    truth, given = (
        np.array([[label in own for label in labels] for own in table[name]])
        for name in ("truth", "predicted")
    )
    scores = np.stack([table[f"p:{label}"] for label in labels], axis=1)
    metrics = finished.report["test"]["metrics"]
    assert metrics["micro_f1"]["value"] == pytest.approx(sk.f1_score(truth, given, average="micro"))
    assert metrics["subset_accuracy"]["value"] == pytest.approx(sk.accuracy_score(truth, given))
    assert metrics["macro_average_precision"]["value"] == pytest.approx(
        sk.average_precision_score(truth, scores)
    )
    thresholds = artifact.read_spec(finished.model).decision.label_thresholds  # type: ignore[union-attr]
    assert (given == (scores >= np.array(thresholds))).all()


def test_transformers_gives_the_same_probabilities(finished: run.Run) -> None:
    import transformers

    classify = transformers.pipeline(
        "text-classification", model=str(finished.model), tokenizer=str(finished.model), top_k=None
    )
    assert "plaudit.MultiLabelClassifier.load(" in (finished.model / "report.html").read_text()
    own = plaudit.MultiLabelClassifier.load(finished.model).predict(TEXTS)
    for found, mine in zip(classify(TEXTS), own, strict=True):
        theirs = {each["label"]: each["score"] for each in found}
        assert theirs == pytest.approx(dict(mine.probabilities), abs=1e-5)


def test_a_label_is_given_from_its_threshold_on(finished: run.Run) -> None:
    model = plaudit.MultiLabelClassifier.load(finished.model)
    for found in model.predict(TEXTS):
        reached = [
            label
            for label, least in zip(model.labels, model.thresholds, strict=True)
            if found.probabilities[label] >= least
        ]
        assert found.labels == tuple(reached)
    sets = [set(found.labels) for found in model.predict(TEXTS)]
    assert sets[0] == {"praise"}
    assert sets[1] == {"blame"}


def test_evaluate_finds_what_was_held_out_and_says_the_same(
    finished: run.Run, tables: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.parquet"
    found = plaudit.evaluate(finished.model, str(tables / "joined.csv"), rows_file=rows)
    assert (found["split"], found["rows"], found["overlap"]["rows"]) == ("test", 60, 0)
    assert found["metrics"]["micro_f1"]["value"] == pytest.approx(
        finished.report["test"]["metrics"]["micro_f1"]["value"]
    )
    assert (
        found["per_class"]["praise"]["support"]
        == finished.report["test"]["per_class"]["praise"]["support"]
    )
    kept = pq.read_table(finished.folder / "predictions.parquet")
    assert pq.read_table(rows).column("predicted") == kept.column("predicted")
    json.dumps(found, allow_nan=False)


def test_the_form_of_the_labels_does_not_matter(finished: run.Run, tables: Path) -> None:
    joined = plaudit.evaluate(finished.model, str(tables / "joined.csv"), split="all")
    for name, column in (("lists.jsonl", None), ("columns.csv", "blame,praise")):
        from plaudit.data.records import Columns

        columns = Columns(label=column)
        other = plaudit.evaluate(finished.model, str(tables / name), split="all", columns=columns)
        assert other["metrics"] == joined["metrics"]
        assert other["together"] == joined["together"]
    assert joined["overlap"]["rows"] == 180
    assert joined["overlap"]["test_without"]["rows"] == 60


def test_predict_answers_in_one_document_a_text(finished: run.Run) -> None:
    code, out, _ = invoke("predict", str(finished.model), *TEXTS, "--json")
    found = [json.loads(line) for line in out.splitlines()]
    own = plaudit.predict(finished.model, TEXTS)
    assert code == 0
    assert [each["labels"] for each in found] == [list(each.labels) for each in own]  # type: ignore[union-attr]
    assert set(found[0]) == {"text", "labels", "probabilities"}
    _, out, _ = invoke("predict", str(finished.model), TEXTS[0])
    assert out.startswith("praise 0.")


def test_score_writes_sets_in_every_form(finished: run.Run, tables: Path, tmp_path: Path) -> None:
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        plaudit.score(
            finished.model, tables / "joined.csv", tmp_path / name, text="text", probabilities=True
        )
    with (tmp_path / "out.csv").open(newline="") as file:
        joined = [row["labels"] for row in csv.DictReader(file)]
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    listed = pq.read_table(tmp_path / "out.parquet").column("labels").to_pylist()
    assert [line["labels"] for line in lines] == listed
    assert joined == ["|".join(labels) for labels in listed]
    assert {"probability_blame", "probability_praise"} <= set(lines[0])
    assert {"", "blame", "praise", "blame|praise"} >= set(joined)
    assert len(set(joined)) > 2


def test_an_export_gives_the_same_sets(finished: run.Run, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    out = tmp_path / "onnx"
    code, shown, told = invoke("export", str(finished.model), "--out", str(out), "--json")
    assert code == 0
    assert json.loads(shown)["gate"]["differ"] == 0.0
    assert f"next: plaudit evaluate {out} DATA" in told
    assert plaudit.predict(out, TEXTS)[0].labels == ("praise",)  # type: ignore[union-attr]


def test_the_gate_sees_a_label_more(finished: run.Run) -> None:
    from plaudit.export import gate

    model = plaudit.MultiLabelClassifier.load(finished.model)
    least = np.array(model.thresholds)
    answers = gate._answers(model, np.stack([least, least - [0, 1e-6]]))
    assert answers.tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize("verb", ["explain", "bench", "robustness", "compare", "audit"])
def test_a_verb_for_one_label_a_text_refuses(
    verb: str, finished: run.Run, reviews_file: Path
) -> None:
    model = str(finished.model)
    words = {
        "explain": ["explain", model, "A triumph."],
        "bench": ["bench", model],
        "robustness": ["robustness", model],
        "compare": ["compare", str(finished.folder)],
        "audit": ["audit", str(reviews_file), "--model", model],
    }
    code, out, err = invoke(*words[verb])
    assert code == 2, err
    assert out == ""
    assert "any number of labels" in err
    assert "Traceback" not in err


def test_the_refusal_says_what_takes_such_a_model(finished: run.Run) -> None:
    with pytest.raises(ConfigError, match=r"any number of labels .* predict, evaluate, score"):
        Classifier.load(finished.model)


@pytest.mark.parametrize("verb", ["ablate", "tune"])
def test_a_verb_that_trains_refuses_before_it_trains(
    verb: str, tables: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    shared = [*SMALL, f"model.encoder={tiny_encoder}", f"out={tmp_path / 'runs'}"]
    choice = ["optim.lr=1e-3,1e-4"] if verb == "ablate" else []
    code, _, err = invoke(verb, str(tables / "joined.csv"), *choice, *shared)
    assert code == 2
    assert f"plaudit {verb}: data.multilabel is true" in err
    assert not (tmp_path / "runs").exists()


def test_lr_climbs_on_label_sets(tables: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    config = configured(tables / "joined.csv", tiny_encoder, tmp_path, "split.test_size=60")
    found = plaudit.lr(config, low=1e-5, high=1.0, steps=8)
    assert found.rungs[0].loss == pytest.approx(np.log(2), abs=0.1)


def test_embed_takes_the_encoder_of_such_a_model(finished: run.Run, tables: Path, tmp_path: Path):
    plaudit.embed(str(finished.model), str(tables / "lists.jsonl"), str(tmp_path / "e.npy"))
    assert np.load(tmp_path / "e.npy").shape == (240, 32)


def test_a_model_folder_whose_parts_disagree_is_refused(finished: run.Run, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished.model, tmp_path / "model"))
    manifest = json.loads((copy / "plaudit.json").read_text())
    manifest["label_separator"] = None
    (copy / "plaudit.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="problem_type 'multi_label_classification'"):
        Classifier.load(copy)


def test_page_and_card_show_each_label_with_its_threshold(finished: run.Run) -> None:
    page = (finished.model / "report.html").read_text()
    card = (finished.model / "README.md").read_text()
    found = finished.report["decision"]["label_thresholds"]
    for each in found:
        assert f"{each['threshold']:.3f}" in page
        assert f"| {each['label']} | {each['threshold']:.3f} |" in card
    assert "Which labels occur together" in page
    assert "Not calibrated" in page
    assert "MultiLabelClassifier.load" in card
    assert "multi-label-classification" in card
    assert "one of its labels whatever" not in card
    assert "micro F1" in page.split("</header>")[0]


def test_without_a_test_set_the_page_still_opens(
    tables: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    config = configured(
        tables / "lists.jsonl", tiny_encoder, tmp_path, "train.max_steps=1", "split.test_size=0",
        "split.validation_size=0",
    )  # fmt: skip
    done = run.train(config)
    assert done.report["test"] is None
    thresholds = [each["threshold"] for each in done.report["decision"]["label_thresholds"]]
    assert thresholds == [0.5, 0.5]
    assert "has not been evaluated" in (done.model / "README.md").read_text()
