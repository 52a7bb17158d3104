"""Results for parts of a test set: by length, by confidence, by any column, each text once.

Axes: N rows, C labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plaudit.evaluate import bands
from plaudit.evaluate.brief import brief
from plaudit.evaluate.metrics import score
from plaudit.evaluate.predictions import Predictions
from plaudit.evaluate.scores import plain


def slices(
    predictions: Predictions,
    texts: Sequence[str],
    columns: Mapping[str, Sequence[str | None]],
    intervals: tuple[int, float],
) -> list[dict[str, Any]]:
    """Score groups of rows.

    Parameters
    ----------
    predictions : Predictions
    texts : sequence of str
        Cleaned.
    columns : mapping of str to sequence of str or None
        Name to each row's value.
    intervals : (int, float)
        Resamples and coverage.

    Returns
    -------
    list of dict
        ``kind`` (length, confidence or column), ``by``, and ``groups``: ``value``, ``rows``,
        ``accuracy`` and ``macro_f1`` with their intervals. By length only where there is more than
        one band.
    """
    length = bands.lengths(np.array([len(text.split()) for text in texts]))
    given_N = predictions.probabilities_NC[np.arange(len(predictions)), predictions.predicted_N]
    cuts = [("length", "words", length)] if len(length.names) > 1 else []
    cuts.append(("confidence", "confidence", bands.confidences(given_N)))
    cuts += [("column", name, bands.values(column)) for name, column in columns.items()]
    return [
        {"kind": kind, "by": by, "groups": _groups(predictions, cut, intervals)}
        for kind, by, cut in cuts
    ]


def _groups(
    predictions: Predictions, cut: bands.Groups, intervals: tuple[int, float]
) -> list[dict[str, Any]]:
    found = []
    for index, name in enumerate(cut.names):
        rows = np.flatnonzero(cut.group_N == index)
        estimates = brief(
            predictions.predicted_N[rows],
            predictions.targets_N[rows],
            len(predictions.labels),
            intervals=intervals,
        )
        found.append(
            {"value": name, "rows": len(rows)}
            | {metric: plain(estimate) for metric, estimate in estimates.items()}
        )
    return found


def deduplicated(predictions: Predictions, intervals: tuple[int, float]) -> dict[str, Any]:
    """Score with equal texts counted once: the first of each.

    Parameters
    ----------
    predictions : Predictions
    intervals : (int, float)
        Resamples and coverage.

    Returns
    -------
    dict
        ``rows`` (different texts), ``repeated`` (rows beyond the first of each text), and ``test``,
        the scores; null where no text repeats, since they are those of all rows.
    """
    _, first = np.unique(predictions.prints_N, return_index=True)
    repeated = len(predictions) - len(first)
    test = None
    if repeated:
        rows = np.sort(first)
        resamples, confidence = intervals
        test = score(
            predictions.probabilities_NC[rows],
            predictions.targets_N[rows],
            predictions.labels,
            predicted_N=predictions.predicted_N[rows],
            bootstrap=resamples,
            confidence=confidence,
        ).to_dict()
    return {"rows": len(first), "repeated": repeated, "test": test}
