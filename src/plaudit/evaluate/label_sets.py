"""The metrics of a classifier that gives a text any number of labels, with bootstrap intervals.

Conventions are scikit-learn's where it has one. Macro averages run over the labels that occur in
the truth or in the answers, those of ranks over the labels that some rows have and some have not. A
row without labels that is given none is right: its F1 is 1 (scikit-learn's ``zero_division=1``).

Axes: N rows, C labels, R resamples, K quantities that are summed over rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate import bootstrap as resampling
from plaudit.evaluate import label_thresholds, ranking
from plaudit.evaluate.bootstrap import Floats, Ints
from plaudit.evaluate.rowwise import estimate, percentiles
from plaudit.evaluate.scores import Estimate, SetScores

Marks = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]
VALIDATED = ("accuracy", "macro_f1", "micro_f1", "log_loss")
_BY_ROW = ("subset_accuracy", "hamming_loss", "samples_f1", "label_ranking_average_precision",
           "log_loss", "brier")  # fmt: skip
_COUNTED = ("micro_precision", "micro_recall", "micro_f1", "macro_precision", "macro_recall",
            "macro_f1")  # fmt: skip
_UNBOUNDED = ("log_loss", "brier", "hamming_loss")
_OF_LABEL = ("precision", "recall", "f1", "average_precision", "roc_auc")
_MAX_RANKED = 50
_ROWS_AT_ONCE = 4096
_LEAST = float(np.finfo(np.float64).eps)


def score(
    probabilities_NC: Floats,
    given_NC: Bools,
    targets_NC: Marks,
    labels: Sequence[str],
    *,
    intervals: tuple[int, float] = (1000, 0.95),
    seed: int = 0,
) -> SetScores:
    """Measure answers against the truth.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    given_NC : ndarray of bool
        The labels that rows were given.
    targets_NC : ndarray of int
        0 or 1: the labels that they have.
    labels : sequence of str
    intervals : (int, float)
        Resamples, 0 for none, and coverage.
    seed : int

    Returns
    -------
    SetScores

    Raises
    ------
    ValueError
        The arrays do not fit together, hold no rows, or hold NaN.
    """
    _check(probabilities_NC, targets_NC, labels)
    truth_NC = targets_NC == 1
    resamples, confidence = intervals
    sums_NK = _summed(probabilities_NC, given_NC, truth_NC)
    rankings = _rankings(probabilities_NC, truth_NC)
    rows, classes = truth_NC.shape
    ones_N = np.ones(rows, dtype=np.int64)
    exact = _measured(sums_NK.sum(axis=0) / rows, classes) | _ranked(rankings, ones_N)
    draws: dict[str, list[Floats]] = {name: [] for name in exact}
    for counts_N in resampling.row_counts(rows, resamples, np.random.default_rng(seed)):
        # einsum, since a product by BLAS waits for threads that a busy machine does not have.
        drawn = _measured(np.einsum("n,nk->k", counts_N, sums_NK) / rows, classes)
        if classes <= _MAX_RANKED:
            drawn |= _ranked(rankings, counts_N)
        for name, value in drawn.items():
            draws[name].append(value)
    metrics, per_class = _estimates(exact, draws, tuple(labels), confidence)
    support_C = truth_NC.sum(axis=0)
    for label, support in zip(labels, support_C.tolist(), strict=True):
        per_class[label]["support"] = Estimate(float(support), None, None)
    return SetScores(
        rows=rows,
        labels=tuple(labels),
        metrics=metrics,
        per_class=per_class,
        confusion=_confusion(given_NC, truth_NC),
        together=tuple(map(tuple, (truth_NC.T.astype(np.int64) @ truth_NC).tolist())),
        sizes={
            "truth": float(truth_NC.sum(axis=1).mean()),
            "given": float(given_NC.sum(axis=1).mean()),
            "truth_none": int((~truth_NC.any(axis=1)).sum()),
            "given_none": int((~given_NC.any(axis=1)).sum()),
        },
        confidence=confidence,
        bootstrap=resamples,
    )


def point(probabilities_NC: Floats, targets_NC: Marks) -> dict[str, float]:
    """Measure, without intervals, the answers that would be given were training to end now.

    The thresholds are fitted on these very rows, as they will be on the last validation.

    Returns
    -------
    dict of str to float
        ``accuracy`` (of whole sets of labels), ``macro_f1``, ``micro_f1``, ``log_loss``.
    """
    _check(probabilities_NC, targets_NC)
    fitted = label_thresholds.fit(probabilities_NC, targets_NC)
    given_NC = label_thresholds.given(probabilities_NC, [each.value for each in fitted])
    sums_NK = _summed(probabilities_NC, given_NC, targets_NC == 1)
    found = _measured(sums_NK.mean(axis=0), targets_NC.shape[1])
    found["accuracy"] = found["subset_accuracy"]
    return {name: float(found[name]) for name in VALIDATED}


def log_losses(probabilities_NC: Floats, targets_NC: Bools) -> Floats:
    """Return each row's binary log loss, the mean over its labels."""
    own_NC = np.where(targets_NC, probabilities_NC, 1.0 - probabilities_NC)
    losses: Floats = -np.log(np.maximum(own_NC, _LEAST)).mean(axis=1)
    return losses


