"""Rows that say the same: repeated, labelled differently, or standing in train and in test.

Axes: N rows, G groups of rows with the same cleaned text, P pairs of nearly equal texts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plaudit.audit.near import THRESHOLD, Pairs, near_pairs
from plaudit.audit.records import EXAMPLES, Change, Finding, Found, Ints, Table, share
from plaudit.audit.words import Words

NEARLY = "nearly repeats {}"
"""Why a row of a group goes, of the one that stays."""


def same_texts(table: Table) -> list[Found]:
    """Find rows whose cleaned texts are equal.

    Parameters
    ----------
    table : Table

    Returns
    -------
    list of Found
        ``leaks``, ``conflicts`` and ``duplicates``, those that there are.
    """
    _, group_N, size_G = np.unique(table.rows.prints_N, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(size_G[group_N] > 1)
    order = repeated[np.lexsort((repeated, table.rank_N()[repeated], group_N[repeated]))]
    # Each group's rows, those nearest to the test first.
    groups = np.split(order, np.flatnonzero(np.diff(group_N[order])) + 1) if len(order) else []
    found = (_leaks(table, groups), _conflicts(table, groups), _duplicates(table, groups))
    return [each for each in found if each is not None]


def _leaks(table: Table, groups: list[Ints]) -> Found | None:
    rank_N = table.rank_N()
    pairs = [
        (int(row), int(group[0]))
        for group in groups
        for row in group
        if rank_N[row] > rank_N[group[0]] and table.official
    ]
    if not pairs:
        return None
    in_test = sum(rank_N[kept] == 0 for _, kept in pairs)
    finding = Finding(
        "leaks",
        "error",
        f"rows whose text stands in a later part too: {len(pairs):,}, in the test {in_test:,}; a "
        "score on it partly measures memory",
        len(pairs),
        "Drop them from the earlier part; the test stays as it is.",
        tuple(
            table.example(row, f"{table.part(row)}; also {table.rows.origins[kept]}")
            for row, kept in pairs[:EXAMPLES]
        ),
        {"in_test": int(in_test)},
    )
    return Found(finding, tuple(_dropped(table, pairs, "the same text stands in")))


def _conflicts(table: Table, groups: list[Ints]) -> Found | None:
    targets_N = table.rows.targets_N
    mixed = [np.sort(group) for group in groups if len(set(targets_N[group].tolist())) > 1]
    if not mixed:
        return None
    rows = [int(row) for group in mixed for row in group]
    examples = tuple(
        table.example(int(group[0]), "; ".join(f"{table.rows.origins[row]} {table.label(row)}"
                                               for row in group[:EXAMPLES]))
        for group in mixed[:EXAMPLES]
    )  # fmt: skip
    finding = Finding(
        "conflicts",
        "error",
        f"rows whose text another row labels differently: {len(rows):,} (texts: {len(mixed):,})",
        len(rows),
        "Read them and decide; the fix drops all rows of such a text.",
        examples,
        {"texts": len(mixed)},
    )
    changes = (Change(row, "another row labels the same text differently") for row in rows)
    return Found(finding, tuple(changes))


def _duplicates(table: Table, groups: list[Ints]) -> Found | None:
    pairs = [
        (int(row), int(same[0]))
        for group in groups
        for same in _alike(table, group)
        for row in same[1:]
    ]
    if not pairs:
        return None
    finding = Finding(
        "duplicates",
        "warning",
        f"rows that repeat another{' of the same part' if table.official else ''}: {len(pairs):,} "
        f"({share(len(pairs), len(table))} of all)",
        len(pairs),
        "Keep one of each text; repeated rows weigh more in training and in the score.",
        tuple(
            table.example(row, f"repeats {table.rows.origins[first]}")
            for row, first in sorted(pairs)[:EXAMPLES]
        ),
        {"texts": len({first for _, first in pairs})},
    )
    return Found(finding, tuple(_dropped(table, pairs, "repeats")))


def _alike(table: Table, group: Ints) -> Iterator[Ints]:
    """Divide rows of one text by label and part; a table without parts of its own is one.

    They come with those nearest to the test first: what a split left out must not outlive it.
    """
    kind_N = table.rows.targets_N[group] * len(table.parts)
    if table.official:
        kind_N = kind_N + table.parts_N[group]
    for kind in np.unique(kind_N):
        yield group[kind_N == kind]


def near_texts(table: Table, words: Words) -> list[Found]:
    """Find rows that nearly repeat another: a Jaccard index of 0.8 or more over word triples.

    Parameters
    ----------
    table : Table
    words : Words
        Of the table's texts.

    Returns
    -------
    list of Found
        ``near_leaks`` (across parts) and ``near_duplicates`` (within one), those that there are.
    """
    # One row of each text and part: a pair across parts must not hide behind an equal text.
    first_N = np.sort(np.unique(_keys(table), return_index=True)[1])
    pairs = near_pairs(words, first_N)
    # Equal texts are no near ones: another finding has them.
    new_P = table.rows.prints_N[pairs.first_P] != table.rows.prints_N[pairs.second_P]
    pairs = Pairs(pairs.first_P[new_P], pairs.second_P[new_P], pairs.jaccard_P[new_P])
    across_P = table.parts_N[pairs.first_P] != table.parts_N[pairs.second_P]
    found = (_near(table, pairs, across_P, across=True), _near(table, pairs, ~across_P))
    return [each for each in found if each is not None]


def _keys(table: Table) -> np.ndarray:
    """Number rows so that those of one text and one part are alike, shape (N,)."""
    keys: np.ndarray = table.rows.prints_N ^ (table.parts_N.astype(np.uint64) << np.uint64(60))
    return keys


def _with_copies(table: Table, dropped: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Add the rows that have exactly the text of one that goes: one of each was compared."""
    keys_N = _keys(table)
    stays = {int(keys_N[row]): kept for row, kept in dropped}
    rows = np.flatnonzero(np.isin(keys_N, np.array([*stays], dtype=np.uint64)))
    return [(int(row), stays[int(keys_N[row])]) for row in rows]


