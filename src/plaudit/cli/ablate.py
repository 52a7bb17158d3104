"""The command ablate."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

import typer

from plaudit import console, progress
from plaudit.cli.options import AsJson, Quiet
from plaudit.console import advise, guarded, inert, out


@guarded
def ablate(
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|FILE.toml|DATA", help="What to run or to train on.")
    ],
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY=A,B,…",
            help="Values to compare: text.policy=head,tail. With one value: a setting of all.",
        ),
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each value.")] = 1,
    budget: Annotated[
        Literal["steps", "own"],
        typer.Option(help="steps: those of the first value for all; own: as each is configured."),
    ] = "steps",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train each value of a setting under the same budget and compare them on validation."""
    from plaudit.ablate.arms import choices_of

    choices, shared = choices_of(settings)
    from plaudit.ablate.ablation import TABLE
    from plaudit.ablate.ablation import ablate as compare
    from plaudit.ablate.table import table

    with progress.watch(quiet=quiet) as watcher:
        found = compare(what, choices, shared, seeds=seeds, budget=budget, watcher=watcher)
    if json:
        out(console.as_json(found))
    else:
        out(f"{found['rows']:,} validation rows, runs of each: {found['seeds']}. {found['note']}")
        console.table(*table(found))
        for arm in found["failed"]:
            out(f"failed: {inert(arm['why'])}")
        out(f"table: {inert(found['folder'])}/{TABLE}")
    [best] = [arm for arm in found["arms"] if arm["name"] == found["best"]]
    chosen = [f"{key}={value}" for key, value in best["values"].items()]
    advise(shlex.join(["plaudit", "train", what, *shared, *chosen]))
