"""Resampling of rows, as fast as its structure allows.

Drawing N rows with replacement changes a confusion matrix exactly as one multinomial draw over its
cells does, so metrics of the confusion matrix need no rows at all. Ranks and losses need a count
for each row; those come one resample at a time, so that memory stays at a few arrays of N.

Axes: N rows, C classes, R resamples.
"""

from __future__ import annotations

from collections.abc import Iterator

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
