"""Texts as numbered words, split once for everything that counts words.

Axes: N texts, F features (words and pairs of words).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Marks are words too: "great !" and ":)" say something to a classifier.
_WORD = re.compile(r"\w+(?:'\w+)*|[^\w\s]")


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of many texts, lower-cased, as numbers.

    Attributes
    ----------
    ids : ndarray of int64
        Of all texts, one after the other.
    starts_N : ndarray of int64, shape (N + 1,)
        Text ``n`` is ``ids[starts_N[n]:starts_N[n + 1]]``.
    vocabulary : list of str
        What the numbers stand for.
    """

    ids: NDArray[np.int64]
    starts_N: NDArray[np.int64]
    vocabulary: list[str]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts_N) - 1

    def rows(self) -> NDArray[np.int64]:
        """Return the text that each word stands in."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts_N))

    def alphanumeric(self) -> Words:
        """Leave out the marks."""
        is_word = np.array([word[0].isalnum() or word[0] == "_" for word in self.vocabulary], bool)
        kept = is_word[self.ids]
        lengths_N = np.bincount(self.rows()[kept], minlength=len(self))
        return Words(self.ids[kept], _offsets(lengths_N), self.vocabulary)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Which text has which words and pairs of words.

    Attributes
    ----------
    has_NF : scipy.sparse.csr_matrix of float32
        1 where a text has a feature, however often.
    keys_F : ndarray of int64
        What a feature is; see :meth:`name`.
    vocabulary : list of str
    """

    has_NF: Any
    keys_F: NDArray[np.int64]
    vocabulary: list[str]

    def name(self, feature: int) -> str:
        """Spell a feature out: a word, or two with a space between them."""
        first, second = divmod(int(self.keys_F[feature]), len(self.vocabulary))
        word = self.vocabulary[second]
        return word if first == 0 else f"{self.vocabulary[first - 1]} {word}"


def split(texts: Iterable[str]) -> Words:
    """Split texts into words and marks.

    Parameters
    ----------
    texts : iterable of str
        Cleaned texts; read once.

    Returns
    -------
    Words
    """
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    parts: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    for text in texts:
        found = [numbers[word] for word in _WORD.findall(text.lower())]
        parts.append(np.array(found, dtype=np.int64))
    lengths = np.array([len(part) for part in parts[1:]], dtype=np.int64)
    return Words(np.concatenate(parts), _offsets(lengths), list(numbers))


def features(words: Words, *, least: int = 2) -> Features:
    """Return the words and pairs of words that stand in at least so many texts.

    Parameters
    ----------
    words : Words
    least : int
        Texts; a feature of one text can teach a model nothing about another.

    Returns
    -------
    Features
    """
    size, rows = len(words.vocabulary), words.rows()
    together = rows[1:] == rows[:-1]
    # A pair is a number in base ``size``; a leading 0 is left to single words.
    pairs = ((words.ids[:-1] + 1) * size + words.ids[1:])[together]
    single = _present(words.ids, rows, len(words), least)
    double = _present(pairs, rows[:-1][together], len(words), least)
    from scipy import sparse

    has_NF = sparse.hstack([single[0], double[0]], format="csr")
    return Features(has_NF, np.concatenate([single[1], double[1]]), words.vocabulary)


def _present(
    keys: NDArray[np.int64], rows: NDArray[np.int64], texts: int, least: int
) -> tuple[Any, NDArray[np.int64]]:
    """Return a matrix of ones, and the key that each column stands for."""
    from scipy import sparse

    unique, columns = np.unique(keys, return_inverse=True)
    ones = np.ones(len(keys), dtype=np.float32)
    counts = sparse.csr_matrix((ones, (rows, columns)), shape=(texts, len(unique)))
    counts.sum_duplicates()
    counts.data[:] = 1.0
    frequent = np.flatnonzero(np.bincount(counts.indices, minlength=len(unique)) >= least)
    return counts[:, frequent], unique[frequent]


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
