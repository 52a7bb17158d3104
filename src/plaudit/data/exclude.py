"""Texts that a run must not learn from, such as the originals of pairs kept for evaluation."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.config import CleanConfig
from plaudit.data import tables
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprints, loose_fingerprints
from plaudit.data.formats import TableFile
from plaudit.data.header import LABEL_NAMES, plain_name
from plaudit.data.problems import Problems, quoted
from plaudit.errors import DataError

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Found:
    """Which rows are to be left out, and which of the K texts were found among them.

    Attributes
    ----------
    rows_N, texts_K : ndarray of bool
    """

    rows_N: Bools
    texts_K: Bools


@dataclass(frozen=True, slots=True)
class Excluded:
    """What ``data.exclude`` kept out.

    Attributes
    ----------
    asked : str
        The file.
    columns : tuple of str
        Those that were taken for texts.
    texts : int
        Different texts in them.
    matched : int
        Of these, those that stood in training or validation.
    train, validation : int
        Rows left out of each.
    """

    asked: str
    columns: tuple[str, ...]
    texts: int
    matched: int
    train: int
    validation: int

    def to_dict(self) -> dict[str, Any]:
        """Return the section ``data.excluded`` of a report."""
        return asdict(self) | {"columns": list(self.columns)}

    def line(self) -> str:
        """Say in a line what was left out; loudly when it was nothing."""
        which = f"{self.asked} ({quoted(self.columns)})"
        if not self.matched:
            return (
                f"ATTENTION: data.exclude left nothing out: none of the {self.texts:,} texts of "
                f"{which} stands in the training or validation data. Check that it is the right "
                "file."
            )
        return (
            f"data.exclude: {self.train:,} rows left out of training and {self.validation:,} out "
            f"of validation; {self.matched:,} of the {self.texts:,} texts of {which} stood there."
        )


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Texts to keep out.

    Attributes
    ----------
    asked : str
        The file, as the user named it.
    columns : tuple of str
        The columns that were taken for texts.
    prints_K, loose_K : ndarray of uint64
        Fingerprints of each text, exact and but for case, spacing and punctuation.
    """

    asked: str
    columns: tuple[str, ...]
    prints_K: np.ndarray
    loose_K: np.ndarray

    def find(self, texts: Sequence[str], prints_N: np.ndarray) -> Found:
        """Find the texts among rows.

        Parameters
        ----------
        texts : sequence of str
            Cleaned.
        prints_N : ndarray of uint64
            Their fingerprints.

        Returns
        -------
        Found
        """
        loose_N = loose_fingerprints(texts)
        rows_N = np.isin(prints_N, self.prints_K) | np.isin(loose_N, self.loose_K)
        texts_K = np.isin(self.prints_K, prints_N) | np.isin(self.loose_K, loose_N)
        return Found(rows_N, texts_K)

    def outcome(self, train: Found, validation: Found) -> Excluded:
        """Count what was left out of both parts."""
        return Excluded(
            self.asked,
            self.columns,
            len(self.prints_K),
            matched=int((train.texts_K | validation.texts_K).sum()),
            train=int(train.rows_N.sum()),
            validation=int(validation.rows_N.sum()),
        )


def read(asked: str, config: CleanConfig) -> Exclusion:
    """Read the texts of every column that holds words, but for labels.

    Parameters
    ----------
    asked : str
        A CSV, TSV, JSONL or Parquet file, or a glob of them.
    config : CleanConfig
        The run's cleaning, so that texts are compared as the run sees them.

    Returns
    -------
    Exclusion

    Raises
    ------
    DataError
        The file is not there, cannot be read, or has no column of texts.
    """
    columns: dict[str, None] = {}
    texts: dict[str, None] = {}
    for file in tables.find(asked):
        of_file: dict[str, None] = {}
        for name, text in _texts_of(file):
            of_file[name] = None
            texts[clean(text, config)] = None
        if not of_file:
            raise DataError(
                f"{file.name}: data.exclude takes a file with a column of texts; the columns are "
                f"{quoted(tables.header(file).names)}."
            )
        columns |= of_file
    texts.pop("", None)
    return Exclusion(asked, tuple(columns), fingerprints(texts), loose_fingerprints(texts))


def _texts_of(file: TableFile) -> Iterator[tuple[str, str]]:
    """Yield the texts, each with its column's name.

    All strings of the columns that hold words in the first rows; of the others, of which any row
    may be the first with words, those that are words.
    """
    header, problems = tables.header(file), Problems()
    possible = header.texts if file.format == "parquet" else header.names  # it has a schema
    wanted = tuple(dict.fromkeys(n for n in header.names if n in possible and not _is_label(n)))
    for _, found in tables.records(file, wanted, problems):
        for name, cell in found.items():
            if not isinstance(cell, str) or _is_label(name):
                continue
            if name in header.texts or tables.is_wordy(cell):
                yield name, cell
    problems.stop_if_any()


@functools.cache
def _is_label(name: str) -> bool:
    """Recognise a column of labels: "Positive" is no text that one wants to keep out."""
    plain = plain_name(name)
    return plain in LABEL_NAMES or plain.endswith(("label", "sentiment"))
