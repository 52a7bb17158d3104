"""Divide texts that have several labels so that every part has each label in proportion.

Axes: G groups of rows with the same text, L labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_RARE = 3
"""From so many rows on a label is given a row of every part."""


def drawn(member_GL: Bools, sizes_G: Ints, rank_G: Ints, rows: int) -> Bools:
    """Draw groups of about so many rows, with each label as often as among all of them.

    Parameters
    ----------
    member_GL : ndarray of bool
        Which labels each group has.
    sizes_G : ndarray of int64
        Rows of each group.
    rank_G : ndarray of int64
        The groups in the order of preference.
    rows : int
        Rows to draw. Met exactly where groups of one row can make it up.

    Returns
    -------
    ndarray of bool, shape (G,)

    Notes
    -----
    Source: Sechidis, Tsoumakas and Vlahavas 2011, "On the Stratification of Multi-label Data",
    algorithm 1, with two parts: the label that fewest of the waiting rows have goes first, and each
    of its rows to the part that wants the label most. Ties go to the part that wants more rows.
    """
    total = int(sizes_G.sum())
    if rows >= total:
        return np.ones(len(sizes_G), dtype=bool)
    counts_L = (member_GL * sizes_G[:, None]).sum(axis=0).astype(np.float64)
    wanted_L = counts_L * rows / max(total, 1)
    wanted_L = np.where((counts_L >= _RARE) & (rows > 0), np.maximum(wanted_L, 1.0), wanted_L)
    # What the drawn part and the rest still want, of each label and in all.
    want_2L = np.stack([wanted_L, counts_L - wanted_L])
    want_2 = np.array([rows, total - rows], dtype=np.float64)
    part_G = np.full(len(sizes_G), -1)
    left_L = counts_L.copy()
    while left_L.any():
        label = int(np.where(left_L > 0, left_L, np.inf).argmin())
        for group in rank_G[(member_GL[rank_G, label]) & (part_G[rank_G] < 0)].tolist():
            own = member_GL[group]
            part = _hungrier(want_2L[:, label], want_2)
            part_G[group] = part
            want_2L[part, own] -= sizes_G[group]
            want_2[part] -= sizes_G[group]
            left_L[own] -= sizes_G[group]
    for group in rank_G[part_G[rank_G] < 0].tolist():
        part = _hungrier(want_2, want_2)
        part_G[group] = part
        want_2[part] -= sizes_G[group]
    return _evened(part_G == 0, member_GL, (sizes_G, rank_G), (wanted_L, rows))


def _hungrier(first_2: Floats, second_2: Floats) -> int:
    if first_2[0] != first_2[1]:
        return int(first_2[0] < first_2[1])
    return int(second_2[0] < second_2[1])


def _evened(
    drawn_G: Bools, member_GL: Bools, groups: tuple[Ints, Ints], wanted: tuple[Floats, int]
) -> Bools:
    """Move the groups whose labels suffer least, until the rows drawn are as many as wanted."""
    (sizes_G, rank_G), (wanted_L, rows) = groups, wanted
    drawn_G = drawn_G.copy()
    has_L = (member_GL[drawn_G] * sizes_G[drawn_G, None]).sum(axis=0).astype(np.float64)
    gap = rows - int(sizes_G[drawn_G].sum())
    while gap:
        sign = 1 if gap > 0 else -1
        able = rank_G[(drawn_G[rank_G] == (sign < 0)) & (sizes_G[rank_G] <= abs(gap))]
        if not len(able):
            break
        after = has_L + sign * member_GL[able] * sizes_G[able, None]
        cost = np.abs(after - wanted_L).sum(axis=1) - np.abs(has_L - wanted_L).sum()
        group = int(able[cost.argmin()])
        drawn_G[group] = sign > 0
        has_L = has_L + sign * member_GL[group] * sizes_G[group]
        gap -= sign * int(sizes_G[group])
    return drawn_G
