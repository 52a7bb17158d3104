"""ROC and precision-recall curves, in few enough points to be stored and drawn.

Axes: N rows, G groups of rows with equal scores, P points kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plaudit.evaluate.bootstrap import Floats, Ints
from plaudit.evaluate.predictions import Predictions

POINTS = 200
LABELS = 20
"""Labels with a curve at most: those with the most rows."""
_DECIMALS = 5  # far below what the rows of a test set can tell apart


def curves(predictions: Predictions, most: int = POINTS) -> list[dict[str, Any]]:
    """Return the curves of each label against the rest; of two labels, those of the second.

    Parameters
    ----------
    predictions : Predictions
    most : int
        Points of a curve at most, evenly spaced along it. Its ends are always among them.

    Returns
    -------
    list of dict
        ``label``, ``rows`` that have it, ``roc`` (``false_positive_rate``,
        ``true_positive_rate``) and ``precision_recall`` (``recall``, ``precision``), each a list.
        Labels that no row has, or that all have, are left out.
    """
    classes = np.arange(len(predictions.labels))
    truth_NC = predictions.targets_N[:, None] == classes
    found = classes if len(classes) > 2 else classes[1:]
    labels = tuple(predictions.labels[i] for i in found)
    return label_curves(labels, predictions.probabilities_NC[:, found], truth_NC[:, found], most)


def label_curves(
    labels: Sequence[str], probabilities_NC: Floats, truth_NC: np.ndarray, most: int = POINTS
) -> list[dict[str, Any]]:
    """Return the curves of each label as :func:`curves` does, each by itself.

    Parameters
    ----------
    labels : sequence of str
    probabilities_NC : ndarray of float
    truth_NC : ndarray of bool
        Which labels each row has.
    most : int
    """
    rows_C = truth_NC.sum(axis=0)
    wanted = np.argsort(-rows_C, kind="stable")[:LABELS]
    return [
        {
            "label": labels[label],
            "rows": int(rows_C[label]),
            **_of_label(probabilities_NC[:, label], truth_NC[:, label], most),
        }
        for label in sorted(wanted.tolist())
        if 0 < rows_C[label] < len(truth_NC)
    ]


def _of_label(scores_N: Floats, member_N: np.ndarray, most: int) -> dict[str, Any]:
    order = np.argsort(-scores_N, kind="stable")
    ranked = scores_N[order]
    # Rows with equal scores are found together or not at all.
    ends_G = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    found_G = np.cumsum(member_N[order])[ends_G]
    taken_G = ends_G + 1
    recall_G = found_G / found_G[-1]
    false_G = (taken_G - found_G) / max(len(ranked) - int(found_G[-1]), 1)
    precision_G = found_G / taken_G
    start = np.zeros(1)
    return {
        "roc": _points(
            ("false_positive_rate", np.append(start, false_G)),
            ("true_positive_rate", np.append(start, recall_G)),
            most,
        ),
        "precision_recall": _points(("recall", recall_G), ("precision", precision_G), most),
    }


def _points(x: tuple[str, Floats], y: tuple[str, Floats], most: int) -> dict[str, list[float]]:
    kept_P = _spread(x[1], y[1], most)
    return {name: np.round(values[kept_P], _DECIMALS).tolist() for name, values in (x, y)}


def _spread(x_G: Floats, y_G: Floats, most: int) -> Ints:
    """Return the places of points that are evenly spaced along the curve, its ends included."""
    if len(x_G) <= most:
        return np.arange(len(x_G))
    way_G = np.append(0.0, np.cumsum(np.abs(np.diff(x_G)) + np.abs(np.diff(y_G))))
    stops = np.linspace(0.0, way_G[-1], most)
    places: Ints = np.unique(np.searchsorted(way_G, stops[:-1], side="left"))
    return np.append(places, len(x_G) - 1) if places[-1] != len(x_G) - 1 else places
