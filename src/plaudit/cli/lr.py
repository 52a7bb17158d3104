"""The command lr."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from plaudit import console
from plaudit.cli.options import AsJson
from plaudit.console import advise, guarded, out


@guarded
def lr(
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|FILE.toml|DATA", help="What would be trained.")
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Settings that differ.")
    ] = None,
    steps: Annotated[int, typer.Option(min=10, help="Steps of the climb.")] = 60,
    json: AsJson = False,
) -> None:
    """Find a learning rate: train for a few steps at ever higher ones, and keep nothing."""
    from plaudit.config import load

    config = load(what, overrides or ())
    from plaudit.lr import lr as climb

    found = climb(config, steps=steps)
    if json:
        out(console.as_json(found.to_dict()))
    else:
        every = max(1, len(found.rungs) // 20)
        shown = found.rungs[::every]
        rows = [[f"{r.lr:.1e}", f"{r.loss:.4f}", f"{r.smoothed:.4f}"] for r in shown]
        console.table(["rate", "loss", "smoothed"], rows)
        rate = "none: the loss never fell" if found.suggested is None else f"{found.suggested:.1e}"
        out(f"falls fastest at: {rate}")
    chosen = [] if found.suggested is None else [f"optim.lr={found.suggested:.1e}"]
    if chosen and config.optim.head_lr is not None:  # it climbed beside the other
        times = config.optim.head_lr / config.optim.lr
        chosen.append(f"optim.head_lr={times * float(f'{found.suggested:.1e}'):.1e}")
    replaced = {each.partition("=")[0] for each in chosen}
    kept = [each for each in overrides or () if each.partition("=")[0].strip() not in replaced]
    advise(shlex.join(["plaudit", "train", what, *kept, *chosen]))
