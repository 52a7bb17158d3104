"""Divide rows into train, validation and test.

Axes: N rows, L labels, G groups of rows with the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from plaudit.config import SplitConfig
from plaudit.data.fingerprint import finalised
from plaudit.data.quotas import fill, quotas
from plaudit.data.records import Order
from plaudit.data.stratify import drawn
from plaudit.errors import ConfigError, DataError

Ints = NDArray[np.int64]
Prints = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """Which row goes where.

    Attributes
    ----------
    train, validation, test : ndarray of int64
        Row indices, ascending; no text stands in two of them.
    spare : ndarray of int64
        Rows that could be trained on, beyond those asked of each class.
    duplicates : int
        Rows whose place was decided by an equal text. Order "any": rows beyond the first of each
        text, which went where the first went. Order "blocks": rows left out of train or
        validation because their text stands in a later part.
    """

    train: Ints
    validation: Ints
    test: Ints
    duplicates: int
    spare: Ints = field(default_factory=lambda: np.zeros(0, np.int64))


def divide(
    prints_N: Prints,
    targets_N: Ints,
    sizes: SplitConfig,
    *,
    seed: int,
    order: Order,
    labels: Sequence[str] = (),
) -> Division:
    """Divide rows into train, validation and test, each with the labels in proportion.

    Parameters
    ----------
    prints_N : ndarray of uint64, shape (N,)
        Fingerprints of the cleaned texts.
    targets_N : ndarray of int64, shape (N,)
        Label of each row, as an index; where rows may have several, 0 or 1 for each label, shape
        (N, L): labels are then in proportion as far as they can be at once.
    sizes : SplitConfig
        Rows, or shares of the N rows, all but ``per_class``
        (:func:`plaudit.data.few.keep_few`). Met exactly, unless rows with equal texts, which stay
        together, do not add up to it, or (order "blocks") are left out.
    seed : int
        Order "any": which texts go where.
    order : {"any", "blocks"}
        "any": drawn by seed and text, so that the order of the rows does not matter and a test
        row stays one when only ``validation_size`` or ``train_size`` changes. "blocks":
        neighbours are related, so each label's last rows are test, those before them validation,
        the first train (evenly spaced ones, under a ``train_size``); ``seed`` decides nothing.
    labels : sequence of str, optional
        Names for error messages.

    Returns
    -------
    Division

    Raises
    ------
    ConfigError
        The sizes do not fit into the rows.
    DataError
        A label has too few rows, or too few different texts, to stand in every part (of several
        labels a row: in the training part).
    """
    if targets_N.ndim == 2:
        return _draw_sets(prints_N, targets_N, _rows(sizes, len(prints_N), 1), seed, labels)
    rows = _rows(sizes, len(prints_N), len(np.unique(targets_N)))
    match order:
        case "any":
            division = _draw(prints_N, targets_N, rows, seed)
        case "blocks":
            division = _cut(prints_N, targets_N, rows)
    _check(division, targets_N, rows, labels)
    return division


@dataclass(frozen=True, slots=True)
class _Rows:
    """How many rows each part should have; ``train`` is a cap."""

    test: int
    validation: int
    train: int


def _rows(sizes: SplitConfig, total: int, labels: int) -> _Rows:
    """Turn shares into rows and name every size that cannot be met."""
    if not total:
        raise DataError("There are no rows to divide. Check data.train.")
    problems: list[str] = []

    def resolve(name: str, size: float) -> int:
        rows = size if isinstance(size, int) else round(size * total)
        if size and rows < labels:
            problems.append(
                f"split.{name} = {size} is {rows} of {total:,} rows, too few for {labels} labels; "
                f"use at least {labels} rows{'' if name == 'train_size' else ', or 0 for none'}."
            )
        return rows

    test = resolve("test_size", sizes.test_size)
    validation = resolve("validation_size", sizes.validation_size)
    cap = total if sizes.train_size is None else resolve("train_size", sizes.train_size)
    if not cap:
        problems.append("split.train_size = 0 leaves nothing to train; leave it out to take all.")
    if test + validation + labels > total:
        problems.append(
            f"split.test_size = {sizes.test_size} and split.validation_size = "
            f"{sizes.validation_size} take {test + validation:,} of {total:,} rows and leave too "
            f"few to train on {labels} labels; make them smaller."
        )
    if problems:
        raise ConfigError(problems)
    return _Rows(test, validation, cap)


def _draw(prints_N: Prints, targets_N: Ints, rows: _Rows, seed: int) -> Division:
    """Order "any": whole groups of equal texts, in the order of a hash of seed and text."""
    prints_G, group_N, sizes_G = np.unique(prints_N, return_inverse=True, return_counts=True)
    label_G = _majority(group_N, targets_N, sizes_G)
    rank_G = _order(prints_G, seed)
    part_G = np.full(len(prints_G), -1)
    for number, total in enumerate((rows.test, rows.validation, rows.train)):
        free_G = part_G < 0
        counts_L = np.bincount(label_G[free_G], sizes_G[free_G]).astype(np.int64)
        for label, quota in enumerate(quotas(counts_L, total)):
            waiting = rank_G[(free_G & (label_G == label))[rank_G]]
            part_G[waiting[fill(sizes_G[waiting], int(quota))]] = number
    part_N = part_G[group_N]
    test, validation, train = (np.flatnonzero(part_N == number) for number in range(3))
    return Division(train, validation, test, duplicates=len(prints_N) - len(prints_G))


def _draw_sets(
    prints_N: Prints, targets_NL: Ints, rows: _Rows, seed: int, labels: Sequence[str]
) -> Division:
    """Draw by text as with one label, part after part, where rows may have several labels."""
    prints_G, group_N, sizes_G = np.unique(prints_N, return_inverse=True, return_counts=True)
    member_GL = np.zeros((len(prints_G), targets_NL.shape[1]), dtype=bool)
    np.logical_or.at(member_GL, group_N, targets_NL.astype(bool))
    rank_G = _order(prints_G, seed)
    part_G = np.full(len(prints_G), -1)
    for number, total in enumerate((rows.test, rows.validation, rows.train)):
        waiting = rank_G[part_G[rank_G] < 0]
        order = np.arange(len(waiting))
        chosen = drawn(member_GL[waiting], sizes_G[waiting], order, total)
        part_G[waiting[chosen]] = number
    part_N = part_G[group_N]
    test, validation, train = (np.flatnonzero(part_N == number) for number in range(3))
    if missing := [int(i) for i in np.flatnonzero(~targets_NL[train].any(axis=0))]:
        names = ", ".join(repr(labels[i]) if labels else str(i) for i in missing)
        raise DataError(
            f"no row is left to train on that has {names}. Rows with the same text stay together. "
            "Add rows, remove the label, or change split.validation_size and split.test_size."
        )
    return Division(train, validation, test, duplicates=len(prints_N) - len(prints_G))


def _order(prints_G: Prints, seed: int) -> Ints:
    """Order different texts by a hash of seed and text."""
    return np.argsort(mixed(prints_G ^ mixed(np.array([seed], dtype=np.uint64))), kind="stable")


def _majority(group_N: Ints, targets_N: Ints, sizes_G: Ints) -> Ints:
    """Return each group's most frequent label; the smallest of several."""
    label_G = np.zeros(len(sizes_G), dtype=np.int64)
    most_G = np.zeros(len(sizes_G), dtype=np.int64)
    for label in np.unique(targets_N):
        votes_G = np.bincount(group_N[targets_N == label], minlength=len(sizes_G))
        label_G[votes_G > most_G] = label
        most_G = np.maximum(most_G, votes_G)
    return label_G


