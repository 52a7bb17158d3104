"""What was measured: values, their intervals, and the plain form that goes into a report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its interval.

    Attributes
    ----------
    value : float
        NaN where the metric is undefined.
    low, high : float or None
        Ends of the interval; None where none can be stated.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """What a model reached on a set of rows.

    Attributes
    ----------
    rows : int
    labels : tuple of str
    metrics : mapping of str to Estimate
    per_class : mapping of str to mapping of str to Estimate
        For each label: precision, recall, f1, support.
    confusion : tuple of tuple of int
        Rows are the truth, columns the prediction.
    confidence : float
        Coverage of the intervals.
    bootstrap : int
        Resamples behind the intervals.
    """

    rows: int
    labels: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    per_class: Mapping[str, Mapping[str, Estimate]]
    confusion: tuple[tuple[int, ...], ...]
    confidence: float
    bootstrap: int

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as plain values that any JSON reader accepts.

        Returns
        -------
        dict
            Keys rows, labels, metrics, per_class, confusion, interval; NaN has become None.
        """
        return {
            "rows": self.rows,
            "labels": list(self.labels),
            "metrics": {name: plain(estimate) for name, estimate in self.metrics.items()},
            "per_class": {
                label: {name: plain(estimate) for name, estimate in values.items()}
                for label, values in self.per_class.items()
            },
            "confusion": [list(row) for row in self.confusion],
            "interval": {
                "method": "bootstrap, rows resampled",
                "confidence": self.confidence,
                "resamples": self.bootstrap,
            },
        }


@dataclass(frozen=True, slots=True)
class SetScores:
    """What a model reached on rows that may have several labels.

    Attributes
    ----------
    rows : int
    labels : tuple of str
    metrics : mapping of str to Estimate
    per_class : mapping of str to mapping of str to Estimate
        For each label: precision, recall, f1, average_precision, roc_auc, support.
    confusion : tuple
        For each label ``((TN, FP), (FN, TP))``.
    together : tuple of tuple of int
        Rows that have both labels; on the diagonal those that have the label.
    sizes : mapping of str to float
        ``truth`` and ``given``: labels a row has and is given on average; ``truth_none`` and
        ``given_none``: rows without any.
    confidence : float
    bootstrap : int
    """

    rows: int
    labels: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    per_class: Mapping[str, Mapping[str, Estimate]]
    confusion: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    together: tuple[tuple[int, ...], ...]
    sizes: Mapping[str, float]
    confidence: float
    bootstrap: int

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as plain values; NaN has become None."""
        return {
            "rows": self.rows,
            "labels": list(self.labels),
            "metrics": {name: plain(one) for name, one in self.metrics.items()},
            "per_class": {
                label: {name: plain(one) for name, one in values.items()}
                for label, values in self.per_class.items()
            },
            "confusion": [[list(row) for row in each] for each in self.confusion],
            "together": [list(row) for row in self.together],
            "label_counts": dict(self.sizes),
            "interval": {
                "method": "bootstrap, rows resampled",
                "confidence": self.confidence,
                "resamples": self.bootstrap,
            },
        }


def plain(estimate: Estimate) -> dict[str, float | None]:
    """Return an estimate as value, low and high; NaN has become None."""
    return {name: None if v is None or math.isnan(v) else v for name, v in asdict(estimate).items()}