def _near(
    table: Table, pairs: Pairs, chosen_P: np.ndarray, *, across: bool = False
) -> Found | None:
    if not chosen_P.any():
        return None
    first_P, second_P = pairs.first_P[chosen_P], pairs.second_P[chosen_P]
    dropped = _with_copies(table, _redundant(table, first_P, second_P))
    if not across:
        title = f"rows that nearly repeat another of the same part: {len(dropped):,}"
        fix = "Read the examples; keep one of each group where they are the same review."
    elif table.official:
        title = f"rows that nearly repeat one of a later part, such as the test: {len(dropped):,}"
        fix = "Drop them from the earlier part; the test stays as it is."
    else:
        title = f"rows that nearly repeat one that a split puts in another part: {len(dropped):,}"
        fix = "Keep one of each group before training."
    order = np.argsort(-pairs.jaccard_P[chosen_P], kind="stable")[:EXAMPLES]
    examples = tuple(
        table.example(
            int(second_P[p]),
            f"{table.part(int(second_P[p]))}; near {table.rows.origins[first_P[p]]} "
            f"({table.part(int(first_P[p]))}, {table.label(int(first_P[p]))}), "
            f"Jaccard {pairs.jaccard_P[chosen_P][p]:.2f}",
        )
        for p in order
    )
    finding = Finding(
        "near_leaks" if across else "near_duplicates",
        "error" if across and table.official else "warning",
        title,
        len(dropped),
        fix,
        examples,
        {"pairs": len(first_P), "threshold": THRESHOLD},
    )
    return Found(
        finding, tuple(Change(row, NEARLY.format(table.rows.origins[kept]), kept=kept)
                       for row, kept in dropped)
    )  # fmt: skip


def _redundant(table: Table, first_P: Ints, second_P: Ints) -> list[tuple[int, int]]:
    """Return the rows to drop, each with the row that stays: one a group, nearest to the test."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    shape = (len(table), len(table))
    links = coo_matrix((np.ones(len(first_P)), (first_P, second_P)), shape=shape)
    group_N = connected_components(links, directed=False)[1]
    rows = np.unique(np.concatenate([first_P, second_P]))
    rows = rows[np.lexsort((rows, table.rank_N()[rows], group_N[rows]))]
    stays: dict[int, int] = {}
    dropped = [
        (row, stays[group])
        for row, group in zip(rows.tolist(), group_N[rows].tolist(), strict=True)
        if stays.setdefault(group, row) != row
    ]
    return sorted(dropped)


def _dropped(table: Table, pairs: list[tuple[int, int]], why: str) -> Iterator[Change]:
    for row, kept in pairs:
        yield Change(row, f"{why} {table.rows.origins[kept]}")
