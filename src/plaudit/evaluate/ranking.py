"""ROC-AUC and average precision of one class against the rest, under any counts of the rows.

The rows are sorted once; a resample only changes how often each of them counts.

Axes: N rows, G groups of rows with equal scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate.bootstrap import Floats, Ints

METRICS = ("roc_auc", "average_precision")


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows by falling score of one class.

    Attributes
    ----------
    order : ndarray of int, shape (N,)
        Row numbers, best score first.
    member : ndarray of bool, shape (N,)
        Whether the row at that rank belongs to the class.
    ends : ndarray of int, shape (G,)
        Last rank of each group of ties.
    whole, real : ndarray of int and of float
        Space to work in. Fresh arrays for each resample would cost more than the arithmetic.
    """

    order: Ints
    member: NDArray[np.bool_]
    ends: Ints
    whole: Ints
    real: Floats


def rank(scores_N: Floats, member_N: NDArray[np.bool_]) -> Ranking:
    """Sort rows by the score of one class.

    Parameters
    ----------
    scores_N : ndarray of float
        Probability of the class.
    member_N : ndarray of bool
        Whether the row belongs to the class.

    Returns
    -------
    Ranking
    """
    order = np.argsort(-scores_N, kind="stable")
    ranked = scores_N[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    space = np.zeros((6, len(ranked) + 1), dtype=np.int64)
    return Ranking(order, member_N[order], ends, space, np.zeros(len(ends)))


def measure(ranking: Ranking, counts_N: Ints) -> tuple[float, float]:
    """Return ROC-AUC and average precision when each row counts so often.

    Parameters
    ----------
    ranking : Ranking
    counts_N : ndarray of int
        Count of each row, in the order of the data.

    Returns
    -------
    tuple of (float, float)
        NaN where undefined: both without a row of the class, the AUC without one of the rest.
    """
    rows, groups = len(ranking.order), len(ranking.ends)
    weight_N, running_N = ranking.whole[0, :rows], ranking.whole[1, :rows]
    taken_G, found_G = ranking.whole[2, : groups + 1], ranking.whole[3, : groups + 1]
    gained_G, passed_G = ranking.whole[4, :groups], ranking.whole[5, :groups]
    # mode="clip" because numpy copies the output under the default mode.
    np.take(counts_N, ranking.order, out=weight_N, mode="clip")
    np.cumsum(weight_N, out=running_N)
    np.take(running_N, ranking.ends, out=taken_G[1:], mode="clip")
    np.multiply(weight_N, ranking.member, out=weight_N)
    np.cumsum(weight_N, out=running_N)
    np.take(running_N, ranking.ends, out=found_G[1:], mode="clip")
    positives = int(found_G[-1])
    negatives = int(taken_G[-1]) - positives
    if positives == 0:
        return math.nan, math.nan
    np.subtract(found_G[1:], found_G[:-1], out=gained_G)
    np.subtract(taken_G[1:], taken_G[:-1], out=passed_G)
    np.subtract(passed_G, gained_G, out=passed_G)
    # Twice the area: a negative in a group of ties stands behind half of its positives on average.
    area = int(np.einsum("g,g->", passed_G, found_G[1:]))
    area += int(np.einsum("g,g->", passed_G, found_G[:-1]))
    # Groups that no drawn row fell into may come first, with 0/0; they gain nothing either way.
    np.maximum(taken_G[1:], 1, out=passed_G)
    np.divide(found_G[1:], passed_G, out=ranking.real)
    precision = float(np.einsum("g,g->", gained_G, ranking.real)) / positives
    return area / (2 * positives * negatives) if negatives else math.nan, precision


def macro(rankings: Sequence[Ranking], counts_N: Ints) -> tuple[float, float]:
    """Return the mean of :func:`measure` over classes; NaN when one of them is undefined.

    Parameters
    ----------
    rankings : sequence of Ranking
        One for each class, or the one of the positive class.
    counts_N : ndarray of int

    Returns
    -------
    tuple of (float, float)
    """
    pairs = [measure(ranking, counts_N) for ranking in rankings]
    return sum(area for area, _ in pairs) / len(pairs), sum(ap for _, ap in pairs) / len(pairs)
