"""Every verb reads the column that a model was trained on, and no other in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plaudit import artifact, labelled
from plaudit.artifact import Spec
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
    with pytest.raises(DataError, match="there is no column 'reply'"):
        found(table(tmp_path, "text,answer,label", *rows), spec, text="reply")


def test_prediction_and_scoring_read_it_too(tmp_path: Path) -> None:
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
