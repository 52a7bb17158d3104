"""Commands that make and use models: train, evaluate, predict, export, bench."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from plaudit import console, progress
from plaudit.cli.about import help_with_settings
from plaudit.cli.advice import predicting
from plaudit.cli.lines import prediction_line, scores
from plaudit.cli.options import (
    AsJson,
    Device,
    LabelColumn,
    OutFile,
    Quiet,
    SecondColumn,
    TextColumn,
)
from plaudit.console import advise, guarded, inert, out
from plaudit.data import outputs
from plaudit.errors import ConfigError

if TYPE_CHECKING:
    from plaudit.multilabel import LabelSet
    from plaudit.predict import Prediction


@guarded
def train(
    what: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE|FILE.toml|DATA", help="What to run or to train on."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Settings that differ: optim.lr=3e-5."),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Go on with this run, exactly where it was."),
    ] = None,
    json: AsJson = False,
    quiet: Quiet = False,
    show_help: Annotated[
        bool,
        typer.Option(
            "--help",
            is_eager=True,
            callback=help_with_settings,
            help="Show this message and every setting with its default.",
        ),
    ] = False,
) -> None:
    """Train by a recipe, a TOML file, or on any DATA.

    SIGTERM and Ctrl-C save first and leave with 143 and 130; a second Ctrl-C leaves at once. Then,
    or after a crash: train --resume RUN.
    """
    if what is None and resume is None:
        raise ConfigError(
            "plaudit train: nothing says what to train. Name a recipe, a .toml file or DATA, as in "
            "plaudit train quickstart, or a run to go on with: --resume RUN."
        )
    from plaudit.config import load

    words = [*([what] if what else []), *(overrides or ())]
    config = load(what, overrides or ()) if resume is None else None
    from plaudit import run as api

    with progress.watch(quiet=quiet) as watcher:
        if config is None:
            run = api.resume(Path(resume or ""), words, watcher=watcher)
        else:
            run = api.train(config, watcher=watcher)
    if json:
        shown = {"folder": str(run.folder), "model": str(run.model), "report": run.report}
        out(console.as_json(shown))
    else:
        from plaudit.report.seeds import sentences
        from plaudit.report.summary import headline

        for line in (headline(run.report), *sentences(run.report)):
            out(inert(line))
        out(f"report: {inert(str(run.model / 'report.html'))}")
        out(f"model:  {inert(str(run.model))}")
    advise(predicting(run.model))


@guarded
def evaluate(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder: runs/NAME/model.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, a folder, imdb, hub:…")],
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which official split; by default test.")
    ] = None,
    text: TextColumn = None,
    text_pair: SecondColumn = None,
    label: LabelColumn = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="MAPPING", help='Values to names: {"1-4"="negative", …}.'),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COL", help="Results also for each value of a column; repeatable."),
    ] = None,
    out_file: OutFile = None,
    rows_file: Annotated[
        Path | None,
        typer.Option("--rows", metavar="FILE", help="Also write each row's answer, .parquet."),
    ] = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Score a model on labelled data, with intervals."""
    if out_file is not None:
        outputs.check_new(out_file)
        if out_file == rows_file:
            raise ConfigError(f"--out and --rows are both {out_file}; name two files.")
    from plaudit.config import load
    from plaudit.data.records import Columns

    mapping = load(None, [f"data.labels={labels}"]).data.labels if labels is not None else None
    from plaudit import run as api

    with progress.watch(quiet=False) as watcher:
        columns = Columns(text=text, label=label, mapping=mapping, text_pair=text_pair)
        document = api.evaluate(
            model,
            data,
            split=split,
            columns=columns,
            by=by or (),
            rows_file=rows_file,
            watcher=watcher,
            device=device,
        )
    with console.shown():
        if json:
            out(console.as_json(document))
        else:
            from plaudit.report.slices import deduplicated, slice_lines

            for line in scores(document):
                out(line)
            if words := deduplicated(document):
                out(words)
            names, rows = slice_lines(document)
            if rows:
                console.table(names, rows)
    if out_file is not None:  # after the result was shown: a full disk must not lose it
        console.write_new(out_file, console.as_json(document) + "\n")
    advise(predicting(Path(model)))


