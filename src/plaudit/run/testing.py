"""The one reading of the test set: the reloaded artefact, and the baseline beside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.config import Config, EvaluateConfig
from plaudit.data.prepare import Prepared, Rows
from plaudit.evaluate.baseline import Baseline, tfidf
from plaudit.evaluate.metrics import Scores, score
from plaudit.predict import Classifier
from plaudit.report import document


@dataclass(frozen=True, slots=True)
class Tested:
    """Results on the test set.

    Attributes
    ----------
    rows : int
    scores : Scores
    seconds : float
        Loading excluded.
    overlap : int
        Test rows whose text training or selection has seen.
    without_overlap : Scores or None
        Without those rows; None when there are none.
    baseline : Baseline or None
    baseline_scores : Scores or None
    mistakes : list of dict
    """

    rows: int
    scores: Scores
    seconds: float
    overlap: int
    without_overlap: Scores | None
    baseline: Baseline | None
    baseline_scores: Scores | None
    mistakes: list[dict[str, Any]]

    def sections(self) -> dict[str, Any]:
        """Return the report's sections on the test set."""
        without = self.without_overlap
        return {
            "test": self.scores.to_dict(),
            "test_seconds": self.seconds,
            "overlap": {
                "rows": self.overlap,
                "test_without": without.to_dict() if without else None,
            },
            "baseline": self._baseline(),
            "mistakes": self.mistakes,
        }

    def _baseline(self) -> dict[str, Any] | None:
        if self.baseline is None or self.baseline_scores is None:
            return None
        return {
            "name": self.baseline.name,
            "scores": self.baseline_scores.to_dict(),
            "fit_s": self.baseline.fit_s,
            "predict_s": self.baseline.predict_s,
        }

    @staticmethod
    def nothing() -> dict[str, Any]:
        """Return the same sections for a run without a test set."""
        overlap = {"rows": 0, "test_without": None}
        return {
            "test": None,
            "test_seconds": None,
            "overlap": overlap,
            "baseline": None,
            "mistakes": [],
        }


def test(
    model: Path, prepared: Prepared, config: Config, say: Callable[[str], None]
) -> Tested | None:
    """Open the test set and score the artefact on it, as its user would load it.

    Parameters
    ----------
    model : Path
        The artefact.
    prepared : Prepared
    config : Config
    say : callable

    Returns
    -------
    Tested or None
        None when nothing was held out.
    """
    if prepared.test is None:
        return None
    rows = prepared.test.open()
    say(f"Training has ended; the test set is opened: {len(rows):,} texts. {prepared.test_note}")
    classifier = Classifier.load(
        model, device=config.train.device, precision=config.train.precision
    )
    started = time.perf_counter()
    probabilities_NC = classifier.probabilities(rows.texts)
    seconds = time.perf_counter() - started
    scores, overlap, without = scored(
        rows, probabilities_NC, prepared.labels, classifier.seen_prints_N, config.evaluate
    )
    baseline = _baseline(prepared, rows, config.evaluate, say)
    return Tested(
        rows=len(rows),
        scores=scores,
        seconds=seconds,
        overlap=overlap,
        without_overlap=without,
        baseline=baseline,
        baseline_scores=_score(baseline.probabilities_NC, rows, prepared.labels, config.evaluate)
        if baseline
        else None,
        mistakes=document.mistakes(
            (rows.texts, rows.origins), rows.targets_N, probabilities_NC, prepared.labels
        ),
    )


def scored(
    rows: Rows,
    probabilities_NC: np.ndarray,
    labels: tuple[str, ...],
    seen_prints_N: np.ndarray,
    config: EvaluateConfig,
) -> tuple[Scores, int, Scores | None]:
    """Score rows, and again without those whose text training or selection has seen.

    Returns
    -------
    (Scores, int, Scores or None)
        On all rows; how many were seen; on the others (None when that is all or none).
    """
    scores = _score(probabilities_NC, rows, labels, config)
    seen_N = np.isin(rows.prints_N, seen_prints_N)
    overlap = int(seen_N.sum())
    if overlap in (0, len(rows)):
        return scores, overlap, None
    fresh = np.flatnonzero(~seen_N)
    without = _score(probabilities_NC[fresh], rows.take(fresh), labels, config)
    return scores, overlap, without


def _score(
    probabilities_NC: np.ndarray, rows: Rows, labels: tuple[str, ...], config: EvaluateConfig
) -> Scores:
    return score(
        probabilities_NC,
        rows.targets_N,
        labels,
        bootstrap=config.bootstrap,
        confidence=config.confidence,
    )


def _baseline(
    prepared: Prepared, rows: Rows, config: EvaluateConfig, say: Callable[[str], None]
) -> Baseline | None:
    if not config.baseline:
        return None
    say("Training the baseline, TF-IDF + logistic regression, on the same rows.")
    train = prepared.train
    return tfidf(train.texts, train.targets_N, rows.texts, len(prepared.labels))
