"""The command push."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from plaudit import console
from plaudit.cli.options import AsJson
from plaudit.console import advise, guarded, inert, out


@guarded
def push(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder: runs/NAME/model.")],
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="On the Hugging Face hub.")],
    public: Annotated[bool, typer.Option("--public", help="Let everyone see it.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Add a commit to a repository that has files.")
    ] = False,
    with_report: Annotated[
        bool, typer.Option("--with-report", help="Upload the report too; it quotes reviews.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Upload a model and its card to the hub, private by default."""
    from plaudit.push import push as upload

    done = upload(
        model, name, public=public, update=update, with_report=with_report, say=console.say
    )
    if json:
        out(console.as_json(done.to_dict()))
    else:
        out(inert(f"{done.url}: {len(done.files)} files, commit {done.commit[:12]}"))
    advise(f"plaudit embed hub:{shlex.quote(name)} DATA OUT.parquet")
