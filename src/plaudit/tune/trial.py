"""One trial: trained on the training part, watched on validation, cut off when it lags behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from plaudit.ablate.arms import BUDGET_KEYS
from plaudit.ablate.trial import Bench, Made
from plaudit.config import Config, dump_toml, load
from plaudit.errors import ArtifactError, ConfigError, DataError, TrainingError
from plaudit.evaluate import predictions
from plaudit.evaluate.predictions import PREDICTIONS
from plaudit.model.device import plan
from plaudit.run import folder as folders
from plaudit.run.place import facts_of, note_start
from plaudit.run.watching import Watcher
from plaudit.train.checkpoint import FOLDER as CHECKPOINTS
from plaudit.train.course import Course
from plaudit.train.durable import UNWRITABLE
from plaudit.train.loop import StepRecord
from plaudit.tune.records import Ended, Order, Outcome

TRIALS, RECIPE, ANSWERS = "trials", "recipe.toml", f"validation-{PREDICTIONS}"


class Judge(Protocol):
    """Whoever decides about trials."""

    def validated(self, number: int, evaluation: int, value: float) -> bool:
        """Take an intermediate result; say whether to stop."""

    def is_best(self, value: float) -> bool:
        """Say whether a result is the best so far, and its weights are to be kept."""


class _Pruned(Exception):  # noqa: N818 - it is no error
    """The trial lags behind."""


@dataclass(slots=True)
class _Listener:
    """Passes a trial's progress on, and its validations to the judge."""

    watcher: Watcher
    select: str
    judge: Callable[[int, float], bool]
    evaluations: int = 0
    last: StepRecord | None = None

    def say(self, line: str) -> None:
        self.watcher.say(line)

    def step(self, record: StepRecord) -> None:
        self.last = record
        self.watcher.step(record)
        if record.validation is None:
            return
        self.evaluations += 1
        lags = self.judge(self.evaluations, float(record.validation[self.select]))
        # After the last step there is nothing to be saved any more.
        if lags and record.step < record.steps:
            raise _Pruned


def config_of(folder: Path, order: Order) -> Config:
    """Return the configuration of a trial: the recipe, with the trial's values.

    Raises
    ------
    ConfigError
        The values do not go together.
    """
    settings = [f"{key}={value}" for key, value in order.values.items()]
    return load(str(folder / RECIPE), settings)


def _course(bench: Bench, order: Order, config: Config) -> Course | None:
    """Return the recipe's course, where it has so many steps and a trial leaves that as it is.

    What validations are compared, by the pruner and for the best, then come after the same steps,
    however long an epoch is under a trial's settings.
    """
    recipe = load(str(bench.folder / RECIPE))
    if recipe.train.max_steps is None or BUDGET_KEYS.intersection(order.values):
        return None
    return bench.alike(config, bench.plan(recipe))


def attempt(bench: Bench, order: Order, judge: Judge) -> Ended:
    """Make a trial; its weights stay only if it is the best so far.

    Parameters
    ----------
    bench : Bench
        Its folder is the tuning's.
    order : Order
    judge : Judge

    Returns
    -------
    Ended

    Raises
    ------
    TrainingError
        Nothing can be written.
    """
    place = bench.folder / TRIALS / f"{order.number:04}"
    watcher = bench.watcher
    listener: _Listener | None = None
    try:
        config = config_of(bench.folder, order)
        listener = _Listener(
            watcher, config.train.select, lambda n, value: judge.validated(order.number, n, value)
        )
        bench.watcher = listener
        made = bench.train(config, config.seed, place, _course(bench, order, config))
        if made.trained.broken:
            raise TrainingError(made.trained.stopped)
        return _completed(bench, order, made, config, judge)
    except _Pruned:
        return _cut(order, place, "pruned", "it lagged behind the others", listener)
    except (ConfigError, DataError, ArtifactError) as error:
        return _cut(order, place, "refused", str(error), listener)
    except TrainingError as error:
        if isinstance(error.__cause__, UNWRITABLE):  # a full disk says nothing about the settings
            raise
        return _cut(order, place, "failed", str(error), listener)
    finally:
        bench.watcher = watcher


def _completed(bench: Bench, order: Order, made: Made, config: Config, judge: Judge) -> Ended:
    trained = made.trained
    [kept] = [record for record in trained.history if record.step == trained.best_step]
    value = float((kept.validation or {})[config.train.select])
    place = made.keeper.folder
    (place / ANSWERS).unlink(missing_ok=True)
    predictions.write(place / ANSWERS, made.answers)
    if judge.is_best(value):
        _leave(bench, made, config)
    else:
        made.keeper.clear()
    return Ended(order.number, "complete", value, asdict(made.facts))


def _leave(bench: Bench, made: Made, config: Config) -> None:
    """Leave the trial as a run that has all its steps behind it and only needs to be finished."""
    place = made.keeper.folder
    data, _ = bench.data(config)
    parts = {"train": data.train, "validation": data.validation}
    compute = plan(config.train.device, config.train.precision)
    folders.put(place / folders.CONFIG, dump_toml(config))
    note_start(place, facts_of(data.prepared, parts, compute))
    made.keeper.leave()


def _cut(
    order: Order, place: Path, outcome: Outcome, why: str, listener: _Listener | None
) -> Ended:
    shutil.rmtree(place / CHECKPOINTS, ignore_errors=True)
    last = listener.last if listener else None
    cost = {"steps": last.step, "seconds": last.seconds, "tokens": last.tokens} if last else {}
    return Ended(order.number, outcome, None, {"why": why, **cost})
