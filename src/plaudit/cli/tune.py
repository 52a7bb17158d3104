"""The command tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from plaudit import console, progress
from plaudit.cli.advice import predicting
from plaudit.cli.options import AsJson, Quiet
from plaudit.console import advise, guarded, inert, out
from plaudit.errors import ConfigError


@guarded
def tune(  # noqa: PLR0913, PLR0917 - one parameter an option
    what: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE|FILE.toml|DATA", help="What to run or to train on."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE …", help="Settings of all trials; not searched."),
    ] = None,
    space: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="What is searched; default: plaudit's own choice."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="How many, the recipe as it is included.", show_default="20"),
    ] = None,
    pruner: Annotated[
        Literal["none", "median", "hyperband"] | None,
        typer.Option(
            help="What stops a trial that lags behind at a validation.", show_default="median"
        ),
    ] = None,
    budget: Annotated[
        Literal["steps", "own"] | None,
        typer.Option(
            help="steps: those of the recipe for all; own: as the trial's values say.",
            show_default="steps",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trials at a time.")] = 1,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with runs/NAME-tune.")
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search for better settings on validation, then test the best run once."""
    if (what is None) == (resume is None):
        raise ConfigError(
            "found neither a recipe nor --resume, or both; write plaudit tune quickstart, or "
            "plaudit tune --resume runs/quickstart-tune."
        )
    begun_with = {"--space": space, "--pruner": pruner, "--budget": budget}
    if resume is not None and (named := [name for name, value in begun_with.items() if value]):
        raise ConfigError(
            f"{', '.join(named)} with --resume: a tuning goes on with the space, the pruner and "
            "the budget that it was begun with. Leave them out, or begin another tuning."
        )
    from plaudit.report.tuned import sentences
    from plaudit.tune.plan import Plan
    from plaudit.tune.table import table
    from plaudit.tune.tuning import PAGE, TABLE
    from plaudit.tune.tuning import resume as go_on
    from plaudit.tune.tuning import tune as search

    with progress.watch(quiet=quiet) as watcher:
        if what is None:
            assert resume is not None  # noqa: S101 - for mypy
            found = go_on(resume, trials=trials, workers=workers, watcher=watcher)
        else:
            kind = (pruner or "median", budget or "steps")
            plan = Plan(20 if trials is None else trials, *kind, workers)
            found = search(what, settings or (), space=space, plan=plan, watcher=watcher)
    if json:
        out(console.as_json(found))
    else:
        for sentence in sentences(found):
            out(inert(sentence))
        console.table(*table(found))
        for name in (TABLE, PAGE):
            out(f"{inert(found['folder'])}/{name}")
    advise(predicting(Path(found["best"]["model"])))
