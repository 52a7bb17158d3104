"""Rows that are cleaned and can be divided, joined and encoded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from plaudit.config import CleanConfig
from plaudit.data.fingerprint import fingerprints
from plaudit.data.records import Corpus
from plaudit.data.text_pairs import SEPARATOR, cleaned, shown
from plaudit.errors import DataError


@dataclass(frozen=True, slots=True)
class Rows:
    """Cleaned rows, ready to be encoded.

    Attributes
    ----------
    texts : list of str
        A pair is one string (:mod:`plaudit.data.text_pairs`).
    targets_N : ndarray of int64
        Indices into the run's labels; where a text may have several, 0 or 1 for each label, shape
        (N, L).
    origins : list of str
        Where each row stands, such as ``"reviews.csv:12"``.
    prints_N : ndarray of uint64
        Fingerprints of the cleaned texts.
    """

    texts: list[str]
    targets_N: np.ndarray
    origins: list[str]
    prints_N: np.ndarray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.texts)

    def of_label(self, label: int) -> np.ndarray:
        """Tell which rows have the label at this place."""
        several = self.targets_N.ndim == 2
        found: np.ndarray = self.targets_N[:, label] == 1 if several else self.targets_N == label
        return found

    def without(self, prints_N: np.ndarray) -> Rows:
        """Return the rows whose text has none of these fingerprints."""
        return self.take(np.flatnonzero(~np.isin(self.prints_N, prints_N)))

    def plus(self, others: Rows) -> Rows:
        """Return these rows, and the others after them."""
        return Rows(
            self.texts + others.texts,
            np.concatenate([self.targets_N, others.targets_N]),
            self.origins + others.origins,
            np.concatenate([self.prints_N, others.prints_N]),
        )

    def shown(self) -> Rows:
        """Return the rows with pairs written as a reader sees them."""
        return replace(self, texts=[shown(text) for text in self.texts])

    def take(self, index: np.ndarray) -> Rows:
        """Return the rows at these positions."""
        return Rows(
            [self.texts[i] for i in index],
            self.targets_N[index],
            [self.origins[i] for i in index],
            self.prints_N[index],
        )


def rows_of(corpus: Corpus, config: CleanConfig) -> Rows:
    """Clean a corpus.

    Raises
    ------
    DataError
        Nothing is left of a text after cleaning.
    """
    texts: list[str] = []
    origins: list[str] = []
    targets: list[int] = []
    # In batches: row by row, datasets spends more time on a row than cleaning it takes.
    for batch in corpus.rows.iter(batch_size=1000):
        texts += [cleaned(text, config) for text in batch["text"]]
        origins += batch["origin"]
        targets += batch["label"]
    # Of a pair, neither half may be.
    empty = [o for o, text in zip(origins, texts, strict=True) if not all(text.split(SEPARATOR))]
    if empty:
        raise DataError(
            f"{len(empty)} texts are empty once cleaned: {', '.join(empty[:10])}. "
            "Remove these rows, or switch the cleaning step off (clean.*)."
        )
    return Rows(texts, np.asarray(targets, dtype=np.int64), origins, fingerprints(texts))
