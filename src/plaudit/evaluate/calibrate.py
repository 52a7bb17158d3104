"""Temperature scaling: one number that makes a model as sure as it is right.

Axes: N rows, C classes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate import reliability
from plaudit.evaluate.bootstrap import Floats

LARGEST = 8.0
"""Temperatures lie between 1/8 and 8."""
_PRIOR_SD = 0.5
"""Of the temperature's logarithm: it weighs as much as about a dozen rows, and keeps forty rows
without a mistake among them from asking for certainty."""


def temper(probabilities_NC: Floats, temperature: float) -> Floats:
    """Soften (above 1) or sharpen (below 1) probabilities; the likeliest label stays the same.

    Parameters
    ----------
    probabilities_NC : ndarray of float
        Softmax of logits.
    temperature : float
        Above 0; its inverse undoes it.

    Returns
    -------
    ndarray of float64
        Softmax of the logits divided by the temperature.

    Examples
    --------
    >>> import numpy as np
    >>> temper(np.array([[0.9, 0.1]]), 2.0).round(2)
    array([[0.75, 0.25]])
    """
    if temperature == 1.0:
        return probabilities_NC
    with np.errstate(divide="ignore"):
        return softmax(np.log(probabilities_NC) / temperature)


def softmax(logits_NC: NDArray[np.floating[Any]]) -> Floats:
    """Turn logits into probabilities, in float64."""
    shifted = np.asarray(logits_NC, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    result: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def log_loss(logits_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]) -> float:
    """Return the mean log loss of logits, without rounding to probabilities on the way."""
    logits_NC = np.asarray(logits_NC, dtype=np.float64)
    highest_N = logits_NC.max(axis=1)
    total_N = np.log(np.exp(logits_NC - highest_N[:, None]).sum(axis=1)) + highest_N
    return float((total_N - logits_NC[np.arange(len(targets_N)), targets_N]).mean())


def fit_temperature(
    logits_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]
) -> float:
    """Find the temperature under which held-out labels are likeliest.

    A weak prior around 1 keeps few rows from deciding much. On the rows given, the log loss is
    never above that of the temperature 1.

    Parameters
    ----------
    logits_NC : ndarray of float
        Of rows that the model was not trained on.
    targets_N : ndarray of int

    Returns
    -------
    float
        From 1/8 to 8; 1.0 without rows.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2; the prior is
    ours.
    """
    if not len(targets_N):
        return 1.0
    from scipy.optimize import minimize_scalar

    def cost(logarithm: float) -> float:
        fit = log_loss(np.asarray(logits_NC, dtype=np.float64) / math.exp(logarithm), targets_N)
        return fit + logarithm**2 / (2 * _PRIOR_SD**2 * len(targets_N))

    bound = math.log(LARGEST)
    found = float(minimize_scalar(cost, bounds=(-bound, bound), method="bounded").x)
    # The search ends near the best value; where that is 1, it must not end beside it.
    return math.exp(found) if cost(found) < cost(0.0) else 1.0


def quality(
    probabilities_NC: Floats, targets_N: NDArray[np.integer[Any]], *, diagram: bool = False
) -> dict[str, Any]:
    """Measure how well probabilities hold, without intervals.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    targets_N : ndarray of int
        At least one row.
    diagram : bool
        Add the bins of the reliability diagram.

    Returns
    -------
    dict
        ``log_loss``, ``brier``, ``ece``, ``ece_equal_width``, ``ece_by_chance`` (what probabilities
        that hold exactly would show on so many rows), and ``bins``.
    """
    confidences_N, right_N = reliability.top(probabilities_NC, targets_N)
    gaps_N, rows = right_N - confidences_N, len(targets_N)
    found: dict[str, Any] = {
        "log_loss": float(reliability.log_losses(probabilities_NC, targets_N).mean()),
        "brier": float(reliability.brier(probabilities_NC, targets_N).mean()),
        "ece": reliability.error(reliability.places(confidences_N), gaps_N, rows),
        "ece_equal_width": reliability.error(
            reliability.places(confidences_N, equal_mass=False), gaps_N, rows
        ),
        "ece_by_chance": reliability.error_by_chance(confidences_N),
    }
    if diagram:
        bins = reliability.diagram(probabilities_NC, targets_N)
        found["bins"] = [each.to_dict() for each in bins]
    return found
