"""When to say "unsure": so that few enough answers are wrong, or so that the truth is covered.

Axes: N rows, C labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate.bootstrap import Floats

DOUBT = 0.05
"""Probability with which the bound on the error may fail, over draws of validation data."""

LEVELS = 20
"""Shares of the rows at which it is tried to answer: 5%, 10%, … all."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The probability below which an answer, or a label, does not count.

    Attributes
    ----------
    least : float
    promised : float
        error: the bound on the error among answers. conformal: the coverage.
    reached : bool
        Whether that is what was asked for; else it is the best that these rows allow.
    """

    least: float
    promised: float
    reached: bool


def limit_error(
    probabilities_N: Floats, right_N: NDArray[np.bool_], wanted: float, doubt: float = DOUBT
) -> Limit:
    """Find the least probability of an answer with which the error among answers is bounded.

    Parameters
    ----------
    probabilities_N : ndarray of float
        Of the answers on rows that the model was not trained on.
    right_N : ndarray of bool
    wanted : float, in (0, 1)
        Largest error rate among answers.
    doubt : float, in (0, 1)
        Probability with which the bound may fail.

    Returns
    -------
    Limit
        That which answers most rows; where no limit keeps to what is wanted, the one with the
        lowest bound.

    Source: Geifman and El-Yaniv 2017, "Selective Classification for Deep Neural Networks": their
    bound, at fixed shares of the rows that divide the doubt. Their binary search stops early where
    few rows make the first bounds wide.
    """
    order = np.argsort(-probabilities_N, kind="stable")
    sorted_N, wrong_N = probabilities_N[order], np.cumsum(~right_N[order])
    shares = np.arange(1, LEVELS + 1) / LEVELS
    taken = np.unique(np.ceil(shares * len(order)).astype(np.int64))
    # Equal probabilities are answered, or not, together.
    taken = np.unique(np.searchsorted(-sorted_N, -sorted_N[taken - 1], side="right"))
    bounds = np.array([_bound(int(wrong_N[n - 1]), int(n), doubt / LEVELS) for n in taken])
    kept = np.flatnonzero(bounds <= wanted)
    best = int(kept[-1]) if len(kept) else int(bounds.argmin())
    return Limit(float(sorted_N[taken[best] - 1]), float(bounds[best]), len(kept) > 0)


def _bound(wrong: int, taken: int, doubt: float) -> float:
    """Return the error rate under which so few mistakes have the probability ``doubt``."""
    from scipy.special import betaincinv

    return 1.0 if wrong == taken else float(betaincinv(wrong + 1, taken - wrong, 1 - doubt))


def limit_sets(
    probabilities_NC: Floats, targets_N: NDArray[np.integer[Any]], coverage: float
) -> Limit:
    """Find the least probability of a label with which sets of labels hold the truth often enough.

    Parameters
    ----------
    probabilities_NC : ndarray of float
        Of rows that the model was not trained on.
    targets_N : ndarray of int
    coverage : float, in (0, 1)
        Share of new rows of the same source whose set is to hold the true label.

    Returns
    -------
    Limit
        Too few rows for the coverage give the largest that they can promise.

    Source: Sadinle, Lei and Wasserman 2019, "Least Ambiguous Set-Valued Classifiers with Bounded
    Error Levels"; Angelopoulos and Bates 2023, "Conformal Prediction: A Gentle Introduction".
    """
    rows = len(targets_N)
    true_N = np.sort(probabilities_NC[np.arange(rows), targets_N])
    # The sets must hold so many of rows + 1 exchangeable rows, the new one among them.
    held = math.ceil((rows + 1) * coverage - 1e-9)
    reached = held <= rows
    held = min(held, rows)
    return Limit(float(true_N[rows - held]), held / (rows + 1), reached)
