"""Settings tried one after the other, the best run tested once. Read :func:`tune` first."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.ablate.kept import write_json
from plaudit.ablate.trial import Bench
from plaudit.config import Config, dump_toml, load, multilabel
from plaudit.config.resolve import is_override
from plaudit.errors import ConfigError, Interrupted, TrainingError
from plaudit.report.pages import REPORT, pages
from plaudit.report.tuned import render
from plaudit.run import train
from plaudit.run.folder import CONFIG, put
from plaudit.run.lock import held
from plaudit.run.signals import heeded
from plaudit.run.watching import Silent, Watcher
from plaudit.train.checkpoint import FOLDER as CHECKPOINTS
from plaudit.train.state import callers_own
from plaudit.tune.document import Search, document, section
from plaudit.tune.plan import PLAN, Plan, folder_of, plan_of
from plaudit.tune.reading import read_space
from plaudit.tune.records import Direction
from plaudit.tune.space import Dimension
from plaudit.tune.strategy import need_optuna
from plaudit.tune.study import Study, opened
from plaudit.tune.trial import RECIPE, TRIALS
from plaudit.tune.workers import make_all

TABLE, PAGE, BEST = "tune.json", "tune.html", "best"


@callers_own()
def tune(
    what: str,
    overrides: Sequence[str] = (),
    *,
    space: Path | str | None = None,
    plan: Plan | None = None,
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Search for better settings on validation, then test the best run, once.

    What was interrupted goes on where it was: trials that ended are not made again.

    Parameters
    ----------
    what : str
        A recipe, a TOML file, or DATA.
    overrides : sequence of str
        ``key=value`` for all trials; such a key is not searched.
    space : Path or str, optional
        A TOML file that says what is searched; without it, what plaudit ships.
    plan : Plan, optional
    watcher : Watcher, optional

    Returns
    -------
    dict
        What ``tune.json`` in the tuning's folder holds.

    Raises
    ------
    plaudit.errors.PlauditError
        The settings, the space or the data cannot be used, or no trial came to its end.
    plaudit.errors.Interrupted
        With the command that goes on.

    Examples
    --------
    >>> import plaudit
    >>> from plaudit.tune.plan import Plan
    >>> found = plaudit.tune("reviews.toml", ["train.epochs=1"], plan=Plan(trials=2))
    >>> found["folder"], found["counts"]["complete"], found["trials"][0]["values"]
    ('runs/reviews-tune', 2, {})
    >>> found["best"]["test"]["rows"]
    24
    """
    plan = plan or Plan()
    config = load(what, overrides)
    dimensions = read_space(Path(space) if space else None, plan.budget, _given(what, overrides))
    _check(config)
    folder = folder_of(config, dimensions, plan)
    return _tuned(folder, dimensions, plan, watcher or Silent())


