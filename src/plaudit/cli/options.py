"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option("--device", help="Where to compute; auto: a GPU when there is one."),
]
TextColumn = Annotated[
    str | None,
    typer.Option("--text", metavar="COL", help="Column of the text."),
]
SecondColumn = Annotated[
    str | None,
    typer.Option("--text-pair", metavar="COL", help="Column of the second text, of pairs."),
]
LabelColumn = Annotated[
    str | None, typer.Option("--label", metavar="COL", help="Column of the label.")
]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Also write the JSON, to a new file."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
