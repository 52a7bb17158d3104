"""The command compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plaudit import console
from plaudit.cli.advice import predicting
from plaudit.cli.options import AsJson, Device, LabelColumn, OutFile, TextColumn
from plaudit.console import advise, guarded, inert, out
from plaudit.data import outputs


@guarded
def compare(  # noqa: PLR0913, PLR0917 - one parameter an option
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Runs, or files of evaluate --rows; one run alone: against its baseline.",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Score every model on this instead; takes models too."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which official split of DATA.")
    ] = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    most: Annotated[int, typer.Option(min=0, help="Rows shown on which the answers differ.")] = 10,
    out_file: OutFile = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Compare runs on the same rows: which is better, how surely, and where they differ."""
    if out_file is not None:
        outputs.check_new(out_file)
    from plaudit.compare import compare as side_by_side
    from plaudit.compare.verdict import lines, table
    from plaudit.data.records import Columns

    document = side_by_side(
        runs,
        data,
        split=split,
        columns=Columns(text=text, label=label),
        most=most,
        device=device,
        say=console.say,
    )
    with console.shown():
        if json:
            out(console.as_json(document))
        else:
            if document["note"]:
                out(inert(document["note"]))
            for pair in document["pairs"]:
                out(inert(pair["words"]))
            console.table(*table(document))
            for line in lines(document):
                out(inert(line))
    if out_file is not None:
        console.write_new(out_file, console.as_json(document) + "\n")
    from plaudit.artifact import MANIFEST

    first = Path(runs[0])
    model = first if first.name == "model" else first / "model"
    advise(
        predicting(model)
        if (model / MANIFEST).is_file()
        else "plaudit evaluate MODEL DATA --rows FILE.parquet, to compare other models"
    )
