"""Columns beside text and label are carried along when they are asked for, and only then."""

from __future__ import annotations

import json
import math
import tarfile
from pathlib import Path

import pytest

from plaudit.data import table_writer
from plaudit.data.records import Columns, Corpus
from plaudit.data.sources import read, resolve
from plaudit.errors import DataError

ROWS = [
    {"text": "good film", "label": "pos", "genre": "drama", "year": 1999},
    {"text": "bad film", "label": "neg", "genre": "", "year": 2001},
    {"text": "great film", "label": "pos", "genre": None, "year": 2001},
]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    lines = [",".join(ROWS[0])]
    lines += [",".join(str(row[k] or "") for k in row) for row in ROWS]
    (tmp_path / "r.csv").write_text("\n".join(lines))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "r.parquet")
    return tmp_path


def load(path: Path, *others: str, split: str | None = None) -> Corpus:
    return read(resolve(str(path)), split, Columns(others=others))


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl", "r.parquet"])
def test_a_table_carries_what_was_asked_for_as_words(files: Path, name: str) -> None:
    corpus = load(files / name, "year", "genre", "label")

    assert corpus.rows["by:year"][:] == ["1999", "2001", "2001"]
    assert corpus.rows["by:genre"][:] == ["drama", None, None]
    assert corpus.rows["by:label"][:] == ["pos", "neg", "pos"]


def test_what_stands_for_no_number_is_no_value(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = {"text": ["a", "b"], "label": ["x", "y"], "score": [math.nan, 0.5]}
    pq.write_table(pa.table(rows), tmp_path / "r.parquet")
    columns = Columns(label="label", others=("score",))
    found = read(resolve(str(tmp_path / "r.parquet")), None, columns)
    assert found.rows["by:score"][:] == [None, "0.5"]


def test_nothing_else_is_carried(files: Path) -> None:
    assert load(files / "r.csv").rows.column_names == ["text", "label", "origin"]


def test_what_is_carried_moves_to_disk_with_the_texts(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_writer, "CHUNK_ROWS", 1)
    monkeypatch.setattr(table_writer, "SPILL_BYTES", 0)

    assert load(files / "r.csv", "year").rows["by:year"][:] == ["1999", "2001", "2001"]


def test_a_column_that_is_not_there_is_named_with_its_nearest(files: Path) -> None:
    with pytest.raises(DataError, match=r"results by 'yaer'.*did you mean 'year'"):
        load(files / "r.csv", "yaer")


@pytest.fixture
def acl(tmp_path: Path) -> Path:
    for label, ratings in (("neg", (1, 4)), ("pos", (7, 10))):
        folder = tmp_path / "aclImdb" / "test" / label
        folder.mkdir(parents=True)
        for n, rating in enumerate(ratings):
            (folder / f"{n}_{rating}.txt").write_text(f"{label} film {n}")
    return tmp_path / "aclImdb"


def test_the_layout_of_imdb_has_a_rating_in_its_names(acl: Path) -> None:
    with tarfile.open(acl.parent / "acl.tar.gz", "w:gz") as tar:
        tar.add(acl, "aclImdb")

    for path in (acl, acl.parent / "acl.tar.gz"):
        assert load(path, "rating", split="test").rows["by:rating"][:] == ["1", "4", "7", "10"]
        assert "by:rating" not in load(path, split="test").rows.column_names


def test_it_has_nothing_else(acl: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'stars'.*only 'rating'"):
        load(acl, "stars", split="test")
