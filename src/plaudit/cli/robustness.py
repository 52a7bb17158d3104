"""The command robustness."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from plaudit import console
from plaudit.cli.options import AsJson, Device, LabelColumn, OutFile, TextColumn
from plaudit.console import advise, guarded, inert, out
from plaudit.data import outputs
from plaudit.errors import ConfigError


@guarded
def robustness(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder: runs/NAME/model.")],
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="Texts to change; by default what was held out."),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Original and edited texts; twice: originals, then edited ones."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=NAME",
            help="Column of the pairs: original, edited, label, edited_label or id.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="MAPPING", help='Values to names: {"0"="negative", …}.'),
    ] = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    rows: Annotated[int, typer.Option(min=1, help="Texts that are changed, at most.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of samples and changes.")] = 0,
    add: Annotated[
        bool, typer.Option("--into-report", help="Also put it into the model's report.")
    ] = False,
    out_file: OutFile = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Change texts and see whether answers hold: pairs, generated checks, a second domain."""
    if out_file is not None:
        outputs.check_new(out_file)
    if add:
        from plaudit.robustness.reported import check_reported

        check_reported(model)
    from plaudit.config import load
    from plaudit.data.records import Columns
    from plaudit.report import robustness as shown
    from plaudit.robustness import Plan, into_report
    from plaudit.robustness import robustness as probe

    mapping = load(None, [f"data.labels={labels}"]).data.labels if labels is not None else None
    plan = Plan(
        rows=rows,
        seed=seed,
        columns=Columns(text=text, label=label, mapping=mapping),
        pair_columns=dict(_role(each) for each in column or ()),
    )
    found = probe(model, data, pairs=pairs or (), plan=plan, device=device, say=console.say)
    section = found.to_dict()
    with console.shown():
        if json:
            out(console.as_json({"model": model, **section}))
        else:
            for sentence in shown.sentences(section):
                out(inert(sentence))
            console.table(*shown.table(section))
            for line in shown.lines(section):
                out(inert(line))
    if out_file is not None:  # after the result was shown: a full disk must not lose it
        console.write_new(out_file, console.as_json({"model": model, **section}) + "\n")
    if add:
        console.say(f"report: {into_report(model, section, say=console.say)}")
    name = shlex.quote(model)
    advise(
        f"plaudit robustness {name} --pairs FILE"
        if not pairs
        else f"plaudit evaluate {name} bundled:rotten_tomatoes"
    )


def _role(given: str) -> tuple[str, str]:
    role, sign, name = given.partition("=")
    if not sign or not name:
        raise ConfigError(f"--column takes ROLE=NAME, as in original=review; found {given!r}")
    return role, name
