"""The metrics of a classifier, each with a bootstrap interval.

Conventions are scikit-learn's where it has one: macro averages run over the classes that occur in
the truth or in the predictions, and count an undefined precision or recall as 0, so that a model
cannot gain by ignoring a class. A metric that has no value (the AUC of a class without rows) is
NaN here and null in JSON.

Axes: N rows, C classes, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate import bootstrap as resampling
from plaudit.evaluate import confusion, reliability, rowwise
from plaudit.evaluate.bootstrap import Ints
from plaudit.evaluate.scores import Estimate, Scores

ROUNDED = 0.005
"""What rounding to two digits makes of a probability; of a row's sum, for each label."""


def score(  # noqa: PLR0913 - what was answered, what is true, and how to resample
    probabilities_NC: NDArray[np.floating[Any]],
    targets_N: NDArray[np.integer[Any]],
    labels: Sequence[str],
    *,
    predicted_N: Ints | None = None,
    bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Scores:
    """Measure predictions against the truth.

    Parameters
    ----------
    probabilities_NC : ndarray of float
        One row a text, one column a label; each row sums to 1.
    targets_N : ndarray of int
        Index of the true label of each row.
    labels : sequence of str
        Names of the columns. With two labels, the second is the positive class of
        ``average_precision``.
    predicted_N : ndarray of int, optional
        The answers, where a threshold or costs decide; by default the likeliest label.
    bootstrap : int
        Resamples behind each interval; 0 for none.
    confidence : float, in (0, 1)
        Coverage of the intervals.
    seed : int
        Seed of the resampling.

    Returns
    -------
    Scores

    Raises
    ------
    ValueError
        The arrays do not fit together, hold no rows, or hold NaN.

    Notes
    -----
    The intervals say how far the result would move with another draw of rows from the same source.
    They say nothing about another seed of training, nor about another kind of text.
    """
    _check(probabilities_NC, targets_N, labels)
    if predicted_N is not None:
        _check_indices("predicted", predicted_N, probabilities_NC.shape)
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, found {confidence}")
    cells_rng, rows_rng = np.random.default_rng(seed).spawn(2)
    intervals = (bootstrap, confidence)
    if predicted_N is None:
        predicted_N = np.argmax(probabilities_NC, axis=1)
    confusion_CC = confusion.count(predicted_N, targets_N, probabilities_NC.shape[1])
    metrics, per_class = _counted(confusion_CC, labels, intervals, cells_rng)
    metrics |= rowwise.measure(probabilities_NC, targets_N, intervals, rows_rng)
    return Scores(
        rows=len(targets_N),
        labels=tuple(labels),
        metrics=metrics,
        per_class=per_class,
        confusion=tuple(tuple(int(cell) for cell in row) for row in confusion_CC),
        confidence=confidence,
        bootstrap=bootstrap,
    )


def point(
    probabilities_NC: NDArray[np.floating[Any]],
    targets_N: NDArray[np.integer[Any]],
    metrics: Sequence[str],
) -> dict[str, float]:
    """Compute a few metrics without intervals, as training does on validation.

    Parameters
    ----------
    probabilities_NC : ndarray of float
        One row a text, one column a label; each row sums to 1.
    targets_N : ndarray of int
        Index of the true label of each row.
    metrics : sequence of str
        Any of the metrics of a confusion matrix (``accuracy``, ``macro_f1``, ``mcc`` …) and
        ``log_loss``.

    Returns
    -------
    dict of str to float
        In the order asked for.

    Raises
    ------
    ValueError
        The arrays do not fit together, or a metric is not known.
    """
    known = (*confusion.METRICS, "log_loss")
    unknown = [name for name in metrics if name not in known]
    if unknown:
        raise ValueError(f"unknown metrics {unknown}; known are {', '.join(known)}")
    _check(probabilities_NC, targets_N)
    predicted_N = np.argmax(probabilities_NC, axis=1)
    counts_CC = confusion.count(predicted_N, targets_N, probabilities_NC.shape[1])
    derived = confusion.derive(counts_CC[None]).metrics
    loss = float(reliability.log_losses(probabilities_NC, targets_N).mean())
    return {name: loss if name == "log_loss" else float(derived[name][0]) for name in metrics}


def _check_indices(name: str, indices_N: NDArray[np.integer[Any]], shape: tuple[int, ...]) -> None:
    rows, classes = shape
    whole = isinstance(indices_N, np.ndarray) and np.issubdtype(indices_N.dtype, np.integer)
    if not whole or indices_N.shape != (rows,):
        raise ValueError(f"{name} must be a numpy array of whole numbers, of shape ({rows},)")
    if indices_N.min() < 0 or indices_N.max() >= classes:
        raise ValueError(f"{name} must lie in 0..{classes - 1}")


def _check(
    probabilities_NC: NDArray[np.floating[Any]],
    targets_N: NDArray[np.integer[Any]],
    labels: Sequence[str] | None = None,
) -> None:
    if np.shape(targets_N) != np.shape(probabilities_NC)[:1] or np.ndim(probabilities_NC) != 2:
        raise ValueError(
            "probabilities must have the shape (rows, labels) and targets (rows,), "
            f"found {np.shape(probabilities_NC)} and {np.shape(targets_N)}"
        )
    if not isinstance(probabilities_NC, np.ndarray):
        raise ValueError("probabilities must be a numpy array")
    rows, classes = probabilities_NC.shape
    if rows == 0 or classes < 2:
        raise ValueError(f"at least one row and two labels are needed, found {rows} and {classes}")
    if np.isnan(probabilities_NC).any():
        raise ValueError("probabilities hold NaN: the model that made them is broken")
    _check_indices("targets", targets_N, probabilities_NC.shape)
    if labels is not None and (len(labels) != classes or len(set(labels)) != classes):
        raise ValueError(f"{classes} different labels are needed, found {list(labels)}")
    sums_N = probabilities_NC.sum(axis=1)
    farthest = int(np.argmax(np.abs(sums_N - 1.0)))
    if probabilities_NC.min() < 0 or not abs(sums_N[farthest] - 1.0) <= ROUNDED * classes:
        raise ValueError(
            "rows of probabilities must sum to 1, none below 0; these may be logits: row "
            f"{farthest} sums to {sums_N[farthest]:.3g}, the least is {probabilities_NC.min():.3g}"
        )


def _counted(
    confusion_CC: Ints,
    labels: Sequence[str],
    intervals: tuple[int, float],
    rng: np.random.Generator,
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    """Return the metrics that follow from the confusion matrix, of all and of each class."""
    resamples, confidence = intervals
    exact = confusion.derive(confusion_CC[None])
    draws = [
        confusion.derive(chunk) for chunk in resampling.confusions(confusion_CC, resamples, rng)
    ]
    metrics = {
        name: rowwise.estimate(
            values[0],
            [draw.metrics[name] for draw in draws],
            confidence,
            partial(resampling.bounded_interval, lowest=-1.0 if name == "mcc" else 0.0),
        )
        for name, values in exact.metrics.items()
    }
    if draws and (whole := reliability.of_all(confusion_CC, confidence)):
        metrics["accuracy"] = whole
    per_class = {
        label: {
            name: rowwise.estimate(
                values[0, index],
                # The support is a plain count of what was there: nothing to be unsure of.
                [draw.per_class[name][:, index] for draw in draws if name != "support"],
                confidence,
                resampling.bounded_interval,
            )
            for name, values in exact.per_class.items()
        }
        for index, label in enumerate(labels)
    }
    return metrics, per_class
