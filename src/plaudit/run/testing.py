"""The one reading of the test set: the reloaded artefact, and the baseline beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.config import Config, DecideConfig, EvaluateConfig
from plaudit.data.cleaned import Rows
from plaudit.data.prepare import Prepared
from plaudit.evaluate.baseline import Baseline, tfidf
from plaudit.evaluate.calibrate import quality, temper
from plaudit.evaluate.curves import curves
from plaudit.evaluate.decide import Answers, Decision, answer, measure
from plaudit.evaluate.metrics import score
from plaudit.evaluate.predictions import Predictions, of_rows
from plaudit.evaluate.scores import Scores, SetScores
from plaudit.evaluate.set_predictions import SetPredictions
from plaudit.evaluate.settle import settle
from plaudit.evaluate.slices import deduplicated, slices
from plaudit.predict import Classifier
from plaudit.report import document
from plaudit.robustness import Plan, probe
from plaudit.run import explaining
from plaudit.run.overlap import Overlap, overlap
from plaudit.run.sparing import spared

ANSWERED_BY = "answered by"
"""By which rows are scored apart where words may answer in the encoder's place."""


@dataclass(frozen=True, slots=True)
class Tested:
    """Results on the test set.

    Attributes
    ----------
    rows : int
    scores : Scores or SetScores
    seconds : float
        Loading excluded.
    overlap : Overlap
    baseline : Baseline or None
    baseline_scores : Scores, SetScores or None
    mistakes : list of dict
    predictions : Predictions or SetPredictions
        Row by row, as the run's folder keeps them.
    baseline_predictions : Predictions, SetPredictions or None
    parts : dict
        The sections ``deduplicated``, ``slices`` and ``curves``.
    decided : dict
        What the sections ``calibration`` and ``decision`` say of the test set.
    explanation, robustness : dict or None
        None when it was not asked for.
    """

    rows: int
    scores: Scores | SetScores
    seconds: float
    overlap: Overlap
    baseline: Baseline | None
    baseline_scores: Scores | SetScores | None
    mistakes: list[dict[str, Any]]
    predictions: Predictions | SetPredictions
    baseline_predictions: Predictions | SetPredictions | None
    parts: dict[str, Any]
    decided: dict[str, Any]
    explanation: dict[str, Any] | None
    robustness: dict[str, Any] | None


def sections(tested: Tested | None) -> dict[str, Any]:
    """Return the report's sections on the test set; without one they are there, and empty."""
    return {
        "test": tested.scores.to_dict() if tested else None,
        "test_seconds": tested.seconds if tested else None,
        "overlap": (tested.overlap if tested else Overlap(0, None)).to_dict(),
        "baseline": _baseline_section(tested.baseline, tested.baseline_scores) if tested else None,
        "mistakes": tested.mistakes if tested else [],
        **(tested.parts if tested else {"deduplicated": None, "slices": [], "curves": []}),
        "explanation": tested.explanation if tested else None,
        "robustness": tested.robustness if tested else None,
    }


