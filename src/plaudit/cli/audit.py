"""The command audit."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plaudit import console
from plaudit.cli.options import AsJson, Device, LabelColumn, Quiet, TextColumn
from plaudit.console import advise, guarded, inert, out
from plaudit.data import outputs
from plaudit.errors import ConfigError

if TYPE_CHECKING:
    from plaudit.audit.writing import Written


@guarded
def audit(  # noqa: PLR0913, PLR0917 - one parameter an option
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, a folder, imdb, hub:…")],
    text: TextColumn = None,
    label: LabelColumn = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="MAPPING", help='Values to names: {"1-4"="negative", …}.'),
    ] = None,
    encoder: Annotated[
        str, typer.Option(metavar="ENCODER", help="Whose tokens to count: bundled, a folder, hub:…")
    ] = "bundled",
    max_tokens: Annotated[
        int, typer.Option(min=8, max=8192, help="For what each long-text policy would cut.")
    ] = 256,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Judge labels with it, on rows it has not seen."),
    ] = None,
    label_errors: Annotated[
        bool, typer.Option(" /--no-label-errors", help="Do not look for wrong labels.")
    ] = True,
    write: Annotated[
        Path | None,
        typer.Option(metavar="OUT.parquet", help="Write the data with fixes made, and a ledger."),
    ] = None,
    fix: Annotated[
        str | None,
        typer.Option(
            metavar="FIX,FIX…",
            help="What --write mends: default, near_duplicates, label_errors, …",
            show_default="default",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page, to a new file.")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the split and of the folds.")
    ] = 0,
    device: Device = "auto",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look at labelled data before training on it."""
    from plaudit.audit import examine, writing
    from plaudit.audit.lines import class_table, closing, finding_lines, opening, policy_table
    from plaudit.config import load
    from plaudit.data.records import Columns
    from plaudit.data.sources import silent

    fixes = writing.check_fixes([each.strip() for each in (fix or "default").split(",")])
    if fix is not None and write is None:
        raise ConfigError(
            f"--fix {fix} says what --write mends, and nothing is written. Add --write "
            "OUT.parquet, or leave --fix out."
        )
    if write is not None:
        writing.check_out(write)
    if html is not None:
        outputs.check_new(html)
    mapping = load(None, [f"data.labels={labels}"]).data.labels if labels is not None else None
    found = examine.audit(
        data,
        columns=Columns(text=text, label=label, mapping=mapping),
        encoder=encoder,
        max_tokens=max_tokens,
        model=model,
        label_errors=label_errors,
        seed=seed,
        device=device,
        say=silent if quiet else console.say,
    )
    document = found.to_dict()
    written = found.write(write, fixes) if write is not None else None
    if written is not None:
        document["written"] = written.to_dict()
    with console.shown():
        if json:
            out(console.as_json(document))
        else:
            for line in opening(document):
                out(inert(line))
            console.table(*class_table(document))
            console.table(*policy_table(document))
            for line in [*finding_lines(document), *closing(document)]:
                out(inert(line))
    if html is not None:
        from plaudit.report.audit import render

        console.write_new(html, render(document))
    if found.table.official and "train" not in found.table.parts:
        return  # there is nothing to train on
    codes = {finding.code for finding in found.findings}
    _advise(data, written, codes, {"text": text, "label": label, "labels": labels}, seed)


def _advise(
    data: str,
    written: Written | None,
    codes: set[str],
    columns: Mapping[str, str | None],
    seed: int,
) -> None:
    """Name training on what was written, or the fixes if there is something to fix by default."""
    from plaudit.audit.writing import DEFAULT_FIXES

    if written is None:
        fixable = codes & set(DEFAULT_FIXES)
        named = {name: column for name, column in columns.items() if column is not None}
        options = [word for name, column in named.items() for word in (f"--{name}", column)]
        settings = [f"data.{name}={column}" for name, column in named.items()]
        if seed:  # a run with another one divides the data another way
            options, settings = [*options, "--seed", str(seed)], [*settings, f"seed={seed}"]
        advise(
            shlex.join(["plaudit", "audit", data, *options, "--write", "clean.parquet"])
            if fixable
            else shlex.join(["plaudit", "train", data, *settings])
        )
        return
    files = dict(written.files)
    command = f"plaudit train {shlex.quote(str(files.pop('all', None) or files.pop('train')))}"
    if seed and not files:
        command += f" seed={seed}"
    for part, path in files.items():
        command += f" data.{part}={shlex.quote(str(path))}"
    advise(command)
