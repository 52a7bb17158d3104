"""Any DATA to the table of an audit: all its parts, with the flaws that training would refuse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plaudit.audit.records import Blank, Ints, Table
from plaudit.config import CleanConfig, SplitConfig
from plaudit.data.asked import check_columns
from plaudit.data.clean import clean
from plaudit.data.cleaned import Rows
from plaudit.data.fingerprint import fingerprints
from plaudit.data.labels import spell
from plaudit.data.records import Columns, Corpus
from plaudit.data.rows import RawRow
from plaudit.data.sources import Say, read, resolve
from plaudit.data.split import divide
from plaudit.errors import PlauditError


def read_table(data: str, columns: Columns, *, seed: int, say: Say) -> Table:
    """Read all parts of DATA.

    Parameters
    ----------
    data : str
        Any DATA. One undivided table is divided as a run with the default sizes would.
    columns : Columns
    seed : int
        Of that division.
    say : callable

    Returns
    -------
    Table

    Raises
    ------
    DataError, MissingExtra
        The data cannot be read. A row without text is no error here, it is counted.
    """
    source = resolve(data, say=say)
    check_columns(source, columns)
    corpora: list[Corpus] = []
    blank: list[Blank] = []
    for split in source.splits or (None,):
        rows: list[RawRow] = []
        labels = corpora[0].labels if corpora else None
        corpora.append(read(source, split, columns, labels=labels, say=say, blank=rows))
        blank += [Blank(row.origin, _spelt(row.label), split or "all") for row in rows]
    cleaned, places_N, source_N, emptied = _cleaned(corpora)
    parts, parts_N = source.splits, source_N
    if not source.splits:
        parts, parts_N = _divided(cleaned, corpora[0], seed)
    blank += [
        Blank(origin, corpora[0].labels[target], source.splits[number] if source.splits else "all")
        for origin, target, number in emptied
    ]
    return Table(
        cleaned,
        corpora[0].labels,
        parts,
        parts_N,
        bool(source.splits),
        source.order,
        tuple(blank),
        tuple(corpora),
        places_N,
        corpora[0].provenance.note,
    )


def raw_texts(table: Table) -> Iterator[str]:
    """Yield the texts of the table's rows as they were before cleaning, in its order."""
    place = 0
    wanted = set(table.places_N.tolist())
    for corpus in table.corpora:
        for batch in corpus.rows.iter(batch_size=1000):
            for text in batch["text"]:
                if place in wanted:
                    yield text
                place += 1


def _spelt(label: object) -> str:
    word = spell(label)
    return word if isinstance(word, str) else str(label)


def _cleaned(corpora: list[Corpus]) -> tuple[Rows, Ints, Ints, list[tuple[str, int, int]]]:
    """Clean all rows; return them, their places, their corpus, and those left with no text."""
    config = CleanConfig()
    texts: list[str] = []
    origins: list[str] = []
    targets: list[int] = []
    places: list[int] = []
    numbers: list[int] = []
    emptied: list[tuple[str, int, int]] = []
    place = 0
    for number, corpus in enumerate(corpora):
        for batch in corpus.rows.iter(batch_size=1000):
            columns = (batch["text"], batch["label"], batch["origin"])
            for raw, label, origin in zip(*columns, strict=True):
                if text := clean(raw, config):
                    texts.append(text)
                    origins.append(origin)
                    targets.append(label)
                    places.append(place)
                    numbers.append(number)
                else:
                    emptied.append((origin, label, number))
                place += 1
    rows = Rows(texts, np.asarray(targets, dtype=np.int64), origins, fingerprints(texts))
    return rows, np.asarray(places, np.int64), np.asarray(numbers, np.int64), emptied


def _divided(rows: Rows, corpus: Corpus, seed: int) -> tuple[tuple[str, ...], Ints]:
    """Divide as a run would; a table that cannot be is one part, which is no fault of it here."""
    try:
        division = divide(
            rows.prints_N, rows.targets_N, SplitConfig(), seed=seed, order=corpus.order
        )
    except PlauditError:
        return ("all",), np.zeros(len(rows), dtype=np.int64)
    parts_N = np.full(len(rows), 3, dtype=np.int64)
    chosen = (division.train, division.validation, division.test)
    for number, index in enumerate(chosen):
        parts_N[index] = number
    names = ("train", "validation", "test", "left out")
    return names if (parts_N == 3).any() else names[:3], parts_N
