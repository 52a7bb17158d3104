"""Rows put into groups that a reader can take in: by length, by confidence, by a column's values.

Axes: N rows, G groups.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

NO_VALUE = "(none)"
_BANDS = 4
_ROWS_IN_BAND = 25  # on average; with fewer an interval says nothing
_CONFIDENCES = (0.6, 0.8, 0.9, 0.95, 0.99)
_MOST_NUMBERS = 12  # different numbers that are shown one by one, as ratings are
_MOST_WORDS = 20
_NEAR = 10  # an edge may move by this part of what the middle half spans
_DIGITS = 12
_HUGE = 1e15  # from here on a number is not written out


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which row is in which group.

    Attributes
    ----------
    names : tuple of str
        In the order in which they are shown.
    group_N : ndarray of int64
        Indices into ``names``.
    """

    names: tuple[str, ...]
    group_N: np.ndarray


def lengths(words_N: np.ndarray) -> Groups:
    """Put rows into up to four bands of about equal size, by their number of words.

    Parameters
    ----------
    words_N : ndarray of int

    Returns
    -------
    Groups
        Edges are round numbers, so bands are not quite equal; with few rows, or where most rows
        are equally long, there are fewer.

    Examples
    --------
    >>> lengths(np.arange(1, 201)).names
    ('up to 51', '52 to 100', '101 to 150', 'over 150')
    """
    return _cut(np.asarray(words_N, dtype=np.float64), whole=True, form=",.0f")


def confidences(probability_N: np.ndarray) -> Groups:
    """Put rows into bands by the probability of the label that they were given.

    Parameters
    ----------
    probability_N : ndarray of float

    Returns
    -------
    Groups
        Bands without rows are left out.

    Examples
    --------
    >>> confidences(np.array([0.97, 0.55, 0.999])).names
    ('below 60%', '95% to 99%', '99% and more')
    """
    ends = [f"{edge:.0%}" for edge in _CONFIDENCES]
    names = [f"below {ends[0]}"]
    names += [f"{low} to {high}" for low, high in pairwise(ends)]
    names.append(f"{ends[-1]} and more")
    return _used(names, np.digitize(probability_N, _CONFIDENCES))


def values(column: Sequence[str | None]) -> Groups:
    """Put rows into groups by their value in a column.

    Parameters
    ----------
    column : sequence of str or None

    Returns
    -------
    Groups
        Up to twelve different numbers one by one, more of them in bands; of other values the
        twenty most frequent, the rest together. Rows without a value come last.

    Examples
    --------
    >>> values(["10", "9", None, "10"]).names
    ('9', '10', '(none)')
    """
    counts = Counter(each for each in column if each is not None)
    numbers = {each: number for each in counts if (number := _number(each)) is not None}
    blanks = {each for each in counts if each.casefold() == "nan"}
    if numbers and blanks and len(numbers) + len(blanks) == len(counts):
        return values([None if each in blanks else each for each in column])
    if counts and len(numbers) == len(counts):
        if len(set(numbers.values())) > _MOST_NUMBERS:
            return _numeric(column, numbers)
        names = sorted(counts, key=lambda each: (numbers[each], each))
    else:
        names = sorted(counts, key=lambda each: (-counts[each], each))
    rest = f"{len(names) - _MOST_WORDS + 1:,} other values"
    kept = names if len(names) <= _MOST_WORDS else [*names[: _MOST_WORDS - 1], rest]
    place = {name: index for index, name in enumerate(kept)}
    last = len(kept)
    group_N = [last if each is None else place.get(each, last - 1) for each in column]
    shown = [repr(each) if each == NO_VALUE else each for each in kept]  # rows that do say so
    return _used([*shown, NO_VALUE], np.asarray(group_N, dtype=np.int64))


def _number(value: str) -> float | None:
    if "_" in value:  # Python's own way to group digits: "2024_01" is a name
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _numeric(column: Sequence[str | None], numbers: dict[str, float]) -> Groups:
    value_N = np.array([math.nan if each is None else numbers[each] for each in column])
    known_N = ~np.isnan(value_N)
    # As the column's own numbers are written: years have no thousands.
    whole = bool((value_N[np.isfinite(value_N)] % 1 == 0).all())
    found = _cut(value_N[known_N], whole=whole, form=".0f")
    group_N = np.full(len(value_N), len(found.names), dtype=np.int64)
    group_N[known_N] = found.group_N
    return _used([*found.names, NO_VALUE], group_N)


def _cut(value_N: np.ndarray, *, whole: bool, form: str) -> Groups:
    """Cut at quantiles, rounded; whole numbers are shown in the form that is given."""
    bands = min(_BANDS, max(1, len(value_N) // _ROWS_IN_BAND))
    finite_N = value_N[np.isfinite(value_N)]  # what is endless falls to the outermost bands
    quantiles = np.quantile(finite_N, np.arange(1, bands) / bands).tolist()
    # Of the middle half: one row that stands far out must not make all edges coarse.
    near = float(np.subtract(*np.quantile(finite_N, (0.75, 0.25)))) / _NEAR
    rounded = {_round(round(edge) if whole else edge, near) for edge in quantiles}
    edges = sorted(edge for edge in rounded if value_N.min() <= edge < value_N.max())
    if not edges:
        return Groups(("all",), np.zeros(len(value_N), dtype=np.int64))
    shown = [_shown(edge, form) for edge in edges]
    names = [f"up to {shown[0]}"]
    for low, high, high_shown in zip(edges, edges[1:], shown[1:], strict=False):
        first = _shown(low + 1, form) if whole else f"over {_shown(low, form)}"
        names.append(high_shown if whole and low + 1 == high else f"{first} to {high_shown}")
    names.append(f"over {shown[-1]}")
    return _used(names, np.searchsorted(edges, value_N, side="left"))


def _round(edge: float, near: float) -> float:
    """Round to two digits that count, or to as many more as stay near; years need all four."""
    for digits in range(2, _DIGITS):
        rounded = float(f"{edge:.{digits}g}")
        if abs(rounded - edge) <= near:
            return rounded
    return edge


def _shown(edge: float, form: str) -> str:
    return f"{edge:{form}}" if edge % 1 == 0 and abs(edge) < _HUGE else f"{edge!r}"


def _used(names: Sequence[str], group_N: np.ndarray) -> Groups:
    """Leave out groups without rows."""
    used, group = np.unique(group_N, return_inverse=True)
    return Groups(tuple(names[index] for index in used), group.astype(np.int64))
