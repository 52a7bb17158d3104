"""Thresholds by F1, by wanted precision or by wanted recall, from held-out rows.

A threshold is a weight on one label's probability: the label is the answer where its weighted
probability is the largest. Of two labels that is a threshold in the usual sense. Each sweep looks
at every weight that would change an answer.

Axes: N rows, C labels, K cuts: how many rows, the likeliest first, get the label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate.bootstrap import Floats, Ints
from plaudit.evaluate.decide import Matrix, weighted

Targets = NDArray[np.integer[Any]]
_EXTREME = 1e6
_PASSES = 5  # over the labels; the search seldom moves after the second
_SLIGHT = 1e-12
_EQUAL = 1e-9
"""Ratios nearer than this part stand for one: logits in bf16 are often equal, and their ratios then
differ by rounding alone, which no rule can be told to follow."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A rule, and what it does on the rows that chose it.

    Attributes
    ----------
    costs : matrix
    before, after : float
        The quantity asked for, with the likeliest label and with the rule.
    reached : bool
        Whether a wanted precision or recall is reached; else the nearest was taken.
    """

    costs: Matrix
    before: float
    after: float
    reached: bool = True


def by_macro_f1(probabilities_NC: Floats, targets_N: Targets) -> Fitted:
    """Find weights with the best macro F1, label after label until none moves.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    targets_N : ndarray of int

    Returns
    -------
    Fitted
    """
    classes = probabilities_NC.shape[1]
    weights_C = np.ones(classes)
    before = after = -1.0
    # Of two labels only the ratio of their weights counts.
    moved = range(1, 2) if classes == 2 else range(classes)
    for _ in range(_PASSES):
        start = after
        for label in moved:
            sweep = _sweep(probabilities_NC, weights_C, label)
            scores_K = _macro_f1(sweep, targets_N, classes)
            present = scores_K[sweep.present(weights_C[label])]
            before = float(present) if before < 0 else before
            best = sweep.nearest(scores_K >= scores_K.max() - _SLIGHT)
            if scores_K[best] > present + _SLIGHT:
                weights_C[label] = sweep.weights_K[best]
            after = float(max(scores_K[best], present))
        if after <= start + _SLIGHT:
            break
    return Fitted(weighted(weights_C), before, after)


def of_label(
    probabilities_NC: Floats,
    targets_N: Targets,
    label: int,
    wanted: tuple[Literal["f1", "precision", "recall"], float],
) -> Fitted:
    """Find the weight of one label, against all others.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    targets_N : ndarray of int
    label : int
    wanted : (quantity, float)
        f1: the best. precision: at least so much, with the best recall. recall: at least so much,
        with the best precision.

    Returns
    -------
    Fitted
    """
    quantity, least = wanted
    weights_C = np.ones(probabilities_NC.shape[1])
    sweep = _sweep(probabilities_NC, weights_C, label)
    hits_K = _running(targets_N[sweep.order_N] == label)
    taken_K = np.arange(len(hits_K), dtype=np.float64)
    support = max(1.0, hits_K[-1])
    found = {
        "f1": 2 * hits_K / (support + taken_K),
        "precision": hits_K / np.maximum(1.0, taken_K),
        "recall": hits_K / support,
    }
    values_K = found[quantity]
    beside_K = found["recall" if quantity == "precision" else "precision"]
    before = float(values_K[sweep.present(1.0)])
    enough_K = sweep.real_K & (values_K >= least - _SLIGHT)
    reached = quantity == "f1" or bool(enough_K.any())
    if quantity == "f1" or not reached:
        best = sweep.nearest(values_K >= values_K[sweep.real_K].max() - _SLIGHT)
    else:
        most = beside_K[enough_K].max()
        best = sweep.nearest(enough_K & (beside_K >= most - _SLIGHT))
    weights_C[label] = sweep.weights_K[best]
    return Fitted(weighted(weights_C), before, float(values_K[best]), reached)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """The rows in the order in which a label takes them as its weight grows.

    Attributes
    ----------
    label : int
    order_N : ndarray of int
    ratios_N : ndarray of float
        The weight above which each row is taken, rising.
    rivals_N : ndarray of int
        The answer before the label takes the row; in the order of the data.
    weights_K : ndarray of float
        In the middle between the last row taken and the next, on a scale of ratios.
    real_K : ndarray of bool
        False where that would part equal rows, or rows that no weight parts.
    """

    label: int
    order_N: Ints
    ratios_N: Floats
    rivals_N: Ints
    weights_K: Floats
    real_K: NDArray[np.bool_]

    def present(self, weight: float) -> int:
        """Return the cut that a weight makes."""
        return int(np.searchsorted(self.ratios_N, weight, side="left"))

    def nearest(self, good_K: NDArray[np.bool_]) -> int:
        """Return the good cut whose weight is nearest to 1: no more is moved than has to be."""
        apart_K = np.where(good_K & self.real_K, np.abs(np.log(self.weights_K)), np.inf)
        return int(apart_K.argmin())


def _sweep(probabilities_NC: Floats, weights_C: Floats, label: int) -> _Sweep:
    weighted_NC = probabilities_NC * weights_C
    weighted_NC[:, label] = -1.0
    rivals_N = weighted_NC.argmax(axis=1)
    with np.errstate(over="ignore", divide="ignore"):
        raw_N = weighted_NC.max(axis=1) / probabilities_NC[:, label]
    # Of equal labels the first is the answer.
    raw_N = np.where(label < rivals_N, raw_N * (1 - _SLIGHT), raw_N)
    ratio_N = np.clip(raw_N, 1 / _EXTREME, _EXTREME)
    order_N = np.argsort(ratio_N, kind="stable")
    sorted_N = ratio_N[order_N]
    middles = np.sqrt(sorted_N[1:] * sorted_N[:-1])
    weights_K = np.concatenate([sorted_N[:1] / 2, middles, sorted_N[-1:] * 2])
    # No weight is so extreme that it would part from the others what lies beyond the clip.
    none, all_ = raw_N.min() >= weights_K[0], raw_N.max() < weights_K[-1]
    real_K = np.concatenate([[none], sorted_N[1:] > sorted_N[:-1] * (1 + _EQUAL), [all_]])
    return _Sweep(label, order_N, sorted_N, rivals_N, weights_K, real_K)


def _macro_f1(sweep: _Sweep, targets_N: Targets, classes: int) -> Floats:
    """Return the macro F1 of every cut, over the labels that occur in truth or answers."""
    taken_N, truth_N = sweep.rivals_N[sweep.order_N], targets_N[sweep.order_N]
    support_C = np.bincount(targets_N, minlength=classes).astype(np.float64)
    total_K = np.zeros(len(targets_N) + 1)
    occurring_K = np.zeros(len(targets_N) + 1)
    for label in range(classes):
        if label == sweep.label:
            answered_K = np.arange(len(targets_N) + 1, dtype=np.float64)
            hits_K = _running(truth_N == label)
        else:
            lost_K, hits_lost_K = (
                _running(taken_N == label),
                _running((taken_N == label) & (truth_N == label)),
            )
            answered_K = lost_K[-1] - lost_K
            hits_K = hits_lost_K[-1] - hits_lost_K
        both_K = support_C[label] + answered_K
        total_K += 2 * hits_K / np.maximum(both_K, 1.0)
        occurring_K += both_K > 0
    return np.where(sweep.real_K, total_K / occurring_K, -1.0)


def _running(marked_N: NDArray[np.bool_]) -> Floats:
    return np.append(0.0, np.cumsum(marked_N))
