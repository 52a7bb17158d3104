"""The command explain."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from plaudit import console
from plaudit.cli.options import AsJson, Device, TextColumn
from plaudit.console import advise, guarded, inert, out
from plaudit.data import outputs
from plaudit.errors import ConfigError

if TYPE_CHECKING:
    from plaudit.explain import Explanation, GlobalWords

# Blue and orange, which all common kinds of colour blindness tell apart; by level, 1 to 4.
STYLES = {
    "for": ("blue", "bold blue", "white on blue", "bold white on blue"),
    "against": ("yellow", "bold yellow", "black on yellow", "bold black on yellow"),
}


@guarded
def explain(  # noqa: PLR0913, PLR0917 - one parameter an option
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder: runs/NAME/model.")],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEXT|FILE|-",
            help="Texts, one file of them, or - (or nothing) for standard input, one a line.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--class", metavar="LABEL", help="By default the predicted one."),
    ] = None,
    method: Annotated[
        Literal["gradient", "integrated-gradients"],
        typer.Option(help="Fast, or one whose scores add up."),
    ] = "gradient",
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of integrated gradients.", show_default="32")
    ] = None,
    over_all: Annotated[
        bool, typer.Option("--global", help="List what drives each label over all texts instead.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page, to a new file.")
    ] = None,
    text: TextColumn = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Show how much each word pushes towards a label."""
    if html is not None:
        outputs.check_new(html)
    if steps is not None and method == "gradient":
        raise ConfigError(
            "--steps is of integrated gradients; the method is gradient. Leave it out, or add "
            "--method integrated-gradients."
        )
    from plaudit import artifact
    from plaudit.data.texts import gather

    spec = artifact.read_spec(Path(model))
    artifact.refuse_pairs(spec, "explain")
    blocks = gather(inputs or (), column=text, trained=spec.text_column)
    if inputs in (None, [], ["-"]) and sys.stdin.isatty():
        console.say("reading standard input, one text a line; Ctrl-D ends it")
    from plaudit.errors import DataError
    from plaudit.explain import explain as api

    texts = [each for block in blocks for each in block]
    if not texts:
        raise DataError("there is no text to explain. Give one: plaudit explain MODEL 'A triumph.'")
    found = api(model, texts, target=target, method=method, steps=steps or 32, device=device)
    with console.shown():
        if over_all:
            _show_global(model, found, json=json)
        elif json:
            out(console.as_json([each.to_dict() for each in found]))
        else:
            for number, each in enumerate(found):
                if number:
                    out()
                _show(each)
    if html is not None:
        from plaudit.explain.page import page

        console.write_new(html, page(found))
        console.say(f"page: {html}")
    quoted = shlex.quote(model)
    exact = f"plaudit explain {quoted} TEXT --method integrated-gradients"
    advise(exact if method == "gradient" else f"plaudit explain {quoted} reviews.csv --global")


def _show(explanation: Explanation) -> None:
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _draw(explanation)
        return
    out(heading(explanation))
    for word in explanation.words:
        score = "not read" if word.score is None else f"{word.score:+.4f}"
        out(f"{score}\t{inert(word.text)}")


def heading(explanation: Explanation) -> str:
    """Put label, probability and method of an explanation on one line.

    Parameters
    ----------
    explanation : Explanation

    Returns
    -------
    str
    """
    line = f"{inert(explanation.target)} {explanation.probability:.4f}"
    if explanation.predicted != explanation.target:
        line += f" (predicted: {inert(explanation.predicted)})"
    line += f", {explanation.method}{', of words alone' if explanation.by_words else ''}"
    if explanation.delta is not None:
        line += f", scores add up within {abs(explanation.delta):.4f}"
    unread = sum(word.score is None for word in explanation.words)
    return line + (f", {unread} of {len(explanation.words)} words not read" if unread else "")


def _draw(explanation: Explanation) -> None:
    from rich.console import Console
    from rich.text import Text

    from plaudit.explain.page import strongest
    from plaudit.report.highlight import runs

    drawn = Text()
    for run in runs(explanation.text, explanation.to_dict()["words"]):
        if not run.read:
            drawn.append(f"[not read: {inert(run.text)}]", style="dim italic")
        elif run.push:
            drawn.append(f"{inert(run.text)}{run.sign}", style=STYLES[run.push][run.level - 1])
        else:
            drawn.append(inert(run.text))
    target = inert(explanation.target)
    legend = Text.assemble(
        ("word+", STYLES["for"][3]), f" towards {target}  ",
        ("word−", STYLES["against"][3]), " away from it",
    )  # fmt: skip
    screen = Console()
    screen.print(Text(heading(explanation), style="bold"), drawn, legend, sep="\n")
    words = ", ".join(f"{inert(w.text)} {w.score:+.2f}" for w in strongest(explanation, 8))
    screen.print(Text(f"strongest: {words}"))


def _show_global(model: str, found: list[Explanation], *, json: bool) -> None:
    from plaudit.artifact import read_spec
    from plaudit.explain.drivers import collect

    listed = collect(found, read_spec(Path(model)).labels)
    if json:
        out(console.as_json(listed.to_dict()))
    elif not any((*listed.words.values(), *listed.phrases.values())):
        out(f"no word stands in {listed.min_texts} or more of {listed.texts:,} texts")
    else:
        console.table(("towards", "word or phrase", "push", "interval", "times", "texts"),
                      rows(listed))  # fmt: skip


def rows(listed: GlobalWords) -> list[list[str]]:
    """Lay out what drives each label, words before phrases.

    Parameters
    ----------
    listed : GlobalWords

    Returns
    -------
    list of list of str
    """
    return [
        [
            label, each.text, f"{each.push.value:+.3f}",
            f"{each.push.low:+.3f} to {each.push.high:+.3f}", f"{each.count:,}", f"{each.texts:,}",
        ]
        for label in listed.words
        for each in (*listed.words[label], *listed.phrases[label])
    ]  # fmt: skip