@guarded
def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder: runs/NAME/model.")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT|FILE|-",
            help="Texts, one file of them, or - (or nothing) for standard input, one a line. Of "
            "pairs: two texts, a table, or on standard input an object a line.",
        ),
    ] = None,
    text: TextColumn = None,
    text_pair: SecondColumn = None,
    device: Device = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line a text.")] = False,
) -> None:
    """Label texts, or pairs of them: arguments, a file, or standard input."""
    from plaudit.data.text_pairs import says_nothing
    from plaudit.labelled import given

    blocks = given(model, inputs or (), text, text_pair)
    if inputs in (None, [], ["-"]) and sys.stdin.isatty():
        console.say("reading standard input, one text a line; Ctrl-D ends it")
    from plaudit.multilabel import load

    classifier, empty = load(model, device=device), 0
    for block in blocks:
        answers: Sequence[Prediction | LabelSet] = classifier.predict(block)
        for asked, prediction in zip(block, answers, strict=True):
            out(prediction_line(asked, prediction, json=json))
        empty += sum(says_nothing(asked, classifier.spec.clean) for asked in block)
    if empty:
        console.say(
            f"ATTENTION: texts that are empty once cleaned: {empty:,}. An answer to nothing says "
            "nothing; plaudit score puts such rows aside."
        )
    advise(f"plaudit evaluate {shlex.quote(model)} DATA")


@guarded
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder: runs/NAME/model.")],
    form: Annotated[
        Literal["onnx", "onnx-int8"], typer.Option("--format", help="fp32, or int8 weights.")
    ] = "onnx",
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="FOLDER", help="A new folder; by default MODEL-FORMAT."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Texts to compare on; by default what was held out."),
    ] = None,
    max_differ: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Most labels that may differ: 0.001, int8 0.02."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Write a model as ONNX, if that answers as the original does."""
    from plaudit.export import export as write
    from plaudit.export import lines

    done = write(model, form, folder, data=data, max_differ=max_differ, say=console.say)
    if json:
        out(console.as_json(done.to_dict()))
    else:
        for line in lines(done):
            out(inert(line))
    written = shlex.quote(str(done.folder))
    bench_ = f"plaudit bench {shlex.quote(model)} {written}"
    # bench is for one label of one text.
    other = done.multilabel or done.pairs
    advise(f"plaudit evaluate {written} DATA" if other else bench_)


@guarded
def bench(  # noqa: PLR0913, PLR0917 - one parameter an option
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Model folders, the reference first.")
    ],
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Labelled rows; by default what was held out."),
    ] = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows for accuracy at most.")] = 256,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of timing.")] = 5,
    out_file: OutFile = None,
    device: Device = "auto",
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare models and formats: accuracy, speed, size, memory."""
    if out_file is not None:
        outputs.check_new(out_file)
    from plaudit.bench import compare
    from plaudit.bench.table import opening, table
    from plaudit.data.records import Columns

    document = compare.bench(
        models,
        data,
        rows=rows,
        rounds=rounds,
        columns=Columns(text=text, label=label),
        device=device,
        say=None if quiet else console.say,
    )
    with console.shown():
        if json:
            out(console.as_json(document))
        else:
            console.table(*table(document))
            for line in opening(document):
                out(inert(line))
    if out_file is not None:
        console.write_new(out_file, console.as_json(document) + "\n")
    formats = {row["format"] for row in document["models"]}
    first = shlex.quote(models[0])
    advise(
        f"plaudit predict {first} 'A triumph.'"
        if any("onnx" in each for each in formats)
        else f"plaudit export {first}"
    )
