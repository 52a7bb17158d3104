"""The command score."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from plaudit import console, progress
from plaudit.cli.options import AsJson, Device, Quiet, SecondColumn, TextColumn
from plaudit.console import advise, guarded, inert, out


@guarded
def score(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder: runs/NAME/model.")],
    data: Annotated[
        Path, typer.Argument(metavar="IN", help="A CSV, TSV, JSONL or Parquet file, or gzip.")
    ],
    file: Annotated[Path, typer.Argument(metavar="OUT", help="A new file of one of these kinds.")],
    text: TextColumn = None,
    text_pair: SecondColumn = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Write one for each label.")
    ] = False,
    excel_safe: Annotated[
        bool, typer.Option("--excel-safe", help="Make cells inert that look like formulas.")
    ] = False,
    shard_rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="Rows that are done, or lost, together.")
    ] = 2048,
    device: Device = "auto",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Label every row of a file of any size; killed, the same command goes on."""
    from plaudit.score import score as write

    with progress.scoring(quiet=quiet) as watcher:
        done = write(
            model,
            data,
            file,
            text=text,
            text_pair=text_pair,
            probabilities=probabilities,
            excel_safe=excel_safe,
            shard_rows=shard_rows,
            device=device,
            watcher=watcher,
        )
    if json:
        out(console.as_json(done.to_dict()))
    else:
        shown = ", ".join(f"{count:,} {inert(label)}" for label, count in done.labels.items())
        out(f"{inert(str(done.path))}: {done.scored:,} of {done.rows:,} rows scored, {shown}")
        if done.resumed:
            out(f"{done.resumed:,} rows were done before an interruption")
    if done.redone:
        console.say(f"WARNING: {done.redone} shards on the disk had been changed; done anew")
    if done.quarantine is not None:
        console.say(
            f"WARNING: {done.quarantined:,} of {done.rows:,} rows could not be scored and are not "
            f"in the output; they stand, with the reason, in {done.quarantine}"
        )
    advise(f"plaudit evaluate {shlex.quote(model)} DATA")