def ranking_precision(probabilities_NC: Floats, targets_NC: Bools) -> Floats:
    """Return each row's label ranking average precision; 1 where it has no label, or all.

    Source: scikit-learn, ``label_ranking_average_precision_score``.
    """
    found = [
        _ranking_precision(
            probabilities_NC[i : i + _ROWS_AT_ONCE], targets_NC[i : i + _ROWS_AT_ONCE]
        )
        for i in range(0, len(targets_NC), _ROWS_AT_ONCE)
    ]
    return np.concatenate(found)


def _ranking_precision(probabilities_NC: Floats, targets_NC: Bools) -> Floats:
    rank_NC, hits_NC = np.zeros(targets_NC.shape), np.zeros(targets_NC.shape)
    for label in range(targets_NC.shape[1]):
        above_NC = probabilities_NC >= probabilities_NC[:, label, None]
        rank_NC[:, label] = above_NC.sum(axis=1)
        hits_NC[:, label] = (above_NC & targets_NC).sum(axis=1)
    own_N = targets_NC.sum(axis=1)
    mean_N = (hits_NC / rank_NC * targets_NC).sum(axis=1) / np.maximum(own_N, 1)
    found: Floats = np.where((own_N == 0) | (own_N == targets_NC.shape[1]), 1.0, mean_N)
    return found


def _check(
    probabilities_NC: Floats, targets_NC: Marks, labels: Sequence[str] | None = None
) -> None:
    if probabilities_NC.ndim != 2 or probabilities_NC.shape != targets_NC.shape:
        raise ValueError(
            "probabilities and targets must both have the shape (rows, labels), found "
            f"{probabilities_NC.shape} and {targets_NC.shape}"
        )
    if not len(targets_NC):
        raise ValueError("at least one row is needed")
    if np.isnan(probabilities_NC).any():
        raise ValueError("probabilities hold NaN: the model that made them is broken")
    if labels is not None and len(labels) != targets_NC.shape[1]:
        raise ValueError(f"{targets_NC.shape[1]} labels are needed, found {list(labels)}")


def _summed(probabilities_NC: Floats, given_NC: Bools, truth_NC: Bools) -> Floats:
    """Return all that is summed over rows: the metrics by row, then hits, given and true labels."""
    hits_NC = given_NC & truth_NC
    both_N = given_NC.sum(axis=1) + truth_NC.sum(axis=1)
    by_row = [
        (given_NC == truth_NC).all(axis=1),
        (given_NC != truth_NC).mean(axis=1),
        np.where(both_N, 2 * hits_NC.sum(axis=1) / np.maximum(both_N, 1), 1.0),
        ranking_precision(probabilities_NC, truth_NC),
        log_losses(probabilities_NC, truth_NC),
        ((probabilities_NC - truth_NC) ** 2).mean(axis=1),
    ]
    counts = np.concatenate([hits_NC, given_NC, truth_NC], axis=1)
    return np.concatenate([np.stack(by_row, axis=1), counts], axis=1).astype(np.float64)


