"""Run checks: every text is asked once, whichever checks it stands in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from plaudit.evaluate.decide import Answers
from plaudit.evaluate.reliability import share
from plaudit.evaluate.scores import Estimate, plain
from plaudit.robustness.checks import Case, Check, Said

EXAMPLES = 3
Ask = Callable[[Sequence[str]], Answers]
"""From raw texts to the model's answers, unsure or not; cleaning is its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said of a text: the label and its probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Example:
    """A case that failed.

    Attributes
    ----------
    case : Case
    before : Answer or None
        None where there was no text before.
    after : Answer
    """

    case: Case
    before: Answer | None
    after: Answer

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        before = self.before
        return {
            "before": self.case.before if before else None,
            "after": self.case.after,
            "label_before": before.label if before else None,
            "probability_before": before.probability if before else None,
            "label_after": self.after.label,
            "probability_after": self.after.probability,
            "origin": self.case.origin,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check that was run, or that was skipped.

    Attributes
    ----------
    check : Check
    failures : int
    rate : Estimate or None
        Share of the cases that failed; None when it was skipped.
    examples : tuple of Example
        The failures of which the model was surest.
    """

    check: Check
    failures: int
    rate: Estimate | None
    examples: tuple[Example, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        check = self.check
        return {
            "name": check.name,
            "kind": check.kind,
            "change": check.change,
            "expected": check.expected,
            "cases": len(check.cases),
            "failures": self.failures,
            "failure_rate": plain(self.rate) if self.rate else None,
            "skipped": check.skipped or None,
            "examples": [example.to_dict() for example in self.examples],
        }


def judge(
    checks: Sequence[Check], ask: Ask, labels: Sequence[str], confidence: float
) -> list[Outcome]:
    """Run checks.

    Parameters
    ----------
    checks : sequence of Check
    ask : callable
        Called once.
    labels : sequence of str
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    list of Outcome
        In the order of the checks.
    """
    cases = [case for check in checks for case in check.cases]
    texts = list(dict.fromkeys(t for case in cases for t in (case.before, case.after) if t))
    rows = dict(zip(texts, _said(ask(texts)), strict=True)) if texts else {}
    return [_outcome(check, rows, labels, confidence) for check in checks]


def _said(answers: Answers) -> list[Said]:
    pairs = zip(answers.chosen_N.tolist(), answers.probabilities_NC, strict=True)
    return [Said(label, row_C) for label, row_C in pairs]


def _outcome(
    check: Check, rows: dict[str, Said], labels: Sequence[str], confidence: float
) -> Outcome:
    if check.skipped:
        return Outcome(check, 0, None, ())
    failed = [
        case
        for case in check.cases
        if not check.holds(rows.get(case.before, rows[case.after]), rows[case.after])
    ]
    surest = sorted(failed, key=lambda case: -_probability(rows[case.after]))[:EXAMPLES]
    examples = tuple(_example(case, rows, labels) for case in surest)
    return Outcome(check, len(failed), share(len(failed), len(check.cases), confidence), examples)


def _example(case: Case, rows: dict[str, Said], labels: Sequence[str]) -> Example:
    before = _answer(rows[case.before], labels) if case.before else None
    return Example(case, before, _answer(rows[case.after], labels))


def _answer(said: Said, labels: Sequence[str]) -> Answer:
    return Answer(labels[said.label], _probability(said))


def _probability(said: Said) -> float:
    return float(said.probabilities_C[said.label])
