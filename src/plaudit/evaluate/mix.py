"""How a second model answers beside a first one, or in its place.

Axes: N rows, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate.calibrate import log_loss
from plaudit.evaluate.cascade import Cascade, fit_cascade

LARGEST = 10.0
"""Weights lie between 0 and this."""
_PRIOR_SD = 1.0
"""Of the weight: a weak prior around 0, so that a handful of rows adds little of the second."""

Logits = NDArray[np.floating[Any]]
Second = tuple[Logits, NDArray[np.integer[Any]]]
"""The second model's logits of each row, and how many of its features that model knows."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """How two models answer together.

    Attributes
    ----------
    weight : float
        What the second one's logits count beside the first one's.
    cascade : Cascade or None
        Where the second one answers by itself.
    """

    weight: float
    cascade: Cascade | None = None

    @property
    def has_second(self) -> bool:
        """Whether the second model has a say at all."""
        return bool(self.weight) or self.cascade is not None

    def sure(self, second: Second) -> NDArray[np.bool_]:
        """Say for which rows the first model need not be asked, shape (N,)."""
        if self.cascade is None:
            return np.zeros(len(second[0]), dtype=bool)
        return self.cascade.sure(*second)

    def logits(self, first_NC: Logits, second: Second) -> NDArray[np.float64]:
        """Return the logits of both together, those of the second alone where it is sure."""
        both_NC = mixed(first_NC, second[0], self.weight)
        if self.cascade is not None:
            sure_N = self.sure(second)
            both_NC[sure_N] = self.cascade.scale * second[0][sure_N]
        return both_NC


def fit_mixture(
    first_NC: Logits,
    second: Second,
    targets_N: NDArray[np.integer[Any]],
    *,
    weight: float | Literal["fit"],
    most: float,
) -> Mixture:
    """Fit how two models answer together.

    Parameters
    ----------
    first_NC : ndarray of float
        Logits of rows that neither model was trained on.
    second : (ndarray of float, ndarray of int)
        The second model's of these, and how many of each row's features it knows.
    targets_N : ndarray of int
    weight : float or "fit"
        Given, or sought by :func:`fit_weight`.
    most : float
        As for :func:`plaudit.evaluate.cascade.fit_cascade`; 0: the first model is always asked.

    Returns
    -------
    Mixture
    """
    found = fit_weight(first_NC, second[0], targets_N) if weight == "fit" else weight
    both_NC = mixed(first_NC, second[0], found)
    return Mixture(found, fit_cascade(both_NC, second, targets_N, most))


def crossed(
    first_NC: Logits,
    second: Second,
    targets_N: NDArray[np.integer[Any]],
    *,
    weight: float | Literal["fit"],
    most: float,
) -> NDArray[np.float64]:
    """Mix each half of the rows as the other half has it, so that none judges its own mixture.

    Parameters
    ----------
    first_NC, second, targets_N, weight, most
        As for :func:`fit_mixture`.

    Returns
    -------
    ndarray of float64, shape (N, C)
    """
    second_NC, known_N = second
    found_NC = first_NC.astype(np.float64)
    # Every other row of each label: files may have their labels in turn.
    order_N = np.argsort(targets_N, kind="stable")
    halves = order_N[0::2], order_N[1::2]
    for own, other in (halves, halves[::-1]):
        parts = first_NC[other], (second_NC[other], known_N[other]), targets_N[other]
        mixture = fit_mixture(*parts, weight=weight, most=most)
        found_NC[own] = mixture.logits(first_NC[own], (second_NC[own], known_N[own]))
    return found_NC


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