def _measured(mean_K: Floats, classes: int) -> dict[str, Any]:
    """Return the metrics that follow from the means over rows; those of labels as arrays."""
    found: dict[str, Any] = dict(zip(_BY_ROW, mean_K[: len(_BY_ROW)].tolist(), strict=True))
    hits_C, given_C, truth_C = mean_K[len(_BY_ROW) :].reshape(3, classes)
    own = {"precision": given_C, "recall": truth_C, "f1": (given_C + truth_C) / 2}
    occurs_C = given_C + truth_C > 0
    for name, whole_C in own.items():
        found[name] = _share(hits_C, whole_C)
        found[f"micro_{name}"] = float(_share(hits_C.sum(), whole_C.sum()))
        found[f"macro_{name}"] = float(found[name][occurs_C].mean()) if occurs_C.any() else 0.0
    return found


def _share(part: Any, whole: Any) -> Any:
    return np.divide(part, whole, out=np.zeros_like(np.asarray(whole)), where=np.asarray(whole) > 0)


def _rankings(probabilities_NC: Floats, truth_NC: Bools) -> list[ranking.Ranking]:
    columns = zip(probabilities_NC.T, truth_NC.T, strict=True)
    return [ranking.rank(scores_N.astype(np.float64), own_N) for scores_N, own_N in columns]


def _ranked(rankings: Sequence[ranking.Ranking], counts_N: Ints) -> dict[str, Any]:
    pairs = np.array([ranking.measure(one, counts_N) for one in rankings]).reshape(-1, 2)
    found: dict[str, Any] = {}
    for place, name in enumerate(ranking.METRICS):
        # The precision of a label that all rows have is 1, whatever the model says.
        found[name] = np.where(np.isnan(pairs[:, 0]), np.nan, pairs[:, place])
        defined = found[name][~np.isnan(found[name])]
        found[f"macro_{name}"] = float(defined.mean()) if len(defined) else math.nan
    return found


def _estimates(
    exact: Mapping[str, Any],
    draws: Mapping[str, list[Any]],
    labels: tuple[str, ...],
    confidence: float,
) -> tuple[dict[str, Estimate], dict[str, dict[str, Estimate]]]:
    metrics = {
        name: _estimate(name, exact[name], np.asarray(draws[name]), confidence)
        for name in (*_BY_ROW[:3], *_COUNTED, "macro_average_precision", "macro_roc_auc",
                     *_BY_ROW[3:])
    }  # fmt: skip
    per_class: dict[str, dict[str, Estimate]] = {}
    for place, label in enumerate(labels):
        per_class[label] = {}
        for name in _OF_LABEL:
            drawn_RC = np.asarray(draws[name])
            drawn_R = drawn_RC[:, place] if drawn_RC.size else drawn_RC
            per_class[label][name] = _estimate(name, exact[name][place], drawn_R, confidence)
    return metrics, per_class


def _estimate(name: str, value: float, draws_R: Floats, confidence: float) -> Estimate:
    method = percentiles if name in _UNBOUNDED else resampling.bounded_interval
    return estimate(float(value), [draws_R] if draws_R.size else [], confidence, method)


def _confusion(
    given_NC: Bools, truth_NC: Bools
) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    cells = []
    for given_N, truth_N in zip(given_NC.T, truth_NC.T, strict=True):
        right, wrong = int((given_N & truth_N).sum()), int((given_N & ~truth_N).sum())
        missed = int((~given_N & truth_N).sum())
        cells.append(((len(truth_N) - right - wrong - missed, wrong), (missed, right)))
    return tuple(cells)
