"""The sections on what is answered and reported: decide, evaluate, report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from plaudit.config.section import Section

Cost = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class DecideConfig(Section):
    """How probabilities become answers; all of it fitted on validation data."""

    calibrate: bool = True
    """Fit a temperature, so that of answers given with 80% about 80% are right. Which label is the
    likeliest it does not change."""
    threshold: Literal["none", "f1", "cost", "precision", "recall"] = "none"
    """What the answer is chosen by, other than being the likeliest: the best F1, the least cost, a
    wanted precision or a wanted recall."""
    label_thresholds: Literal["f1", "half"] = "f1"
    """With data.multilabel: from which probability on each label is given. f1: the best F1 of the
    label, where validation has enough texts with and without it; half: 0.5."""
    label: str | None = None
    """Whose F1, precision or recall; without it the mean F1 over labels, or the second of two."""
    target: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """The wanted precision or recall."""
    costs: dict[str, dict[str, Cost]] | None = None
    """Costs of mistakes, by true label and answer; a mistake that is not named costs 1."""
    abstain: Literal["none", "error", "conformal"] = "none"
    """When an answer is marked as unsure: so that the error among the others is bounded, or where
    a conformal set holds not exactly the answer."""
    max_error: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """Largest error rate among sure answers (abstain error; holds with 95% confidence)."""
    coverage: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.9
    """Share of texts whose conformal set is to hold the true label (abstain conformal)."""


class EvaluateConfig(Section):
    """How results are stated."""

    baseline: bool = True
    """Train TF-IDF + logistic regression on the same split beside the model."""
    bootstrap: Annotated[int, Field(ge=100)] = 1000
    """Resamples behind each interval."""
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    """Coverage of the intervals."""


class ReportConfig(Section):
    """What the report holds beyond the figures."""

    audit: bool = True
    """Look at the training rows as plaudit audit does, wrong labels excepted: balance, lengths,
    repeats, conflicting labels, odd rows, words that give labels away. Adds some seconds."""
    explain: bool = True
    """Mark the words that led to mistakes, list those that drive each label, and measure on test
    texts whether answers depend on them. Adds some seconds on a processor."""
    robustness: bool = False
    """Change test texts (typos, case, names, negation …) and see whether answers hold, as plaudit
    robustness does. Some 2,000 more texts to label."""