def _baseline_section(
    baseline: Baseline | None, scores: Scores | SetScores | None
) -> dict[str, Any] | None:
    if baseline is None or scores is None:
        return None
    return {
        "name": baseline.name,
        "scores": scores.to_dict(),
        "fit_s": baseline.fit_s,
        "predict_s": baseline.predict_s,
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
    rows = opened(prepared, say)
    if rows is None:
        return None
    classifier = Classifier.load(
        model, device=config.train.device, precision=config.train.precision
    )
    started = time.perf_counter()
    answers = classifier.answers(classifier.probabilities(rows.texts))
    seconds = time.perf_counter() - started
    scores, shared = scored(
        rows, answers, prepared.labels, classifier.seen_prints_N, config.evaluate
    )
    predictions = of_rows(rows, answers, prepared.labels)
    baseline = _baseline(prepared, rows, config, say)
    simple = _decided(baseline, prepared, config.decide) if baseline else None
    mistakes = document.mistakes(
        (rows.shown().texts, rows.origins),
        rows.targets_N,
        (answers.chosen_N, answers.given_N),
        prepared.labels,
    )
    return Tested(
        rows=len(rows),
        scores=scores,
        seconds=seconds,
        overlap=shared,
        baseline=baseline,
        baseline_scores=_score(simple, rows, prepared.labels, config.evaluate) if simple else None,
        mistakes=mistakes,
        predictions=predictions,
        baseline_predictions=of_rows(rows, simple, prepared.labels) if simple else None,
        parts=parts(predictions, rows, config.evaluate, answered_by(classifier, rows))
        | {"curves": curves(predictions)},
        decided=decided(answers, rows, classifier.spec.decision, config.evaluate),
        explanation=_explanation(classifier, rows, mistakes, config, say),
        robustness=_robustness(classifier, rows, prepared.test_note, config, say),
    )


def opened(prepared: Prepared, say: Callable[[str], None]) -> Rows | None:
    """Open the test set, and say so; None when nothing was held out."""
    if prepared.test is None:
        return None
    rows = prepared.test.open()
    say(f"Training has ended; the test set is opened: {len(rows):,} texts. {prepared.test_note}")
    return rows


def parts(
    predictions: Predictions,
    rows: Rows,
    config: EvaluateConfig,
    columns: Mapping[str, Sequence[str | None]] | None = None,
) -> dict[str, Any]:
    """Score parts of the rows: each text once, by length, by confidence, by further columns.

    Returns
    -------
    dict
        The sections ``deduplicated`` and ``slices`` of a report or an evaluation.
    """
    intervals = (config.bootstrap, config.confidence)
    return {
        "deduplicated": deduplicated(predictions, intervals),
        "slices": slices(predictions, rows.texts, columns or {}, intervals),
    }


def answered_by(classifier: Classifier, rows: Rows) -> dict[str, list[str | None]]:
    """Return which part of a model answered each row, as a column, where words may answer alone."""
    if classifier.spec.ngram_cascade is None:
        return {}
    by_words_N = classifier.answered_by_words(rows.texts)
    return {ANSWERED_BY: ["words alone" if each else "encoder" for each in by_words_N]}


def _explanation(
    classifier: Classifier,
    rows: Rows,
    mistakes: list[dict[str, Any]],
    config: Config,
    say: Callable[[str], None],
) -> dict[str, Any] | None:
    if not config.report.explain:
        return None
    if config.pairs:
        say("The answers are not explained: that is for single texts, and these are pairs.")
        return None
    settings = (config.seed, config.evaluate.confidence)
    return explaining.explanation(classifier, rows, mistakes, settings, say)


def _robustness(
    classifier: Classifier, rows: Rows, note: str, config: Config, say: Callable[[str], None]
) -> dict[str, Any] | None:
    if not config.report.robustness:
        return None
    say("Changing a sample of the test texts, to see whether the answers hold.")
    settings = config.evaluate
    how = Plan(seed=config.seed, bootstrap=settings.bootstrap, confidence=settings.confidence)
    described = {"asked": config.data.test or config.data.train, "note": note}
    return spared(
        "the generated checks could not be made",
        lambda: probe(classifier, rows, described, plan=how).to_dict(),
        say,
    )


def decided(
    answers: Answers, rows: Rows, decision: Decision | None, config: EvaluateConfig
) -> dict[str, Any]:
    """Measure calibration and decision on rows.

    Returns
    -------
    dict
        ``calibration`` (before and after the temperature, with the bins of the diagram) and
        ``decision`` (null where the answer is just the likeliest label).
    """
    probabilities_NC, targets_N = answers.probabilities_NC, rows.targets_N
    after = quality(probabilities_NC, targets_N, diagram=True)
    before = after
    if decision is not None and decision.temperature != 1.0:
        plain_NC = temper(probabilities_NC, 1 / decision.temperature)
        before = quality(plain_NC, targets_N, diagram=True)
    chosen = None
    if decision is not None and (decision.costs is not None or decision.abstain != "none"):
        chosen = measure(answers, targets_N, decision, config.confidence)
    return {"calibration": {"before": before, "after": after}, "decision": chosen}


def scored(
    rows: Rows,
    answers: Answers,
    labels: tuple[str, ...],
    seen_prints_N: np.ndarray,
    config: EvaluateConfig,
) -> tuple[Scores, Overlap]:
    """Score rows, and again without those whose text training or selection has seen.

    Returns
    -------
    (Scores, Overlap)
    """

    def unseen(fresh: np.ndarray) -> Scores:
        return _score(answers.take(fresh), rows.take(fresh), labels, config)

    scores = _score(answers, rows, labels, config)
    return scores, overlap(rows, seen_prints_N, unseen)


def _score(answers: Answers, rows: Rows, labels: tuple[str, ...], config: EvaluateConfig) -> Scores:
    return score(
        answers.probabilities_NC,
        rows.targets_N,
        labels,
        predicted_N=answers.chosen_N,
        bootstrap=config.bootstrap,
        confidence=config.confidence,
    )


def _baseline(
    prepared: Prepared, rows: Rows, config: Config, say: Callable[[str], None]
) -> Baseline | None:
    if not config.evaluate.baseline:
        return None
    say("Training the baseline, TF-IDF + logistic regression, on the same rows.")
    train, classes = prepared.train, len(prepared.labels)
    fitted_on = prepared.validation.texts if config.decide.threshold != "none" else ()
    return tfidf(train.texts, train.targets_N, rows.texts, classes, fitted_on)


def _decided(baseline: Baseline, prepared: Prepared, config: DecideConfig) -> Answers:
    """Let the simple model answer by the rule of the model, fitted as that is, but always sure."""
    if config.threshold == "none":
        return answer(baseline.probabilities_NC, None)
    own = config.model_copy(update={"abstain": "none"})
    logits_NC = np.log(np.maximum(baseline.validation_NC, np.finfo(np.float64).tiny))
    fitted = settle(own, prepared.labels, logits_NC, prepared.validation.targets_N).decision
    tempered = answer(temper(baseline.probabilities_NC, fitted.temperature), fitted)
    # Its probabilities are reported as it has them, whatever the rule.
    return replace(tempered, probabilities_NC=baseline.probabilities_NC)
