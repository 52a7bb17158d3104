"""Every verb reads the column that a model was trained on, and no other in its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import plaudit
from plaudit import artifact, labelled
from plaudit.artifact import Spec
from plaudit.cli import app
from plaudit.data import texts
from plaudit.data.records import Columns
from plaudit.data.sources import resolve
from plaudit.errors import DataError
from plaudit.score import read
from tests.test_artifact import make


@pytest.fixture(scope="module")
def spec(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Spec:
    found = artifact.read_spec(make(tmp_path_factory.mktemp("m") / "model", tiny_encoder))
    own = {"labels": ("negative", "positive"), "text_column": "answer", "label_column": "label"}
    return found.model_copy(update=own)


def table(folder: Path, head: str, *rows: str) -> Path:
    path = folder / "t.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def found(path: Path, spec: Spec, **columns: Any) -> list[str]:
    return labelled.find(resolve(str(path)), None, Columns(**columns), spec).rows.texts


def test_a_bad_row_does_not_make_another_column_be_measured(tmp_path: Path, spec: Spec) -> None:
    rows = ["other,good,positive", "other,,negative"]
    path = table(tmp_path, "text,answer,label", *rows)
    with pytest.raises(DataError, match=r"t\.csv:3: the text is empty"):
        found(path, spec)
    path = table(tmp_path, "text,answer,label,category", "a,b,positve,x", "c,d,negative,y")
    with pytest.raises(DataError, match=r"'positve'.*did you mean 'positive'"):
        found(path, spec)


def test_only_the_column_that_is_not_there_is_guessed(tmp_path: Path, spec: Spec) -> None:
    rows = ["good,positive,x", "bad,negative,y"]
    # "category" might be the label as well, and is not asked about: there is "label".
    assert found(table(tmp_path, "review,label,category", *rows), spec) == ["good", "bad"]
    rows = ["other,good,positive", "other,bad,negative"]
    assert found(table(tmp_path, "text,answer,sentiment", *rows), spec) == ["good", "bad"]
    assert found(table(tmp_path, "text,answer,label", *rows), spec, text="text") == ["other"] * 2
    # Neither is there: the guess of the one leaves the other out.
    rows = ["good,positive", "bad,negative"]
    assert found(table(tmp_path, "utterance,sentiment", *rows), spec) == ["good", "bad"]
    assert found(table(tmp_path, "label,sentiment", *rows), spec, text="label") == ["good", "bad"]
    named = table(tmp_path, "review,answer", *rows)
    assert found(named, spec, label="answer") == ["good", "bad"]
    with pytest.raises(DataError, match="there is no column 'reply'"):
        found(table(tmp_path, "text,answer,label", *rows), spec, text="reply")


def test_of_several_files_each_must_have_it(tmp_path: Path, spec: Spec) -> None:
    (tmp_path / "a.csv").write_text("text,answer,label\nother,good,positive\n")
    (tmp_path / "b.csv").write_text("text,label\nother,negative\n")
    with pytest.raises(DataError, match=r"b\.csv: there is no column 'answer'"):
        found(tmp_path / "?.csv", spec)


@pytest.fixture
def model(workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that calls the column of its texts "answer"."""
    path = tmp_path / "model"
    shutil.copytree(workshop / "runs/quickstart/model", path)
    manifest = path / artifact.MANIFEST
    document = json.loads(manifest.read_text())
    spec = document.get("spec", document)
    spec["text_column"] = "answer"
    manifest.write_text(json.dumps(document))
    return path


def test_each_verb_reads_it(model: Path, tmp_path: Path) -> None:
    assert artifact.read_spec(model).text_column == "answer"
    path = table(
        tmp_path, "text,answer,label", "dull,A good film.,positive", "fine,Awful.,negative"
    )
    wanted = ["A good film.", "Awful."]

    blocks = labelled.given(model, [str(path)], None, None)
    assert [text for block in blocks for text in block] == wanted

    done = CliRunner().invoke(app, ["explain", str(model), str(path), "--json"])
    assert done.exit_code == 0, done.stderr
    shown = ["".join(word["text"] for word in each["words"]) for each in json.loads(done.stdout)]
    assert [each[:1] for each in shown] == ["A", "A"]

    plaudit.score(model, path, tmp_path / "out.jsonl", probabilities=True)
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    likely = [p.probabilities["positive"] for p in plaudit.predict(model, wanted)]
    found = [row["predicted_probability_positive"] for row in rows]
    assert found == pytest.approx(likely, abs=1e-5)

    expected = plaudit.Embedder.load(model).embed(wanted)
    for name, columns in (("a.npy", None), ("b.npy", Columns(label="label"))):
        plaudit.embed(model, str(path), tmp_path / name, columns=columns)
        np.testing.assert_allclose(np.load(tmp_path / name), expected, atol=1e-5)


def test_prediction_and_scoring_choose_it_before_any_guess(tmp_path: Path) -> None:
    path = table(tmp_path, "text,answer", "other,good", "other,bad")

    def given(*columns: str | None) -> list[str]:
        return [t for block in texts.gather([str(path)], column=columns[0], trained=columns[1])
                for t in block]  # fmt: skip

    assert given(None, "answer") == ["good", "bad"]
    assert given("text", "answer") == ["other", "other"]
    assert given(None, "gone") == ["other", "other"]  # the one that is called so
    assert read.find(path, None, None, "answer").text == "answer"
    assert read.find(path, "text", None, "answer").text == "text"
    assert read.find(path, None, None, "gone").text == "text"


def test_names_of_files_with_spaces_are_no_reviews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my dir").mkdir()
    assert texts.names_a_file("my dir/*.csv")
    assert texts.names_a_file("my dir/a c.csv")
    assert texts.names_a_file("gone.csv")
    assert not texts.names_a_file("I saw it and/or read the notes.txt")
    assert not texts.names_a_file("see the notes.txt")
    assert not texts.names_a_file(".csv")
    Path("my/parts").mkdir(parents=True)
    assert not texts.names_a_file("my/parts/*")
    Path("my/parts/a.csv").touch()
    assert texts.names_a_file("my/parts/*")
    assert not texts.names_a_file("and/or?")
