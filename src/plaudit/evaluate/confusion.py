"""Metrics that depend on the confusion matrix alone, for many matrices at once.

Axes: R matrices, C classes; in a matrix, rows are the truth and columns the prediction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate.bootstrap import Floats, Ints

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "mcc",
)


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from each of R confusion matrices.

    Attributes
    ----------
    metrics : dict of str to ndarray, shape (R,)
    per_class : dict of str to ndarray, shape (R, C)
        precision, recall, f1, support; NaN where undefined.
    """

    metrics: dict[str, Floats]
    per_class: dict[str, Floats]


def count(predicted_N: Ints, targets_N: NDArray[np.integer[Any]], classes: int) -> Ints:
    """Count pairs of truth and prediction.

    Parameters
    ----------
    predicted_N, targets_N : ndarray of int
    classes : int

    Returns
    -------
    ndarray of int, shape (C, C)
    """
    cells_N = targets_N.astype(np.int64) * classes + predicted_N
    return np.bincount(cells_N, minlength=classes * classes).reshape(classes, classes)


def derive(confusions_RCC: Ints) -> Derived:
    """Compute every metric of every matrix.

    Parameters
    ----------
    confusions_RCC : ndarray of int
        Each matrix counts at least one row.

    Returns
    -------
    Derived
    """
    # Floats, because the products in mcc leave the range of int64 at a million rows.
    matrices = confusions_RCC.astype(np.float64)
    support = matrices.sum(axis=2)
    predicted = matrices.sum(axis=1)
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    rows = support.sum(axis=1)
    per_class = {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, support),
        "f1": _ratio(2.0 * hits, support + predicted),
        "support": support,
    }
    occurring = (support + predicted > 0).sum(axis=1)
    metrics = {
        "accuracy": hits.sum(axis=1) / rows,
        "balanced_accuracy": np.nansum(per_class["recall"], axis=1) / (support > 0).sum(axis=1),
        "mcc": _mcc(hits.sum(axis=1), support, predicted, rows),
    }
    for name in ("precision", "recall", "f1"):
        known = np.nan_to_num(per_class[name], nan=0.0)
        metrics[f"macro_{name}"] = known.sum(axis=1) / occurring
        metrics[f"weighted_{name}"] = (known * support).sum(axis=1) / rows
    return Derived({name: metrics[name] for name in METRICS}, per_class)


def _ratio(part: Floats, whole: Floats) -> Floats:
    result: Floats = np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
    return result


def _mcc(hits_R: Floats, support_RC: Floats, predicted_RC: Floats, rows_R: Floats) -> Floats:
    """Return the multi-class Matthews coefficient; 0 when truth or prediction never varies."""
    together = hits_R * rows_R - (support_RC * predicted_RC).sum(axis=1)
    truth = rows_R**2 - (support_RC**2).sum(axis=1)
    prediction = rows_R**2 - (predicted_RC**2).sum(axis=1)
    spread = np.sqrt(truth * prediction)
    result: Floats = np.divide(together, spread, out=np.zeros_like(spread), where=spread > 0)
    return result
