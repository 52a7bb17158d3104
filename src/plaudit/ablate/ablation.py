"""Each value of a setting trained alike and measured on validation. Read :func:`ablate` first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from plaudit.ablate.arms import BUDGET_KEYS, Arm, arms_of
from plaudit.ablate.document import Measured, document
from plaudit.ablate.kept import ABLATIONS, write_json
from plaudit.ablate.trial import Bench
from plaudit.config import multilabel
from plaudit.errors import ConfigError, DataError, TrainingError
from plaudit.run.folder import take
from plaudit.run.lock import held
from plaudit.run.watching import Silent, Watcher
from plaudit.train.course import Course
from plaudit.train.durable import UNWRITABLE
from plaudit.train.state import callers_own

Budget = Literal["steps", "own"]
TABLE = "table.json"
_PLAN = "ablation.json"


@callers_own()
def ablate(
    what: str,
    choices: Mapping[str, Sequence[str]],
    shared: Sequence[str] = (),
    *,
    seeds: int = 1,
    budget: Budget = "steps",
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Train every value of a setting under the same budget, and compare them on validation.

    What was interrupted goes on where it was. Finished trials are not made again, nor are those of
    other ablations in the same folder that agree in settings, seed, data, weights, machine and
    versions.

    Parameters
    ----------
    what : str
        A recipe, a TOML file, or DATA.
    choices : mapping of str to sequence of str
        Key to values; of several keys, every combination.
    shared : sequence of str
        ``key=value`` for all.
    seeds : int
        Runs of each; the data are divided alike in all.
    budget : {"steps", "own"}
        steps: as many optimiser steps and evaluations as the first value takes, which is about as
        many tokens. own: what each value's settings say. Settings that are themselves about the
        budget always have their own.
    watcher : Watcher, optional

    Returns
    -------
    dict
        What ``table.json`` in the ablation's folder holds.

    Raises
    ------
    plaudit.errors.PlauditError
        A configuration or the data cannot be used, or training failed with the first value, with
        which the others are compared; other values with which it fails stand under ``failed``.

    Examples
    --------
    >>> import plaudit
    >>> policies = {"text.policy": ["head", "tail"]}
    >>> found = plaudit.ablate("reviews.toml", policies, ["train.epochs=1"])
    >>> [arm["name"] for arm in found["arms"]]
    ['text.policy=head', 'text.policy=tail']
    >>> found["arms"][0]["difference"] is None, sorted(found["arms"][1]["difference"])[0]
    (True, 'accuracy')
    """
    _check(choices, seeds, budget)
    arms = arms_of(what, choices, shared)
    if BUDGET_KEYS.intersection(choices):
        budget = "own"
    config = arms[0].config
    for arm in arms:
        multilabel.refuse(arm.config, "plaudit ablate")
    bench = Bench(_folder(arms, seeds, budget), watcher or Silent())
    bench.watcher.say(f"{bench.folder}: {len(arms)} values, runs of each: {seeds}")
    with _gone_if_unused(bench.folder), held(bench.folder):
        # What a value is refused for comes to light before any is trained.
        first, *_ = [bench.plan(arm.config) for arm in arms]
        course = first if budget == "steps" else None
        measured, failed = [], []
        for arm in arms:
            try:
                seeds_ = range(config.seed, config.seed + seeds)
                measured.append(_measured(bench, arm, seeds_, course))
            except TrainingError as error:
                if arm is arms[0] or isinstance(error.__cause__, UNWRITABLE):
                    raise
                bench.watcher.say(str(error))
                failed.append({"name": arm.name, "values": dict(arm.values), "why": str(error)})
    found = {
        "folder": str(bench.folder),
        "choices": {key: list(values) for key, values in choices.items()},
        "seeds": seeds,
        "budget": budget,
    } | document(measured, config)
    found["failed"] = failed
    write_json(bench.folder / TABLE, found)
    return found


def _check(choices: object, seeds: int, budget: str) -> None:
    if not isinstance(choices, Mapping) or not choices:
        raise ConfigError('choices are a mapping of keys to values: {"optim.lr": ["1e-4", "2e-4"]}')
    if seeds < 1:
        raise ConfigError(f"seeds is {seeds}; each value needs 1 run at least.")
    if budget not in get_args(Budget):
        raise ConfigError(f"budget is {budget!r}; allowed are {', '.join(get_args(Budget))}.")


def _measured(bench: Bench, arm: Arm, seeds: range, course: Course | None) -> Measured:
    if course is not None:
        course = bench.alike(arm.config, course)
    trials = []
    for seed in seeds:
        bench.watcher.say(f"{arm.name}, seed {seed}")
        place = bench.folder / f"{arm.config.digest()}-seed{seed}"
        try:
            trials.append(bench.trial(arm.config, seed, place, course))
        except TrainingError as error:
            raise TrainingError(f"{arm.name}, seed {seed}: {error}") from error.__cause__
    targets_N = bench.prepared(arm.config).train.targets_N
    return Measured(
        arm,
        [facts for facts, _ in trials],
        [answers for _, answers in trials],
        _minority(targets_N),
    )


def _folder(arms: Sequence[Arm], seeds: int, budget: Budget) -> Path:
    """Return the folder of this very ablation, if it was begun before, else a new one."""
    config = arms[0].config
    name = f"{ABLATIONS}{config.name}"
    plan = {
        "name": name,
        "arms": {arm.name: arm.config.digest() for arm in arms},
        "seeds": seeds,
        "budget": budget,
    }
    for known in sorted(Path(config.out).glob(f"{name}*/{_PLAN}")):
        if json.loads(known.read_text(encoding="utf-8")) == plan:
            return known.parent
    folder = take(config.out, name)
    write_json(folder / _PLAN, plan)
    return folder


@contextmanager
def _gone_if_unused(folder: Path) -> Iterator[None]:
    """Leave no folder behind where the data or a setting turned out to be a mistake."""
    try:
        yield
    except (ConfigError, DataError):
        if {each.name for each in folder.iterdir()} == {_PLAN}:
            shutil.rmtree(folder)
        raise


def _minority(targets_N: np.ndarray) -> int | None:
    counts_C = np.bincount(targets_N)
    smallest = np.flatnonzero(counts_C == counts_C.min())
    return int(smallest[0]) if len(smallest) == 1 else None
