"""Metrics that need each row's probability: ranks, losses, calibration errors.

Axes: N rows, C classes, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate import bootstrap as resampling
from plaudit.evaluate import ranking, reliability
from plaudit.evaluate.bootstrap import Floats, Ints
from plaudit.evaluate.scores import Estimate

# Beyond this, ranking metrics get no interval: each resample would go through every class.
_MAX_RANKED_CLASSES = 50
Method = Callable[[float, Floats, float], tuple[float | None, float | None]]
"""From a value, its resamples and the coverage to the ends of the interval."""


def measure(
    probabilities_NC: NDArray[np.floating[Any]],
    targets_N: NDArray[np.integer[Any]],
    intervals: tuple[int, float],
    rng: np.random.Generator,
) -> dict[str, Estimate]:
    """Estimate them all.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    targets_N : ndarray of int
    intervals : (int, float)
        Resamples and coverage.
    rng : numpy.random.Generator

    Returns
    -------
    dict of str to Estimate
        ``roc_auc``, ``average_precision``, ``log_loss``, ``brier``, ``ece``, ``ece_equal_width``.
    """
    resamples, confidence = intervals
    rows = len(targets_N)
    ranks, kept = _ranks(probabilities_NC, targets_N)
    ece = _CalibrationErrors.of(probabilities_NC, targets_N)
    losses_2N = np.stack(
        [
            reliability.log_losses(probabilities_NC, targets_N),
            reliability.brier(probabilities_NC, targets_N),
        ]
    )
    loss_draws, rank_draws, ece_draws = [], [], []
    for counts_N in resampling.row_counts(rows, resamples, rng):
        # einsum, since a product by BLAS waits for threads that a busy machine does not have.
        loss_draws.append(np.einsum("n,kn->k", counts_N, losses_2N) / rows)
        ece_draws.append(ece.measure(counts_N))
        if kept:
            rank_draws.append(ranking.macro(kept, counts_N))
    ones_N = np.ones(rows, dtype=np.int64)
    groups = (
        (ranking.METRICS, ranks, rank_draws, resampling.bounded_interval),
        (("log_loss", "brier"), losses_2N.mean(axis=1), loss_draws, percentiles),
        (("ece", "ece_equal_width"), ece.measure(ones_N), ece_draws, resampling.error_interval),
    )
    metrics = {}
    for names, values, draws, method in groups:
        draws_R2 = np.asarray(draws, dtype=np.float64).reshape(-1, 2)
        for index, name in enumerate(names):
            draws_R = [draws_R2[:, index]]
            metrics[name] = estimate(float(values[index]), draws_R, confidence, method)
    return metrics


def estimate(value: float, draws: Sequence[Floats], confidence: float, method: Method) -> Estimate:
    """Put an interval around a value; none where it is undefined, or nothing was resampled."""
    value = float(value)
    if math.isnan(value) or not draws:
        return Estimate(value, None, None)
    return Estimate(value, *method(value, np.concatenate(draws), confidence))


def _ranks(
    probabilities_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]
) -> tuple[tuple[float, float], list[ranking.Ranking]]:
    """Return the ranking metrics, and what resamples of them need, unless that is too much."""
    rows, classes = probabilities_NC.shape
    positive = [1] if classes == 2 else range(classes)
    rankings = (  # lazily, so that many classes need not all be held at once
        ranking.rank(probabilities_NC[:, index].astype(np.float64), targets_N == index)
        for index in positive
    )
    ones_N = np.ones(rows, dtype=np.int64)
    if classes > _MAX_RANKED_CLASSES:
        areas = [ranking.measure(one, ones_N) for one in rankings]
        area, precision = np.asarray(areas).mean(axis=0)
        return (float(area), float(precision)), []
    kept = list(rankings)
    return ranking.macro(kept, ones_N), kept


@dataclass(frozen=True, slots=True)
class _CalibrationErrors:
    """The rows' bins, found once: a resample only changes how often each row counts."""

    places: tuple[Ints, Ints]
    gaps_N: Floats

    @classmethod
    def of(
        cls, probabilities_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]
    ) -> _CalibrationErrors:
        confidences_N, right_N = reliability.top(probabilities_NC, targets_N)
        mass_N = reliability.places(confidences_N)
        width_N = reliability.places(confidences_N, equal_mass=False)
        return cls((mass_N, width_N), right_N - confidences_N)

    def measure(self, counts_N: Ints) -> tuple[float, float]:
        gaps_N, rows = self.gaps_N * counts_N, len(counts_N)
        mass, width = (reliability.error(places_N, gaps_N, rows) for places_N in self.places)
        return mass, width


def percentiles(
    value: float, draws_R: Floats, confidence: float
) -> tuple[float | None, float | None]:
    """Return the interval of what has no bounds, by percentiles alone, whatever the value."""
    return resampling.interval(draws_R, confidence)
