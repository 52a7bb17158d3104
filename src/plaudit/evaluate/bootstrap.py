"""Resampling of rows, as fast as its structure allows.

Drawing N rows with replacement changes a confusion matrix exactly as one multinomial draw over its
cells does, so metrics of the confusion matrix need no rows at all. Ranks and losses need a count
for each row; those come one resample at a time, so that memory stays at a few arrays of N.

Axes: N rows, C classes, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CELLS_AT_ONCE = 2_000_000  # 16 MB of counts


def confusions(
    confusion_CC: Ints, resamples: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Draw confusion matrices of resampled rows, in chunks of bounded size.

    Parameters
    ----------
    confusion_CC : ndarray of int
        Counts; rows are the truth, columns the prediction.
    resamples : int
        How many matrices to draw in all.
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of int, shape (chunk, C, C)
    """
    flat = confusion_CC.ravel()
    used = np.flatnonzero(flat)  # an empty cell stays empty in every resample
    rows = int(flat.sum())
    chunk = max(1, _CELLS_AT_ONCE // flat.size)
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        cells = np.zeros((size, flat.size), dtype=np.int64)
        cells[:, used] = rng.multinomial(rows, flat[used] / rows, size=size)
        yield cells.reshape(size, *confusion_CC.shape)


def row_counts(rows: int, resamples: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Draw how often each row stands in a resample.

    Parameters
    ----------
    rows : int
        Rows of the data, and of each resample.
    resamples : int
        How many resamples to draw.
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of int, shape (N,)
        Counts that sum to ``rows``.
    """
    for _ in range(resamples):
        yield np.bincount(rng.integers(0, rows, size=rows), minlength=rows)


def interval(values_R: Floats, confidence: float) -> tuple[float | None, float | None]:
    """Return the percentile interval of resampled values.

    Resamples in which the metric is undefined are left out. There is no interval when that leaves
    fewer than half, nor when all values are equal: a bootstrap that never varies (one row, no
    mistake at all) knows nothing about uncertainty; a width of zero would claim certainty.

    Parameters
    ----------
    values_R : ndarray of float
        One value a resample; NaN where undefined.
    confidence : float, in (0, 1)
        Coverage aimed at.

    Returns
    -------
    tuple of (float or None, float or None)
        The lower and the upper end.
    """
    defined = values_R[np.isfinite(values_R)]
    if defined.size == 0 or 2 * defined.size < values_R.size:
        return None, None
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    if np.ptp(defined) <= 1e-12:
        return None, None
    return float(low), float(high)


def bounded_interval(
    value: float, values_R: Floats, confidence: float, lowest: float = 0.0
) -> tuple[float | None, float | None]:
    """Return the interval of a metric that lies between a lowest value and 1.

    Near its bound such a metric spreads unevenly, and percentiles then miss the truth too often: in
    simulation at 200 to 600 rows those of an AUC of 0.99 covered it in 89 of 100 sets. On the
    logit scale the spread is even; there the interval is the value and so many standard deviations
    of the resamples. There is none where :func:`interval` would give none.

    Parameters
    ----------
    value : float
        Of the rows themselves.
    values_R : ndarray of float
        One value a resample; NaN where undefined.
    confidence : float, in (0, 1)
        Coverage aimed at.
    lowest : float
        0 for a share, -1 for a correlation.

    Returns
    -------
    tuple of (float or None, float or None)
        The lower and the upper end.

    Source: Pepe 2003, "The Statistical Evaluation of Medical Tests", section 5.2.5, for the AUC.
    """
    span = 1.0 - lowest
    share = (value - lowest) / span
    if interval(values_R, confidence) == (None, None) or not 0.0 < share < 1.0:
        return None, None
    spread = float(np.nanstd(values_R)) / span / (share * (1.0 - share))
    reach = NormalDist().inv_cdf((1.0 + confidence) / 2.0) * spread
    middle = math.log(share / (1.0 - share))
    low, high = (lowest + span * _share(middle + side * reach) for side in (-1, 1))
    return low, high


def error_interval(
    value: float, values_R: Floats, confidence: float
) -> tuple[float | None, float | None]:
    """Return the interval of an error that noise can only enlarge, as a calibration error.

    Resampling adds as much again as the sample had added, so the percentiles are mirrored at the
    value (the basic bootstrap): the interval is that of the error without noise, and may lie below
    the value.

    Parameters
    ----------
    value : float
        Of the rows themselves.
    values_R : ndarray of float
        One value a resample.
    confidence : float, in (0, 1)

    Returns
    -------
    tuple of (float or None, float or None)

    Source: Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 5.2.1.
    """
    low, high = interval(values_R, confidence)
    if low is None or high is None:
        return None, None
    return max(0.0, 2 * value - high), max(0.0, 2 * value - low)


def _share(logit: float) -> float:
    # Whichever exponent cannot overflow.
    return 1 / (1 + math.exp(-logit)) if logit > 0 else math.exp(logit) / (1 + math.exp(logit))
