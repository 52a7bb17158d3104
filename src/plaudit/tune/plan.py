"""How settings are searched, and the folder that keeps it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plaudit.ablate.kept import write_json
from plaudit.config import Config, dump_toml
from plaudit.errors import ConfigError
from plaudit.run.folder import put, take
from plaudit.tune.reading import Budget
from plaudit.tune.records import Pruner
from plaudit.tune.space import Dimension
from plaudit.tune.trial import RECIPE

PLAN = "tuning.json"
_STORED = {"recipe", "space", "pruner", "budget", "trials"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How settings are searched.

    Attributes
    ----------
    trials : int
        The recipe as it is, which comes first, included.
    pruner : {"none", "median", "hyperband"}
        What stops a trial after one of its validations.
    budget : {"steps", "own"}
        steps: every trial takes as many optimiser steps as the recipe. own: as many as its values
        say.
    workers : int
        Trials at a time, each in a process of its own.
    """

    trials: int = 20
    pruner: Pruner = "median"
    budget: Budget = "steps"
    workers: int = 1


def folder_of(config: Config, space: Sequence[Dimension], plan: Plan) -> Path:
    """Return the folder of this very tuning, if it was begun before, else a new one."""
    name = f"{config.name}-tune"
    asked = {
        "recipe": config.digest(),
        "space": [dimension.to_dict() for dimension in space],
        "pruner": plan.pruner,
        "budget": plan.budget,
    }
    for known in sorted(Path(config.out).glob(f"{name}*/{PLAN}")):
        try:
            stored = plan_of(known.parent)
        except ConfigError:  # not this one, then
            continue
        if all(stored[key] == value for key, value in asked.items()):
            return known.parent
    folder = take(config.out, name)
    put(folder / RECIPE, dump_toml(config))
    write_json(folder / PLAN, asked | {"trials": plan.trials})
    return folder


def plan_of(folder: Path) -> dict[str, Any]:
    """Read what a tuning was begun with.

    Raises
    ------
    ConfigError
        The file is damaged.
    """
    path = folder / PLAN
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not found.keys() >= _STORED:
        raise ConfigError(
            f"{path} is damaged: it does not hold {', '.join(sorted(_STORED))}. Move {folder} "
            "away, and begin the tuning anew."
        )
    return found
