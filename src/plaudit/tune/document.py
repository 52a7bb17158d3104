"""What a tuning found, as one document; ``tune.json`` holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.ablate.resampled import Sampled, sample
from plaudit.config import Config
from plaudit.evaluate import predictions
from plaudit.evaluate.predictions import Predictions
from plaudit.evaluate.scores import plain
from plaudit.tune.records import Result
from plaudit.tune.space import Dimension
from plaudit.tune.study import Study
from plaudit.tune.trial import ANSWERS, TRIALS

_NOTE = (
    "Trials are compared on validation, from which each one's best state was chosen too; the best "
    "of many lies above what new texts would give. The test set was opened once, for the best "
    "trial, after the search."
)
_WORDS = (
    " Trials and the recipe are listed by what their encoders answer alone; the difference between "
    "the best and the recipe is of encoder and words together."
)
_OUTCOMES = ("complete", "pruned", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Search:
    """What was searched, and how.

    Attributes
    ----------
    folder : Path
    config : Config
        That of the recipe, as the trials share it.
    space : sequence of Dimension
    budget, pruner : str
    """

    folder: Path
    config: Config
    space: Sequence[Dimension]
    budget: str
    pruner: str


def section(search: Search, study: Study) -> dict[str, Any]:
    """Say by what search a run's settings were chosen, for the run's report.

    Parameters
    ----------
    search : Search
    study : Study

    Returns
    -------
    dict
        Keys trials, counts, chosen, chosen_by, values, space, pruner, budget.
    """
    results, best = study.results(), study.best()
    return {
        "trials": len(results),
        "counts": _counts(results, study),
        "chosen": best.number if best else None,
        "chosen_by": f"validation {search.config.train.select}",
        "values": dict(best.values) if best else {},
        "space": [dimension.to_dict() for dimension in search.space],
        "pruner": search.pruner,
        "budget": search.budget,
    }


def document(search: Search, study: Study, report: Mapping[str, Any]) -> dict[str, Any]:
    """Put all that was found together.

    Parameters
    ----------
    search : Search
    study : Study
    report : mapping
        Of the best run.

    Returns
    -------
    dict
        Keys schema, name, folder, select, minimised, budget, steps, pruner, seed, rows, interval,
        note, counts, space, trials, recipe, best, importance, seconds.
    """
    results, best, config = study.results(), study.best(), search.config
    recipe = next((found for found in results if not found.values), None)
    return {
        "schema": 1,
        "name": config.name,
        "folder": str(search.folder),
        "select": config.train.select,
        "minimised": study.minimised,
        "budget": search.budget,
        "steps": config.train.max_steps if search.budget == "steps" else None,
        "pruner": search.pruner,
        "seed": config.seed,
        "rows": report["data"]["rows"]["validation"],
        "interval": {
            "confidence": config.evaluate.confidence,
            "resamples": config.evaluate.bootstrap,
        },
        "note": _NOTE + (_WORDS if config.ngrams.any else ""),
        "counts": _counts(results, study),
        "space": [dimension.to_dict() for dimension in search.space],
        "trials": [_trial(found) for found in results],
        "recipe": recipe.value if recipe else None,
        "best": _best(search, best, recipe, report) if best else None,
        "importance": study.importance(),
        "seconds": sum(float(found.facts.get("seconds", 0.0)) for found in results),
    }


def _counts(results: Sequence[Result], study: Study) -> dict[str, int]:
    outcomes: list[str] = [found.outcome for found in results]
    return {name: outcomes.count(name) for name in _OUTCOMES} | {"cut_off": study.interrupted()}


def _trial(found: Result) -> dict[str, Any]:
    return {
        "number": found.number,
        "outcome": found.outcome,
        "value": found.value,
        "values": dict(found.values),
        "validations": found.validations,
        "steps": found.facts.get("steps", 0),
        "seconds": found.facts.get("seconds", 0.0),
        "why": found.why,
    }


def _best(
    search: Search, best: Result, recipe: Result | None, report: Mapping[str, Any]
) -> dict[str, Any]:
    config, place = search.config, search.folder / "best"
    confidence = config.evaluate.confidence
    own = predictions.read(place / ANSWERS)
    mine = _sampled(own, config)
    difference = None
    if recipe is not None and recipe.value is not None and recipe.number != best.number:
        other = predictions.read(search.folder / TRIALS / f"{recipe.number:04}" / ANSWERS)
        # Other cleaning makes other texts, whose rows cannot be paired.
        if np.array_equal(own.prints_N, other.prints_N):
            difference = mine.minus(_sampled(other, config), confidence)
    test = report["test"]
    return {
        "number": best.number,
        "value": best.value,
        "values": dict(best.values),
        "metrics": {name: plain(one) for name, one in mine.estimates(confidence).items()},
        "difference": difference and {name: plain(one) for name, one in difference.items()},
        "run": str(place),
        "model": str(place / "model"),
        "test": test and {"rows": test["rows"], "metrics": test["metrics"]},
        "test_first_read": report["data"]["test_first_read"],
    }


def _sampled(answers: Predictions, config: Config) -> Sampled:
    return sample([answers], None, config.evaluate.bootstrap)
