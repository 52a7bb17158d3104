"""Accuracy and macro F1 with intervals: the short form, for parts of a test set.

Axes: N rows, C labels, R resamples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate import bootstrap as resampling
from plaudit.evaluate import confusion, reliability
from plaudit.evaluate.bootstrap import Ints
from plaudit.evaluate.scores import Estimate

BRIEF = ("accuracy", "macro_f1")


def brief(
    predicted_N: Ints,
    targets_N: NDArray[np.integer[Any]],
    classes: int,
    *,
    intervals: tuple[int, float] = (1000, 0.95),
    seed: int = 0,
) -> dict[str, Estimate]:
    """Estimate accuracy and macro F1.

    Parameters
    ----------
    predicted_N, targets_N : ndarray of int
        At least one row.
    classes : int
    intervals : (int, float)
        Resamples and coverage.
    seed : int

    Returns
    -------
    dict of str to Estimate
        Macro F1 runs over the labels that occur in these rows or in the answers to them.
    """
    resamples, confidence = intervals
    confusion_CC = confusion.count(predicted_N, targets_N, classes)
    exact = confusion.derive(confusion_CC[None]).metrics
    # The draws of metrics.score, so that the same rows have the same interval everywhere.
    rng, _ = np.random.default_rng(seed).spawn(2)
    draws = [
        confusion.derive(chunk).metrics
        for chunk in resampling.confusions(confusion_CC, resamples, rng)
    ]
    found = {}
    for name in BRIEF:
        value, values_R = float(exact[name][0]), np.concatenate([draw[name] for draw in draws])
        ends = resampling.bounded_interval(value, values_R, confidence)
        found[name] = Estimate(value, *ends)
    if draws and (whole := reliability.of_all(confusion_CC, confidence)):
        found["accuracy"] = whole
    return found
