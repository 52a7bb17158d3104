"""A sentiment model on another kind of text, without training on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plaudit.data.records import Columns
from plaudit.data.sources import resolve
from plaudit.errors import DataError, MissingExtra
from plaudit.evaluate.brief import brief
from plaudit.evaluate.scores import Estimate, plain
from plaudit.labelled import find
from plaudit.predict import Classifier
from plaudit.robustness.sentiment import sentiment, why_not

DATA = "bundled:rotten_tomatoes"


@dataclass(frozen=True, slots=True)
class Domain:
    """Results on a second domain, or why there are none.

    Attributes
    ----------
    note : str
        What serves the texts.
    rows : int
        Texts of the sample; those that training has seen are never in it.
    metrics : mapping of str to Estimate
    skipped : str
        "" when it was evaluated.
    """

    note: str
    rows: int
    metrics: dict[str, Estimate]
    skipped: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "data": DATA,
            "note": self.note or None,
            "rows": self.rows,
            "metrics": {name: plain(value) for name, value in self.metrics.items()},
            "skipped": self.skipped or None,
        }


def evaluate(classifier: Classifier, rows: int, intervals: tuple[int, float], seed: int) -> Domain:
    """Score a model on a sample of the bundled sentences.

    Parameters
    ----------
    classifier : Classifier
    rows : int
        At most; 0: none.
    intervals : (int, float)
        Resamples and coverage.
    seed : int
        Of sample and resampling.

    Returns
    -------
    Domain
        Skipped for labels that are not of sentiment, and when the sentences are not installed.
    """
    labels = classifier.labels
    if not rows:
        return _skipped("it was not asked for")
    found = sentiment(labels)
    if found is None:
        return _skipped(why_not(labels))
    mapping = {"negative": labels[found.negative], "positive": labels[found.positive]}
    try:
        source = resolve(DATA)
        there = find(source, "all", Columns(mapping=mapping), classifier.spec).rows
    except (DataError, MissingExtra) as error:
        return _skipped(str(error))
    fresh = there.without(classifier.seen_prints_N)
    if not len(fresh):
        return _skipped("the model was trained on these very sentences")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(fresh))[:rows])
    sample = fresh.take(chosen)
    predicted_N = classifier.answers(classifier.probabilities(sample.texts)).chosen_N
    metrics = brief(predicted_N, sample.targets_N, len(labels), intervals=intervals, seed=seed)
    return Domain(source.note, len(sample), metrics, "")


def _skipped(reason: str) -> Domain:
    return Domain("", 0, {}, reason)
