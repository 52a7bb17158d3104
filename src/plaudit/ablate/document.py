"""What an ablation found, as one document; ``table.json`` holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaudit.ablate.arms import Arm
from plaudit.ablate.kept import Facts
from plaudit.ablate.resampled import MINORITY, Sampled, sample
from plaudit.config import Config
from plaudit.evaluate.predictions import Predictions
from plaudit.evaluate.scores import plain

_NOTE = (
    "Measured on validation, from which each run's best state was chosen too: the values compare "
    "with each other, and lie a little above what new texts would give. The test set was not "
    "opened. Intervals are for other rows, not for other seeds."
)
_APART = (
    "These were measured on other validation rows than the first value, so that they do not "
    "compare with it, and none of them is called the best: {}."
)


@dataclass(frozen=True, slots=True)
class Measured:
    """An arm and its trials, one a seed.

    Attributes
    ----------
    arm : Arm
    facts : list of Facts
    answers : list of Predictions
    minority : int or None
        The class that has the fewest texts in training.
    """

    arm: Arm
    facts: list[Facts]
    answers: list[Predictions]
    minority: int | None


def document(measured: Sequence[Measured], config: Config) -> dict[str, Any]:
    """Measure all arms and put them side by side.

    Parameters
    ----------
    measured : sequence of Measured
        The first is what the others are compared with.
    config : Config
        Of the first.

    Returns
    -------
    dict
        Keys schema, rows, labels, minority, select, best, note, interval, arms.
    """
    first, labels = measured[0], measured[0].answers[0].labels
    resamples, confidence = config.evaluate.bootstrap, config.evaluate.confidence
    sampled = [sample(one.answers, one.minority, resamples) for one in measured]
    # Other rows, as after a change of the split, cannot be paired.
    alike = [n for n, one in enumerate(measured) if _same_rows(one, first)]
    arms = []
    for n, (one, own) in enumerate(zip(measured, sampled, strict=True)):
        # Of another class, the F1 of "the minority" is another quantity.
        shared = own if one.minority == first.minority else own.without(MINORITY)
        difference = shared.minus(sampled[0], confidence) if n and n in alike else None
        arms.append(_arm(one, own, confidence) | {"difference": _plain(difference)})
    best = alike[
        _best([sampled[n].values[config.train.select] for n in alike], config.train.select)
    ]
    apart = [one.arm.name for n, one in enumerate(measured) if n not in alike]
    return {
        "schema": 1,
        "rows": len(first.answers[0]),
        "labels": list(labels),
        "minority": None if first.minority is None else labels[first.minority],
        "select": config.train.select,
        "best": measured[best].arm.name,
        "note": _NOTE if not apart else f"{_NOTE} {_APART.format(', '.join(apart))}",
        "interval": {"confidence": confidence, "resamples": resamples},
        "arms": arms,
    }


def _arm(one: Measured, sampled: Sampled, confidence: float) -> dict[str, Any]:
    facts = one.facts[0]
    return {
        "name": one.arm.name,
        "values": dict(one.arm.values),
        "metrics": _plain(sampled.estimates(confidence)),
        "by_seed": {
            name: [None if math.isnan(value) else value for value in values]
            for name, values in sampled.seeds.items()
        },
        "steps": facts.steps,
        "epochs": facts.epochs,
        "tokens": facts.tokens,
        "seconds": float(np.mean([each.seconds for each in one.facts])),
        "texts_cut": facts.texts_cut,
        "tokens_lost": 1.0 - facts.tokens_kept / max(1, facts.tokens_total),
    }


def _plain(estimates: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if estimates is None:
        return None
    return {name: plain(estimate) for name, estimate in estimates.items()}


def _same_rows(one: Measured, other: Measured) -> bool:
    mine, theirs = one.answers[0], other.answers[0]
    return np.array_equal(mine.prints_N, theirs.prints_N) and mine.labels == theirs.labels


def _best(values: Sequence[float], select: str) -> int:
    return int(np.argmin(values) if select == "log_loss" else np.argmax(values))
