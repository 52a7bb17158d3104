"""Texts that are nearly the same: MinHash finds candidates, the exact Jaccard index decides.

Axes: N texts, S shingles of all texts, P pairs.

Notes
-----
Sources: Broder 1997, "On the resemblance and containment of documents" (shingles, MinHash);
Leskovec, Rajaraman and Ullman 2020, "Mining of Massive Datasets", chapter 3 (bands).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plaudit.audit.words import Words
from plaudit.data.fingerprint import finalised

SHINGLE = 3
"""Words of a shingle."""
THRESHOLD = 0.8
"""Jaccard index from which two texts count as nearly the same."""
BANDS, ROWS = 25, 5
"""A pair of index s becomes a candidate with 1 - (1 - s^ROWS)^BANDS: 0.99995 at the threshold."""
_ALL_PAIRS = 40
"""In a larger bucket each text is compared with the first ones only: quadratic work is capped."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of nearly equal texts, each once.

    Attributes
    ----------
    first_P, second_P : ndarray of int64
        Positions of the texts, ``first_P < second_P``.
    jaccard_P : ndarray of float64
        Of their sets of shingles.
    """

    first_P: Ints
    second_P: Ints
    jaccard_P: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.first_P)


def near_pairs(words: Words, chosen_N: Ints, threshold: float = THRESHOLD) -> Pairs:
    """Find the pairs of texts whose sets of shingles overlap enough.

    Parameters
    ----------
    words : Words
        Of all texts; marks do not count.
    chosen_N : ndarray of int64
        Texts to compare, ascending: one of each group of equal ones, or these would be all pairs.
    threshold : float
        Least Jaccard index.

    Returns
    -------
    Pairs
    """
    bags = _shingles(words.alphanumeric())
    chosen_N = chosen_N[np.diff(bags.starts_N)[chosen_N] > 0]
    found = np.array(sorted(_candidates(bags, chosen_N)), dtype=np.int64).reshape(-1, 2)
    jaccard = np.array([_jaccard(bags, first, second) for first, second in found.tolist()])
    kept = jaccard >= threshold if len(found) else np.zeros(0, dtype=bool)
    return Pairs(found[kept, 0], found[kept, 1], jaccard[kept] if len(found) else jaccard)


@dataclass(frozen=True, slots=True, eq=False)
class _Bags:
    """Each text's shingles as 64-bit numbers, sorted, each once."""

    keys_S: NDArray[np.uint64]
    starts_N: Ints

    def of(self, text: int) -> NDArray[np.uint64]:
        return self.keys_S[self.starts_N[text] : self.starts_N[text + 1]]


def _shingles(words: Words) -> _Bags:
    lengths_N = np.diff(words.starts_N)
    size_N = np.minimum(lengths_N, SHINGLE)  # a shorter text is one shingle
    count_N = np.where(lengths_N > 0, lengths_N - size_N + 1, 0)
    rows = np.repeat(np.arange(len(words)), count_N)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count_N) - count_N, count_N)
    place = words.starts_N[rows] + within
    keys = np.full(len(rows), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for offset in range(SHINGLE):
        there = offset < size_N[rows]
        word = words.ids[np.where(there, place + offset, 0)].astype(np.uint64) + np.uint64(1)
        keys = np.where(there, finalised(keys ^ word), keys)
    order = np.lexsort((keys, rows))
    keys, rows = keys[order], rows[order]
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
    counts = np.bincount(rows[fresh], minlength=len(words))
    return _Bags(keys[fresh], np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _candidates(bags: _Bags, chosen_N: Ints) -> set[tuple[int, int]]:
    """Return the pairs that agree in all rows of some band."""
    found: set[tuple[int, int]] = set()
    if len(chosen_N) < 2:
        return found
    for band in range(BANDS):
        key_N = np.zeros(len(chosen_N), dtype=np.uint64)
        for row in range(ROWS):
            key_N = finalised(key_N ^ _minima(bags, band * ROWS + row)[chosen_N])
        for bucket in _buckets(key_N):
            found.update(_pairs(chosen_N[bucket].tolist()))
    return found


def _minima(bags: _Bags, function: int) -> NDArray[np.uint64]:
    """Return each text's smallest shingle under one hash function; texts without get 0."""
    salt = finalised(np.array([function + 1], dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    # Shingles are well mixed already: one odd multiplication of the salted bits orders them anew.
    hashed_S = (bags.keys_S ^ salt) * (salt | np.uint64(1))
    hashed_S ^= hashed_S >> np.uint64(32)
    has = np.flatnonzero(np.diff(bags.starts_N))
    least_N = np.zeros(len(bags.starts_N) - 1, dtype=np.uint64)
    if len(has):
        least_N[has] = np.minimum.reduceat(hashed_S, bags.starts_N[has])
    return least_N


def _buckets(key_N: NDArray[np.uint64]) -> Iterator[Ints]:
    order = np.argsort(key_N, kind="stable")
    ends = np.flatnonzero(np.diff(key_N[order])) + 1
    bounds = np.concatenate([[0], ends, [len(order)]])
    for which in np.flatnonzero(np.diff(bounds) > 1):
        yield order[bounds[which] : bounds[which + 1]]


def _pairs(texts: list[int]) -> Iterator[tuple[int, int]]:
    for place, second in enumerate(texts):
        for first in texts[: min(place, _ALL_PAIRS)]:
            yield first, second


def _jaccard(bags: _Bags, first: int, second: int) -> float:
    one, other = bags.of(first), bags.of(second)
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)
