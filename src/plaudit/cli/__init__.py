"""The command line: parse → call → print. Heavy modules are imported inside the commands."""

from __future__ import annotations

import os
import signal
import sys
import threading
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from plaudit.cli import about, models
from plaudit.cli.ablate import ablate
from plaudit.cli.audit import audit
from plaudit.cli.compare import compare
from plaudit.cli.embed import embed
from plaudit.cli.explain import explain
from plaudit.cli.lr import lr
from plaudit.cli.push import push
from plaudit.cli.robustness import robustness
from plaudit.cli.score import score
from plaudit.cli.tune import tune
from plaudit.console import guarded, out
from plaudit.errors import Interrupted

app = typer.Typer(
    name="plaudit",
    help="Fine-tune BERT-family encoders to classify text, and report what they are worth.",
    epilog="Start here: plaudit train quickstart",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        _show_version()
        raise typer.Exit


@guarded
def _show_version() -> None:
    import plaudit

    out(f"plaudit {plaudit.__version__}")


@app.callback()
def plaudit_options(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version."),
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Open no connection, as with PLAUDIT_OFFLINE=1.")
    ] = False,
) -> None:
    """Fine-tune BERT-family encoders to classify text, and report what they are worth."""
    if offline:
        from plaudit.data.network import forbid

        forbid()


# --help is train's own: it shows every setting too.
app.command(context_settings={"help_option_names": []})(models.train)
app.command()(audit)
for make_or_use in (models.evaluate, models.predict, models.export, models.bench):
    app.command()(make_or_use)
for each in (explain, compare, ablate, tune, lr, embed, score, push, robustness):
    app.command()(each)
for tell in (about.recipes, about.doctor, about.report):
    app.command()(tell)


def _leave(number: int, _: FrameType | None) -> None:
    """End as Ctrl-C does: by itself SIGTERM leaves behind what is half-written."""
    raise Interrupted("SIGTERM", exit_code=128 + number)


def main() -> None:
    """Run the command line."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed: it gives nothing, and takes what nobody reads
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    # A review may hold what the terminal's encoding does not: show it escaped, never fail.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is not threading.main_thread():  # signals come to no other
        guarded(app)()
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        guarded(app)()
    finally:
        signal.signal(signal.SIGTERM, before)
