"""How much a second model's logits count beside the first one's.

Axes: N rows, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate.calibrate import log_loss

LARGEST = 10.0
"""Weights lie between 0 and this."""
_PRIOR_SD = 1.0
"""Of the weight: a weak prior around 0, so that a handful of rows adds little of the second."""

Logits = NDArray[np.floating[Any]]


def crossed(
    first_NC: Logits, second_NC: Logits, targets_N: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """Mix each half of the rows by the weight that the other half has, so that none judges its own.

    Parameters
    ----------
    first_NC, second_NC, targets_N
        As for :func:`fit_weight`.

    Returns
    -------
    ndarray of float64, shape (N, C)
    """
    mixed_NC = first_NC.astype(np.float64)
    # Every other row of each label: files may have their labels in turn.
    order_N = np.argsort(targets_N, kind="stable")
    halves = order_N[0::2], order_N[1::2]
    for own, other in (halves, halves[::-1]):
        weight = fit_weight(first_NC[other], second_NC[other], targets_N[other])
        mixed_NC[own] = mixed(first_NC[own], second_NC[own], weight)
    return mixed_NC


def mixed(first_NC: Logits, second_NC: Logits, weight: float) -> NDArray[np.float64]:
    """Return the logits of both together, in float64."""
    return first_NC.astype(np.float64) + weight * second_NC.astype(np.float64)


def fit_weight(first_NC: Logits, second_NC: Logits, targets_N: NDArray[np.integer[Any]]) -> float:
    """Find the weight under which held-out labels are likeliest, at the temperature that suits it.

    A weak prior around 0 keeps few rows from deciding much.

    Parameters
    ----------
    first_NC, second_NC : ndarray of float
        Logits of rows that neither model was trained on.
    targets_N : ndarray of int

    Returns
    -------
    float
        From 0 to 10; 0.0 without rows.

    Notes
    -----
    Source: stacking, Wolpert 1992, "Stacked Generalization", with one weight for all classes.
    """
    rows = len(targets_N)
    if not rows:
        return 0.0
    from scipy.optimize import minimize

    def loss(found: NDArray[np.float64]) -> float:
        weight, log_temperature = map(float, found)
        logits_NC = mixed(first_NC, second_NC, weight) / np.exp(log_temperature)
        return log_loss(logits_NC, targets_N) + 0.5 * (weight / _PRIOR_SD) ** 2 / rows

    bounds = [(0.0, LARGEST), (-np.log(8.0), np.log(8.0))]
    best = minimize(loss, np.array([0.5, 0.0]), method="L-BFGS-B", bounds=bounds)
    return float(best.x[0])