def mixed(keys: Prints) -> Prints:
    """Hash numbers into an order that looks like chance."""
    # The finaliser of SplitMix64 (Steele et al. 2014): a bijection, so no two texts tie.
    return finalised(keys + np.uint64(0x9E3779B97F4A7C15))


def _cut(prints_N: Prints, targets_N: Ints, rows: _Rows) -> Division:
    """Order "blocks": cut each label's rows, as they stand, into train, validation and test."""
    counts_L = np.bincount(targets_N)
    test_L = quotas(counts_L, rows.test)
    validation_L = quotas(counts_L - test_L, rows.validation)
    blocks: list[list[Ints]] = []
    for label, count in enumerate(counts_L):
        block = np.flatnonzero(targets_N == label)
        first = count - test_L[label] - validation_L[label]
        blocks.append(np.split(block, [first, count - test_L[label]]))
    train, validation, test = (np.sort(np.concatenate(part)) for part in zip(*blocks, strict=True))
    in_test = np.isin(prints_N[validation], prints_N[test])
    in_later = np.isin(prints_N[train], prints_N[np.concatenate([validation, test])])
    train, validation = train[~in_later], validation[~in_test]
    train = _evenly(train, targets_N[train], rows.train)
    return Division(train, validation, test, duplicates=int(in_test.sum() + in_later.sum()))


def _evenly(rows: Ints, targets: Ints, cap: int) -> Ints:
    """Keep ``cap`` rows, stratified and evenly spaced, so that as many films as can be stay."""
    counts_L = np.bincount(targets)
    kept = [
        np.flatnonzero(targets == label)[np.arange(quota) * counts_L[label] // max(quota, 1)]
        for label, quota in enumerate(quotas(counts_L, cap))
    ]
    kept_N: Ints = rows[np.sort(np.concatenate(kept))]
    return kept_N


def _check(division: Division, targets_N: Ints, rows: _Rows, labels: Sequence[str]) -> None:
    """Name every label that is missing from a part."""
    asked = {"train": division.train}
    if rows.validation:
        asked["validation"] = division.validation
    if rows.test:
        asked["test"] = division.test
    names, counts = np.unique(targets_N, return_counts=True)
    problems = [
        f"label {repr(labels[label]) if labels else label} has {count:,} of {len(targets_N):,} "
        f"rows, and none is left for {part}."
        for part, chosen in asked.items()
        for label, count in zip(names.tolist(), counts.tolist(), strict=True)
        if label not in targets_N[chosen]
    ]
    if problems:
        raise DataError(
            "\n".join(problems) + "\nRows with the same text stay together. Add rows, remove the "
            "label, or change split.validation_size and split.test_size."
        )
