"""Commands that tell: recipes, doctor, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plaudit import console
from plaudit.cli.options import AsJson
from plaudit.console import advise, guarded, inert, out

if TYPE_CHECKING:
    from plaudit.config import Setting


def help_with_settings(ctx: typer.Context, asked: bool) -> None:
    """Show a command's help and, below it, every setting."""
    if asked:
        _show_settings(ctx.get_help())
        raise typer.Exit


@guarded
def _show_settings(above: str) -> None:
    from plaudit.config import describe

    out(above)
    out("\nSettings, as key=value:")
    for setting in describe():
        out(setting_line(setting, setting.default))


def setting_line(setting: Setting, value: object) -> str:
    """Write a setting down: key, value, what is allowed, what it is for."""
    from plaudit.config import as_toml

    shown = f"  {setting.key} = {as_toml(value)}"
    return f"{shown:<38} {setting.allowed}\n      {setting.help}"


@guarded
def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Print this recipe's TOML.")
    ] = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Show every setting, as NAME has it.")
    ] = False,
) -> None:
    """List the shipped runs, print one, or show every setting."""
    from plaudit import config

    if keys:
        values = config.Config() if name is None else config.load(str(config.recipe(name).path))
        for setting in config.describe():
            out(setting_line(setting, config.value_at(values, setting.key)))
        advise(f"plaudit train {name or 'RECIPE'} KEY=VALUE")
    elif name is not None:
        out(config.recipe(name).path.read_text(encoding="utf-8").rstrip("\n"))
        advise(f"plaudit train {name}, or save it as my.toml, edit it, and plaudit train my.toml")
    else:
        shipped = config.recipes()
        width = max(map(len, (recipe.name for recipe in shipped)), default=0)
        for recipe in shipped:
            out(f"{recipe.name:<{width}}  {recipe.title}")
        advise("plaudit train quickstart, or plaudit recipes NAME to read one")


@guarded
def doctor(json: AsJson = False) -> None:
    """Say what this machine has and lacks, and how plaudit computes."""
    from plaudit.doctor import examine, lines

    findings = examine()
    if json:
        out(console.as_json(findings))
    else:
        for line in lines(findings):
            out(inert(line))
    advise("plaudit train quickstart")


@guarded
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder: runs/NAME.")],
) -> None:
    """Build report.html anew from report.json; print the summary."""
    from json import loads

    from plaudit import run as api
    from plaudit.report.summary import headline

    page = api.rebuild_report(run)
    out(inert(headline(loads(page.with_suffix(".json").read_text(encoding="utf-8")))))
    out(f"report: {inert(str(page))}")
    advise("open the report in a browser, or plaudit predict MODEL 'A triumph.'")
