"""The `plaudit …` lines of a document, and what is wrong with them, found without running any."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import typer
from typer.exceptions import TyperException

from plaudit.ablate.arms import arms_of, choices_of
from plaudit.cli import app
from plaudit.config import load, recipes
from plaudit.errors import PlauditError

_SYNOPSIS = re.compile(r"[\[\]|…]|\b[A-Z]{2,}(?:\.\w+)?(?=\s|$)")
_CONFIGURED = ("train", "ablate", "lr", "tune")


def commands_in(markdown: str) -> list[str]:
    """Return the lines of code fences and the words in backquotes that begin with ``plaudit``."""
    fences = re.findall(r"^```[^\n]*\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)
    lines = [line for fence in fences for line in fence.replace("\\\n", " ").splitlines()]
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    found = [re.sub(r"\s+# .*", "", line).strip().removeprefix("$ ") for line in [*lines, *spans]]
    return [line for line in found if re.match(r"plaudit\s+[-a-z]", line)]


@cache
def _commands() -> Any:
    return typer.main.get_command(app)


def mistakes(line: str) -> list[str]:
    """Say what is wrong with a line: a verb, an option, a key or a value that there is not."""
    group = _commands()
    words = shlex.split(line)[1:]
    while words and words[0].startswith("-"):
        if not any(words[0] in option.opts for option in group.params):
            return [f"no option {words[0]}"]
        words = words[1:]
    if not words or words == ["…"]:
        return []
    verb, rest = words[0], words[1:]
    command = group.commands.get(verb)
    if command is None:
        return [f"no command {verb}"]
    if not rest:
        return []
    if _SYNOPSIS.search(" ".join(rest)):
        known = {name for option in command.params for name in option.opts} | {"--help"}
        named = re.findall(r"--[a-z-]+", " ".join(rest))
        return [f"{verb}: no option {name}" for name in named if name not in known]
    try:
        if "--help" in rest:
            return []
        context = command.make_context(verb, list(rest), resilient_parsing=False)
    except TyperException as error:
        return [f"{verb}: {error}"]
    return list(_configuration(verb, context.params)) if verb in _CONFIGURED else []


def _configuration(verb: str, given: dict[str, object]) -> Iterator[str]:
    positional = [value for value in given.values() if isinstance(value, (str, list, tuple))]
    what = next((value for value in positional if isinstance(value, str)), None)
    settings = [
        str(word) for value in positional if isinstance(value, (list, tuple)) for word in value
    ]
    if what is None:
        return
    # A user's own table or TOML file is not here; the keys are the same for all.
    ours = {recipe.name for recipe in recipes()} | {"imdb", "bundled"}
    if re.fullmatch(r"[a-z0-9-]+", what) and what not in ours:
        yield f"{verb}: no recipe {what}"
        return
    what = what if what in ours else "quickstart"
    try:
        if verb == "ablate":
            arms_of(what, *choices_of(settings))
        else:
            load(what, settings)
    except PlauditError as error:
        yield f"{verb}: {error}"
