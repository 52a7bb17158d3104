"""How a model takes changed texts: pairs, generated checks and a second domain in one result."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from plaudit import artifact
from plaudit.data import pairs as pair_files
from plaudit.data.clean import clean
from plaudit.data.cleaned import Rows
from plaudit.data.pairs import Pairs
from plaudit.data.records import Columns
from plaudit.data.sources import Say, resolve, silent
from plaudit.evaluate.decide import Answers
from plaudit.labelled import find, own
from plaudit.predict import Classifier
from plaudit.robustness import domain, paired
from plaudit.robustness.checks import Text, build
from plaudit.robustness.domain import Domain
from plaudit.robustness.judge import Outcome, judge
from plaudit.robustness.paired import Paired

ROWS, SENTENCES = 100, 500


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is probed.

    Attributes
    ----------
    rows : int
        Real texts that are changed, at most.
    sentences : int
        Of the second domain, at most; 0: none.
    seed : int
        Of samples, changes and resampling.
    bootstrap, confidence : int, float
        Resamples behind the intervals, and their coverage.
    columns : Columns
        Of DATA; ``mapping`` is that of the pairs' labels too.
    pair_columns : mapping of str to str
        Of the pairs, by role (:func:`plaudit.data.pairs.read`).
    """

    rows: int = ROWS
    sentences: int = SENTENCES
    seed: int = 0
    bootstrap: int = 1000
    confidence: float = 0.95
    columns: Columns = field(default_factory=Columns)
    pair_columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Robustness:
    """What came out.

    Attributes
    ----------
    data : mapping
        Of which texts the checks were made: asked, note, rows.
    paired : Paired or None
        None when no pairs were given.
    outcomes : tuple of Outcome
        Of the generated checks.
    domain : Domain
    plan : Plan
    seconds : float
        Of asking the model; loading excluded.
    """

    data: Mapping[str, Any]
    paired: Paired | None
    outcomes: tuple[Outcome, ...]
    domain: Domain
    plan: Plan
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the section ``robustness`` of a report, in values that JSON has."""
        return {
            "data": dict(self.data),
            "seed": self.plan.seed,
            "confidence": self.plan.confidence,
            "pairs": self.paired.to_dict() if self.paired else None,
            "checks": [outcome.to_dict() for outcome in self.outcomes],
            "second_domain": self.domain.to_dict(),
            "seconds": self.seconds,
        }


def robustness(
    model: Path | str,
    data: Path | str | None = None,
    *,
    pairs: str | Sequence[str] = (),
    plan: Plan | None = None,
    device: str = "auto",
    say: Say = silent,
) -> Robustness:
    """Probe a saved model with texts that were changed.

    Parameters
    ----------
    model : Path or str
        The model folder.
    data : Path or str, optional
        Any DATA, the texts that the checks change; by default what the model's run held out.
    pairs : str or sequence of str
        A file of original and edited texts, or two whose rows correspond.
    plan : Plan, optional
    device : {"auto", "cpu", "cuda", "mps"}
    say : callable

    Returns
    -------
    Robustness

    Raises
    ------
    plaudit.errors.PlauditError
        The model, the data or the pairs cannot be used.

    Examples
    --------
    >>> import plaudit
    >>> found = plaudit.robustness("runs/quickstart/model")
    >>> outcome = found.outcomes[0]
    >>> outcome.check.name, len(outcome.check.cases)
    ('praise', 48)
    >>> sorted(found.to_dict())
    ['checks', 'confidence', 'data', 'pairs', 'second_domain', 'seconds', 'seed']
    """
    plan = plan or Plan()
    classifier = Classifier.load(model, device=device)
    artifact.refuse_pairs(classifier.spec, "robustness")
    given = _pairs(classifier, pairs, plan) if pairs else None
    asked = None if data is None else str(data)
    rows, described = _rows(classifier, asked, plan, say)
    return probe(classifier, rows, described, pairs=given, plan=plan)


def probe(
    classifier: Classifier,
    rows: Rows,
    described: Mapping[str, Any],
    *,
    plan: Plan,
    pairs: Pairs | None = None,
) -> Robustness:
    """Probe a model that is loaded, on rows that are read.

    Parameters
    ----------
    classifier : Classifier
    rows : Rows
        Cleaned, of which a sample is changed.
    described : mapping
        What they are: asked, note.
    plan : Plan
    pairs : Pairs, optional

    Returns
    -------
    Robustness
    """
    texts = _sample(rows, plan)
    checks = build(texts, classifier.labels, plan.seed)
    started = time.perf_counter()

    def ask(raw: Sequence[str]) -> Answers:
        cleaned = [clean(text, classifier.spec.clean) for text in raw]
        return classifier.answers(classifier.probabilities(cleaned))

    outcomes = judge(checks, ask, classifier.labels, plan.confidence)
    intervals = (plan.bootstrap, plan.confidence)
    return Robustness(
        data={**described, "rows": len(texts)},
        paired=paired.score(classifier, pairs, intervals, plan.seed) if pairs else None,
        outcomes=tuple(outcomes),
        domain=domain.evaluate(classifier, plan.sentences, intervals, plan.seed),
        plan=plan,
        seconds=time.perf_counter() - started,
    )


def _sample(rows: Rows, plan: Plan) -> list[Text]:
    order = np.random.default_rng(plan.seed).permutation(len(rows))
    return [Text(rows.texts[i], rows.origins[i]) for i in np.sort(order[: plan.rows])]


def _pairs(classifier: Classifier, asked: str | Sequence[str], plan: Plan) -> Pairs:
    mapping = plan.columns.mapping or classifier.spec.label_mapping
    if mapping is not None:  # a final name also stands for itself
        mapping = {label: label for label in classifier.labels} | dict(mapping)
    return pair_files.read(asked, classifier.labels, columns=plan.pair_columns, mapping=mapping)


def _rows(
    classifier: Classifier, data: str | None, plan: Plan, say: Say
) -> tuple[Rows, dict[str, Any]]:
    spec = classifier.spec
    if data is None:
        found, _ = own(spec, plan.columns, "Name labelled data: plaudit robustness MODEL DATA", say)
    else:
        found = find(resolve(data, say=say), None, plan.columns, spec)
    return found.rows, {"asked": data or spec.data, "note": found.note}
