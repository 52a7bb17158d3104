"""The command embed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from plaudit import console
from plaudit.cli.options import AsJson, Device, LabelColumn, TextColumn
from plaudit.console import advise, guarded, inert, out


@guarded
def embed(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A model folder, bundled, an encoder folder, hub:…"),
    ],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, a folder, imdb, hub:…")],
    file: Annotated[Path, typer.Argument(metavar="OUT", help="A new .parquet or .npy file.")],
    pooling: Annotated[
        Literal["mean", "cls", "max", "last_four", "tokens"],
        typer.Option(help="How token states become a vector; tokens: one a token."),
    ] = "mean",
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Scale each vector to length 1.")
    ] = False,
    max_tokens: Annotated[
        int | None,
        typer.Option(min=8, help="Of a text; by default as in training, else 256."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which official split of DATA.")
    ] = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Turn texts into vectors."""
    from plaudit.data.records import Columns
    from plaudit.data.texts import LINES
    from plaudit.embed import embed as write

    done = write(
        model,
        data,
        file,
        pooling=pooling,
        normalize=normalize,
        max_tokens=max_tokens,
        split=split,
        columns=Columns(text=text, label=label),
        device=device,
        say=console.say,
    )
    if json:
        out(console.as_json(done.to_dict()))
    else:
        out(inert(f"{done.path}: {done.rows:,} texts, {done.dimensions} numbers a vector"))
    name = shlex.quote(model)
    named = {"text": text, "label": label}
    settings = [f"data.{key}={column}" for key, column in named.items() if column is not None]
    if (Path(model) / "plaudit.json").is_file():
        advise(f"plaudit predict {name} 'A triumph.'")
    elif not data.casefold().endswith(LINES):  # a text a line has no labels to train on
        advise(shlex.join(["plaudit", "train", data, *settings, f"model.encoder={model}"]))