@callers_own()
def resume(
    folder: Path | str,
    *,
    trials: int | None = None,
    workers: int = 1,
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Go on with a tuning that was killed or interrupted.

    Parameters
    ----------
    folder : Path or str
    trials : int, optional
        Other than it was begun with.
    workers : int
    watcher : Watcher, optional

    Returns
    -------
    dict
        As :func:`tune`.

    Raises
    ------
    plaudit.errors.ConfigError
        There is no tuning, or it is in use.

    Examples
    --------
    >>> from plaudit.tune.tuning import resume
    >>> resume("runs/quickstart")
    Traceback (most recent call last):
    ...
    plaudit.errors.ConfigError: runs/quickstart is no tuning: it has no tuning.json. ...
    """
    place = Path(folder)
    if not (place / PLAN).is_file():
        raise ConfigError(f"{place} is no tuning: it has no {PLAN}. Give runs/NAME-tune.")
    stored = plan_of(place)
    plan = Plan(trials or stored["trials"], stored["pruner"], stored["budget"], workers)
    dimensions = tuple(Dimension.of(entry) for entry in stored["space"])
    return _tuned(place, dimensions, plan, watcher or Silent())


def _given(what: str | None, overrides: Sequence[str]) -> dict[str, str]:
    """Return what has a value by the command line; its first word may be a setting, too."""
    first = [what] if what is not None and is_override(what) else []
    pairs = (word.partition("=") for word in (*first, *overrides))
    return {key.strip(): text for key, _, text in pairs}


def _check(config: Config) -> None:
    need_optuna()
    multilabel.refuse(config, "plaudit tune")
    if config.seeds > 1:
        raise ConfigError(
            f"seeds is {config.seeds}, but a trial is one run; leave it out, and train what is "
            "found with plaudit train … seeds=5."
        )


def _tuned(
    folder: Path, space: Sequence[Dimension], plan: Plan, watcher: Watcher
) -> dict[str, Any]:
    with held(folder), heeded(watcher.say):
        try:
            bench = Bench(folder, watcher)
            config, most = _prepared(bench, plan)
            minimised = config.train.select == "log_loss"
            direction = Direction(minimised, plan.pruner, config.seed, most)
            with opened(folder, space, direction) as study:
                return _searched(Search(folder, config, space, plan.budget, plan.pruner), study,
                                 bench, plan)  # fmt: skip
        except KeyboardInterrupt as interruption:
            code = interruption.exit_code if isinstance(interruption, Interrupted) else 130
            what = "SIGTERM" if code == 143 else "Ctrl-C"
            command = f"plaudit tune --resume {shlex.quote(str(folder))}"
            raise Interrupted(
                f"{what}; trials that ended are kept. To go on: {command}", exit_code=code
            ) from None


def _prepared(bench: Bench, plan: Plan) -> tuple[Config, int]:
    """Read the data, write down what all trials share, count a trial's validations at most."""
    config = load(str(bench.folder / RECIPE))
    course, rows = bench.plan(config), bench.rows(config)
    if plan.budget == "steps" and config.train.max_steps is None:
        steps = config.train.model_copy(update={"max_steps": course.steps})
        config = config.model_copy(update={"train": steps})
        put(bench.folder / RECIPE, dump_toml(config))
    stored = plan_of(bench.folder)
    built_on = bench.built_on(config)
    for what, was, now in (
        ("data", stored.get("rows", rows), rows),
        ("an encoder, models or texts", stored.get("built_on", built_on), built_on),
    ):
        if was != now:
            raise ConfigError(
                f"{bench.folder} was begun with {what} that are others now: trials on them cannot "
                "be compared. Give them as they were, or start a new tuning: name=OTHER."
            )
    facts = {"rows": rows, "built_on": built_on, "trials": plan.trials}
    write_json(bench.folder / PLAN, stored | facts)
    return config, len(course.validate_after)


def _searched(search: Search, study: Study, bench: Bench, plan: Plan) -> dict[str, Any]:
    folder, say = search.folder, bench.watcher.say
    wanted = study.wanted(plan.trials)
    say(f"{folder}: {plan.trials} trials, of which {plan.trials - wanted} have been made")
    if wanted and (folder / BEST).exists():
        raise ConfigError(
            f"{folder / BEST} was chosen from the trials before, and the test set was used for it: "
            "more trials would make it part of the search. Start a new tuning: name=OTHER."
        )
    for number in study.recover():
        say(f"trial {number} had been cut off; it is tried again.")
    try:
        _tidy(folder, study)
        make_all(bench, study, plan.trials, plan.workers)
    finally:
        study.recover()
    _tidy(folder, study)
    best = study.best()
    if best is None:
        why = {found.why for found in study.results()}
        raise TrainingError("\n".join(["No trial came to its end:", *sorted(filter(None, why))]))
    report = _finished(search, study, best.number, bench.watcher)
    found = document(search, study, report)
    write_json(folder / TABLE, found)
    put(folder / PAGE, render(found))
    return found


def _tidy(folder: Path, study: Study) -> None:
    """Remove the weights of all trials but the best."""
    best = study.best()
    for place in (folder / TRIALS).glob("*/"):
        if best is None or place.name != f"{best.number:04}":
            shutil.rmtree(place / CHECKPOINTS, ignore_errors=True)


def _finished(search: Search, study: Study, number: int, watcher: Watcher) -> dict[str, Any]:
    """Make the best trial the run it is: artefact, one evaluation on the test set, report."""
    place = search.folder / BEST
    if not place.exists():
        (search.folder / TRIALS / f"{number:04}").rename(place)
    written = place / "model" / REPORT
    if written.is_file():
        found: dict[str, Any] = json.loads(written.read_text(encoding="utf-8"))
    else:
        watcher.say(f"The search has ended; {place} is trial {number}, the best on validation.")
        config = load(str(place / CONFIG))
        found = dict(train(config, watcher=watcher, resume=place).report)
    if found.get("tuning") is None:
        found["tuning"] = section(search, study)
        artifact.add(place / "model", pages(found))
    return found
