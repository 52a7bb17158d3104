"""Share out rows among labels, and groups of rows among parts. Axis: L labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def quotas(counts_L: Ints, total: int) -> Ints:
    """Share out rows among labels in proportion, by largest remainder.

    Parameters
    ----------
    counts_L : ndarray of int64, shape (L,)
        Rows that each label has.
    total : int
        Rows to share out; more than there are counts as all.

    Returns
    -------
    ndarray of int64, shape (L,)
        They sum to ``total``; no label that has rows gets none, if there is one for each.
    """
    total = min(total, int(counts_L.sum()))
    ideal_L = total * counts_L / max(counts_L.sum(), 1)
    floor_L = (counts_L > 0).astype(np.int64) if total >= np.count_nonzero(counts_L) else 0
    quotas_L: Ints = np.maximum(np.floor(ideal_L).astype(np.int64), floor_L)
    # At most L steps: rounding down and raising to one are off by less than one row a label.
    while (short := total - int(quotas_L.sum())) != 0:
        lag_L = ideal_L - quotas_L
        if short > 0:
            quotas_L[np.argmax(np.where(quotas_L < counts_L, lag_L, -np.inf))] += 1
        else:
            quotas_L[np.argmin(np.where(quotas_L > floor_L, lag_L, np.inf))] -= 1
    return quotas_L


def fill(sizes: Ints, quota: int) -> list[int]:
    """Pick groups in order until their rows reach a quota; a group that is too big is passed over.

    Parameters
    ----------
    sizes : ndarray of int64
        Rows of each group, in the order of preference.
    quota : int
        Rows wanted.

    Returns
    -------
    list of int
        Positions in ``sizes``. A gap that no group fits is closed by the smallest group left
        where that comes nearer to the quota, or where nothing would be chosen.
    """
    taken = int(np.searchsorted(np.cumsum(sizes), quota, side="right"))
    chosen = list(range(taken))
    gap = quota - int(sizes[:taken].sum())
    skipped: list[int] = []
    for index in range(taken, len(sizes)):
        if not gap:
            break
        if sizes[index] <= gap:
            chosen.append(index)
            gap -= int(sizes[index])
        else:
            skipped.append(index)
    if gap and skipped:
        smallest = min(skipped, key=lambda index: int(sizes[index]))
        if sizes[smallest] - gap < gap or not chosen:
            chosen.append(smallest)
    return chosen
