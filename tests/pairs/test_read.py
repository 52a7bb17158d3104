from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from plaudit.config import CleanConfig
from plaudit.data.cleaned import rows_of
from plaudit.data.records import Columns
from plaudit.data.sources import read, resolve
from plaudit.data.text_pairs import halves
from plaudit.errors import DataError
from plaudit.evaluate.baseline import tfidf

ROWS = [("A man eats.", "He <b>eats</b>.", "yes"), ("A man eats.", "He sleeps.", "no")]
BOTH = Columns(text="premise", text_pair="hypothesis")


def write(path: Path, rows: list[tuple[str | None, ...]]) -> Path:
    named = [dict(zip(("premise", "hypothesis", "label"), row, strict=True)) for row in rows]
    match path.suffix:
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in named))
        case ".parquet":
            import pyarrow as pa
            import pyarrow.parquet as pq

            pq.write_table(pa.Table.from_pylist(named), path)
        case suffix:
            sign = "," if suffix == ".csv" else "\t"
            lines = [sign.join(value or "" for value in row) for row in rows]
            path.write_text("\n".join([sign.join(named[0]), *lines]) + "\n")
    return path


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_pairs_are_read_from_every_kind_of_table_and_cleaned_apart(
    tmp_path: Path, kind: str
) -> None:
    corpus = read(resolve(str(write(tmp_path / f"nli{kind}", ROWS))), None, BOTH)
    rows = rows_of(corpus, CleanConfig())
    assert [halves(text) for text in rows.texts] == [
        ("A man eats.", "He eats ."), ("A man eats.", "He sleeps."),
    ]  # fmt: skip
    assert rows.prints_N[0] != rows.prints_N[1]
    assert rows.shown().texts[1] == "A man eats. ⟷ He sleeps."


@pytest.mark.parametrize("kind", [".csv", ".jsonl"])
def test_a_row_without_a_second_text_is_named_by_file_and_line(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"nli{kind}", [*ROWS, ("Alone.", None, "no")])
    line = 4 if kind == ".csv" else 3
    flaw = "the text is empty" if kind == ".csv" else "the row has no text"
    missing = rf"nli{kind}:{line}: of the second text \(data\.text_pair\): {flaw}"
    with pytest.raises(DataError, match=missing):
        read(resolve(str(path)), None, BOTH)


def test_a_second_text_that_is_only_mark_up_is_empty_once_cleaned(tmp_path: Path) -> None:
    path = write(tmp_path / "nli.csv", [*ROWS, ("Text.", "<br />", "no")])
    with pytest.raises(DataError, match=r"1 texts are empty once cleaned: nli.csv:4"):
        rows_of(read(resolve(str(path)), None, BOTH), CleanConfig())


@pytest.mark.parametrize(
    ("column", "found"),
    [("hypotesis", "has none.*did you mean 'hypothesis'"), ("premise", "that is data.text"),
     ("label", "that is data.label")],
)  # fmt: skip
def test_a_second_column_that_cannot_be_is_answered_with_those_present(
    tmp_path: Path, column: str, found: str
) -> None:
    path = write(tmp_path / "nli.csv", ROWS)
    with pytest.raises(DataError, match=rf"needs a column '{column}' of its own, but .*{found}"):
        read(resolve(str(path)), None, Columns("premise", "label", text_pair=column))


def test_the_second_column_is_no_candidate_for_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "nli.csv", ROWS)
    assert len(read(resolve(str(path)), None, Columns(text_pair="hypothesis")).rows) == 2


def test_a_folder_of_texts_has_no_second_ones(tmp_path: Path) -> None:
    for label in ("neg", "pos"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.txt").write_text("text")
    with pytest.raises(DataError, match="it holds single texts, and so no column 'b'"):
        read(resolve(str(tmp_path)), None, Columns(text_pair="b"))


def test_the_baseline_tells_the_same_word_in_either_text_apart() -> None:
    texts = ["good\0bad", "bad\0good"] * 6
    found = tfidf(texts, np.array([0, 1] * 6), ["good\0bad", "bad\0good"], 2)
    assert found.probabilities_NC.argmax(axis=1).tolist() == [0, 1]
