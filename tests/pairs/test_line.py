"""Pairs through the whole line: read, trained, saved, predicted, scored, exported."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from plaudit import run
from plaudit.cli import app
from plaudit.cli.advice import predicting
from plaudit.compare import contenders
from plaudit.config import CleanConfig, load
from plaudit.data import pair_inputs
from plaudit.data.fingerprint import fingerprints
from plaudit.data.text_pairs import joined
from plaudit.embed import embed
from plaudit.errors import ConfigError, DataError
from plaudit.explain import explain
from plaudit.predict import Classifier
from plaudit.robustness import robustness
from plaudit.score import score

ASKED = [("good film", "the bad"), ("the bad", "good film"), ("good film", "best plot"),
         ("worst a", "dull it")]  # fmt: skip
ANSWERS = ["turns", "stays", "stays", "stays"]


@pytest.fixture(scope="module")
def classifier(trained: run.Run) -> Classifier:
    return Classifier.load(trained.model)


def plaudit_(*words: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, [*map(str, words)], input=stdin, prog_name="plaudit")


def test_the_model_tells_what_neither_text_tells_alone(
    trained: run.Run, classifier: Classifier
) -> None:
    assert trained.report["test"]["metrics"]["accuracy"]["value"] > 0.95
    assert [each.label for each in classifier.predict(ASKED)] == ANSWERS
    # The first text alone: "turns" is likeliest wherever it praises, and right in 70% of these.
    assert trained.report["data"]["rows"]["test"] == 100


def test_the_baseline_reads_both_texts(trained: run.Run) -> None:
    baseline = trained.report["baseline"]
    assert baseline["scores"]["metrics"]["accuracy"]["value"] > 0.9
    assert baseline["name"].endswith("the words of either text counted apart")


def test_pipeline_gives_the_same_labels(trained: run.Run, classifier: Classifier) -> None:
    import transformers

    pipe = transformers.pipeline("text-classification", model=str(trained.model))
    theirs = [pipe({"text": a, "text_pair": b}) for a, b in ASKED]
    ours = classifier.predict(ASKED)
    for their, our in zip(theirs, ours, strict=True):
        found = their[0] if isinstance(their, list) else their
        assert found["label"] == our.label


def test_what_is_shown_of_pairs_has_no_control_characters(trained: run.Run) -> None:
    for path in trained.folder.rglob("*"):
        if path.suffix in {".html", ".md"} or path.name == "report.json":
            assert "\0" not in path.read_text(encoding="utf-8"), path
            assert "\\u0000" not in path.read_text(encoding="utf-8"), path


def test_what_is_advised_of_a_pair_model_gives_it_two_texts(trained: run.Run) -> None:
    command = predicting(trained.model)
    assert command == f"plaudit predict {trained.model} 'Is it good?' 'A triumph.'"
    done = plaudit_(*shlex.split(command)[1:])
    assert (done.exit_code, len(done.stdout.splitlines())) == (0, 1)
    card = (trained.model / "README.md").read_text(encoding="utf-8")
    assert 'classifier.predict([("Is it good?", "A triumph.")])' in card


def test_evaluate_finds_the_held_out_pairs_again(trained: run.Run, pairs_file: Path) -> None:
    found = run.evaluate(trained.model, str(pairs_file))
    assert (found["split"], found["rows"], found["overlap"]["rows"]) == ("test", 100, 0)
    assert found["metrics"]["accuracy"] == trained.report["test"]["metrics"]["accuracy"]


def test_equal_pairs_are_one_text_and_pairs_that_share_one_half_are_not(
    tmp_path: Path, trained: run.Run
) -> None:
    path = tmp_path / "twice.csv"
    rows = [("good film", "the bad", "turns")] * 2 + [("good film", "best plot", "stays")]
    path.write_text("premise,hypothesis,label\n" + "".join(",".join(row) + "\n" for row in rows))
    found = run.evaluate(trained.model, str(path))
    assert found["deduplicated"]["rows"] == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a text"], r"text 0 is str, not two texts: 'a text'.*predict\(\[\(text, second\)\]\)"),
        ([("a", "b", "c")], "text 0 is tuple, not two texts"),
        ([("a", None)], "text 0 is NoneType, not a string"),
    ],
)
def test_what_is_no_pair_is_refused(classifier: Classifier, given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        classifier.predict(given)


def test_both_halves_are_cleaned(classifier: Classifier) -> None:
    dirty = [("good<br />\x00film", "the  bad"), ("the bad", "good&#32;film")]
    plain = classifier.predict([("good film", "the bad"), ("the bad", "good film")])
    for one, other in zip(classifier.predict(dirty), plain, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities)


def test_predict_takes_two_texts_a_table_and_objects_on_standard_input(
    trained: run.Run, tmp_path: Path
) -> None:
    model, table = trained.model, tmp_path / "new.jsonl"
    assert plaudit_("predict", model, *ASKED[0]).stdout.split("\t")[0::2] == ["turns", "good film"]
    rows = [json.dumps(dict(zip(("premise", "hypothesis"), pair, strict=True))) for pair in ASKED]
    table.write_text("\n".join(rows) + "\n")
    lines = plaudit_("predict", model, table).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ANSWERS
    assert lines[0].split("\t")[2:] == list(ASKED[0])
    objects = "".join(json.dumps({"text": a, "text_pair": b}) + "\n" for a, b in ASKED).encode()
    done = plaudit_("predict", model, "-", "--json", stdin=objects.replace(b"\n", b"\n\n", 1))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["text"], each["text_pair"], each["label"]) for each in found] == [
        (*pair, label) for pair, label in zip(ASKED, ANSWERS, strict=True)
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["one text"], "1 texts were given, and the model labels pairs"),
        (["{csv}", "--text-pair", "hypotheses"], "no one column 'hypotheses'.*did you mean 'hypo"),
        (["{txt}"], "a line of a .txt file is one text"),
        (["a", "b", "--text", "premise"], "--text premise names a column of a table"),
        (["a", "b", "--text-pair", "hypothesis"], "--text-pair hypothesis names a column"),
        (["-"], "standard input:2: 'just words' is not a pair"),
        (["{csv}", "--text", "hypothesis"], "both texts of a pair .* from the column 'hypothesis'"),
        (["{csv}", "{txt}"], "names a file, and beside it 1 other arguments"),
    ],
)
def test_what_predict_cannot_read_as_pairs_is_said(
    trained: run.Run, pairs_file: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "lines.txt").write_text("a\n")
    named = {"csv": pairs_file, "txt": tmp_path / "lines.txt"}
    piped = b'{"text": "a", "text_pair": "b"}\njust words\n'
    done = plaudit_("predict", trained.model, *(w.format(**named) for w in words), stdin=piped)
    assert done.exit_code == 2
    assert re.search(message, " ".join(done.stderr.split())), done.stderr


def test_score_labels_pairs_and_puts_aside_those_without_a_second_text(
    trained: run.Run, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    lines = [",".join(pair) for pair in ASKED]
    source.write_text("\n".join(["premise,hypothesis", *lines, "alone,"]) + "\n")
    done = score(trained.model, source, out)
    assert (done.rows, done.scored, done.quarantined) == (5, 4, 1)
    with out.open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ANSWERS
    assert done.quarantine is not None
    assert "'hypothesis': the text is empty" in done.quarantine.read_text()


def test_an_export_takes_token_types_and_agrees_on_pairs(
    trained: run.Run, classifier: Classifier
) -> None:
    pytest.importorskip("onnxruntime")
    from plaudit.export import export

    exported = export(trained.model, "onnx")
    assert exported.gate.differ == 0.0
    answers = Classifier.load(exported.folder)
    names = {each.name for each in answers.engine.session.get_inputs()}  # type: ignore[attr-defined]
    assert names == {"input_ids", "attention_mask", "token_type_ids"}
    for one, other in zip(answers.predict(ASKED), classifier.predict(ASKED), strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_what_is_for_single_texts_is_refused_with_what_is_not(
    trained: run.Run, tmp_path: Path, pairs_file: Path
) -> None:
    for refused in (
        lambda: explain(trained.model, ["a"]),
        lambda: robustness(trained.model),
        lambda: embed(str(trained.model), str(pairs_file), tmp_path / "v.npy"),
    ):
        with pytest.raises(ConfigError, match=r"labels pairs .*'hypothesis'.*predict, evaluate"):
            refused()


def test_settings_that_single_texts_alone_have_are_refused_together() -> None:
    with pytest.raises(ConfigError) as refused:
        load("x.csv", ["data.text_pair=b", "text.policy=windows", "data.exclude=y.csv",
                       "report.robustness=true"])  # fmt: skip
    assert [line.strip().split("=")[0] for line in str(refused.value).splitlines()] == [
        "text.policy", "data.exclude", "report.robustness",
    ]  # fmt: skip


def test_a_model_of_single_texts_has_no_second_column(workshop: Path, pairs_file: Path) -> None:
    from plaudit.data.records import Columns

    model = workshop / "runs" / "quickstart" / "model"
    with pytest.raises(DataError, match="trained on single texts"):
        run.evaluate(model, str(pairs_file), columns=Columns(text_pair="hypothesis"))
    with pytest.raises(DataError, match="text 0 is tuple, not a string"):
        Classifier.load(model).predict([("a", "b")])


def test_models_that_clean_otherwise_know_the_same_pair() -> None:
    from types import SimpleNamespace

    raw = [joined("A <b>good</b> film", "the  bad")]
    rows = SimpleNamespace(raw=lambda index: [raw[i] for i in index])
    prints = contenders._prints(rows, np.array([0]), CleanConfig())  # type: ignore[arg-type]
    assert prints.tolist() == fingerprints([joined("A good film", "the bad")]).tolist()


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("title", "text"), {"text": "one", "text_pair": "two"}),
        (("title", "text"), {"title": "one", "text": "two"}),
        (("text", "answer"), {"text": "one", "answer": "two"}),
        (("text", "answer"), {"text": "one", "text_pair": "two"}),
        (("premise", "hypothesis"), {"premise": "one", "hypothesis": "two", "text": "three"}),
    ],
)
def test_both_halves_are_found_by_one_kind_of_name(
    names: tuple[str, str], given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = io.BytesIO(json.dumps(given).encode() + b"\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(line))
    assert list(pair_inputs.gather(["-"], names)) == [[("one", "two")]]


@pytest.mark.parametrize("given", [{"title": "one", "text_pair": "two"}, {"text": "one"}])
def test_halves_of_two_kinds_of_name_are_no_pair(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = io.BytesIO(json.dumps(given).encode() + b"\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(line))
    with pytest.raises(DataError, match="is not a pair"):
        list(pair_inputs.gather(["-"], ("title", "text")))
