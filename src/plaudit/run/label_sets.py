"""The test set and any other labelled rows, for a model that gives a text any number of labels.

Axes: N rows, C labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.config import Config, EvaluateConfig
from plaudit.data.cleaned import Rows
from plaudit.data.prepare import Prepared
from plaudit.evaluate import label_sets, label_thresholds
from plaudit.evaluate.baseline import Baseline, tfidf
from plaudit.evaluate.curves import label_curves
from plaudit.evaluate.scores import SetScores
from plaudit.evaluate.set_predictions import SetPredictions
from plaudit.multilabel import MultiLabelClassifier
from plaudit.report import document
from plaudit.run.overlap import Overlap, overlap
from plaudit.run.testing import Tested, opened

NO_PARTS: dict[str, Any] = {"deduplicated": None, "slices": []}
"""Results on parts of the rows are made for one label a text so far."""
_ONE_LABEL = "explanations are made for one label a text so far."


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
    rows = opened(prepared, say)
    if rows is None:
        return None
    classifier = MultiLabelClassifier.load(
        model, device=config.train.device, precision=config.train.precision
    )
    started = time.perf_counter()
    found = answered(classifier, rows)
    seconds = time.perf_counter() - started
    scores, shared = scored(found, classifier.seen_prints_N, config.evaluate)
    baseline, simple = _baseline(prepared, rows, config, say)
    truth_NC = rows.targets_N == 1
    return Tested(
        rows=len(rows),
        scores=scores,
        seconds=seconds,
        overlap=shared,
        baseline=baseline,
        baseline_scores=_score(simple, config.evaluate) if simple else None,
        mistakes=document.set_mistakes(rows, found.given_NC, found.probabilities_NC, found.labels),
        predictions=found,
        baseline_predictions=simple,
        parts=NO_PARTS | {"curves": label_curves(found.labels, found.probabilities_NC, truth_NC)},
        decided={"calibration": None, "decision": None},
        explanation={"failed": _ONE_LABEL} if config.report.explain else None,
        robustness=None,
    )


def answered(classifier: MultiLabelClassifier, rows: Rows) -> SetPredictions:
    """Ask a model about rows."""
    probabilities_NC = classifier.probabilities(rows.texts)
    given_NC = classifier.given(probabilities_NC)
    return SetPredictions(classifier.labels, rows, given_NC, probabilities_NC)


def scored(
    found: SetPredictions, seen_prints_N: np.ndarray, config: EvaluateConfig
) -> tuple[SetScores, Overlap]:
    """Score rows, and again without those whose text training or selection has seen.

    Returns
    -------
    (SetScores, Overlap)
    """

    def unseen(fresh: np.ndarray) -> SetScores:
        given_NC, probabilities_NC = found.given_NC[fresh], found.probabilities_NC[fresh]
        rows = found.rows.take(fresh)
        return _score(SetPredictions(found.labels, rows, given_NC, probabilities_NC), config)

    return _score(found, config), overlap(found.rows, seen_prints_N, unseen)


def measured(classifier: MultiLabelClassifier, rows: Rows) -> tuple[dict[str, Any], SetPredictions]:
    """Score a saved model on rows, for ``plaudit evaluate``.

    Returns
    -------
    (dict, SetPredictions)
        The keys of an evaluation; those of one label a text are empty.
    """
    started = time.perf_counter()
    found = answered(classifier, rows)
    seconds = time.perf_counter() - started
    scores, shared = scored(found, classifier.seen_prints_N, EvaluateConfig())
    thresholds = dict(zip(classifier.labels, classifier.thresholds, strict=True))
    return {
        **scores.to_dict(),
        "overlap": shared.to_dict(),
        **NO_PARTS,
        "calibration": {"test": None},
        "decision": {"test": None, "label_thresholds": thresholds},
        "seconds": seconds,
    }, found


def _score(found: SetPredictions, config: EvaluateConfig) -> SetScores:
    return label_sets.score(
        found.probabilities_NC,
        found.given_NC,
        found.rows.targets_N,
        found.labels,
        intervals=(config.bootstrap, config.confidence),
    )


def _baseline(
    prepared: Prepared, rows: Rows, config: Config, say: Callable[[str], None]
) -> tuple[Baseline | None, SetPredictions | None]:
    """Train the simple model on the same rows; its thresholds are fitted as the model's are."""
    if not config.evaluate.baseline:
        return None, None
    say("Training the baseline, TF-IDF + logistic regression a label, on the same rows.")
    train, validation = prepared.train, prepared.validation
    labels = prepared.labels
    baseline = tfidf(train.texts, train.targets_N, rows.texts, len(labels), validation.texts)
    thresholds = None
    if len(validation) and config.decide.label_thresholds == "f1":
        fitted = label_thresholds.fit(baseline.validation_NC, validation.targets_N)
        thresholds = [each.value for each in fitted]
    probabilities_NC = baseline.probabilities_NC
    given_NC = label_thresholds.given(probabilities_NC, thresholds)
    return baseline, SetPredictions(labels, rows, given_NC, probabilities_NC)
