"""A recipe, a file or data, and overrides → one checked configuration."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plaudit.config.keys import by_key, nearest, sections
from plaudit.config.rules import conflicts
from plaudit.config.schema import Config
from plaudit.config.shipped import recipes
from plaudit.config.values import mistake, nest, unknown, value_of
from plaudit.errors import ConfigError

OVERRIDE = re.compile(r"^\w+(\.\w+)*=", re.ASCII)
NAMED_DATA = ("imdb", "bundled", "bundled:rotten_tomatoes", "bbc-news")


@dataclass(slots=True)
class Layers:
    """Values by dotted key, each with the place that set it.

    Attributes
    ----------
    values : dict
        Dotted key to value, unchecked.
    places : dict
        Dotted key to ``"my.toml:12"`` or to the override as it was typed.
    problems : list of str
        What was wrong on the way here.
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def put(self, key: str, value: object, place: str) -> None:
        """Set a value; a later one wins."""
        self.values[key], self.places[key] = value, place

    def report(self, key: str, message: str) -> None:
        """Note a problem with a key, at the place that set it."""
        place = self.places.get(key)
        self.problems.append(f"{place}: {message}" if place else message)


def load(what: Path | str | None = None, overrides: Sequence[str] = ()) -> Config:
    """Build the configuration of a run.

    Parameters
    ----------
    what : Path or str, optional
        A shipped recipe's name, a ``.toml`` file, or any DATA (then the defaults, trained on it).
        None: the defaults.
    overrides : sequence of str
        ``section.key=value``, later ones winning. ``none`` resets an optional setting.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        With all problems at once: where, what was found, what is allowed.

    Examples
    --------
    >>> load("reviews.csv", ["optim.lr=3e-5"]).optim.lr
    3e-05
    >>> load(None, ["optim.lrr=1"])
    Traceback (most recent call last):
    ...
    plaudit.errors.ConfigError: optim.lrr=1: optim.lrr is not a setting; did you mean optim.lr?
    """
    what = os.fspath(what) if isinstance(what, os.PathLike) else what
    _check_types(what, overrides)
    if what is not None and is_override(what):
        overrides = [what, *overrides]
        what = None
    layers = Layers()
    if what is not None:
        _read_what(what, layers)
    for override in overrides:
        _read_override(override, layers)
    config, broken = _validate(layers)
    for conflict in conflicts(config):
        # A rule that involves a broken value says nothing true.
        if not broken.intersection(conflict.keys):
            known = [key for key in conflict.keys if key in layers.places]
            layers.report(known[0] if known else "", conflict.message)
    if layers.problems:
        raise ConfigError(layers.problems)
    return config


def _check_types(what: object, overrides: object) -> None:
    if what is not None and not isinstance(what, str):
        raise ConfigError(
            f"{what!r:.80} is {type(what).__name__}: give a recipe's name, a .toml file or DATA."
        )
    if isinstance(overrides, str):
        raise ConfigError(f"{overrides!r} stands alone: overrides are a list, [{overrides!r}].")
    if not isinstance(overrides, Iterable) or not all(isinstance(o, str) for o in overrides):
        raise ConfigError(f'overrides are a list of strings, ["optim.lr=3e-5"], not {overrides!r}.')


def is_override(what: str) -> bool:
    """Say whether the first word of a command is a setting, and not a file of that name.

    Parameters
    ----------
    what : str

    Returns
    -------
    bool

    Examples
    --------
    >>> is_override("optim.lr=3e-5"), is_override("reviews.csv")
    (True, False)
    """
    return OVERRIDE.match(what) is not None and not _exists(what)


def _read_what(what: str, layers: Layers) -> None:
    shipped = {recipe.name: recipe.path for recipe in recipes()}
    if what in shipped:
        read_file(shipped[what], layers)
        layers.values.setdefault("name", what)
    elif what.casefold().endswith(".toml"):
        read_file(Path(what), layers)
        layers.values.setdefault("name", _slug(what))
    elif _looks_like_data(what):
        layers.values.update({"data.train": what, "name": _slug(what)})
    else:
        layers.problems.append(_unknown_recipe(what, list(shipped)))


def _unknown_recipe(what: str, shipped: Sequence[str]) -> str:
    match = nearest(what, [*shipped, *NAMED_DATA])
    return (
        f"'{what}' is neither a recipe ({', '.join(shipped)}), nor a .toml file, nor data "
        "('imdb', 'bundled', 'bbc-news', 'hub:owner/name', or a file or folder that exists)"
        + (f"; did you mean '{match}'?" if match else ".")
    )


def _looks_like_data(what: str) -> bool:
    named = what in NAMED_DATA or what.startswith("hub:")
    return named or bool(set("*?[/\\") & set(what)) or "." in what or _exists(what)


def _exists(what: str) -> bool:
    try:
        return Path(what).exists()
    except (OSError, ValueError):  # too long for a file name, or a NUL in it
        return False


def _slug(what: str) -> str:
    """Make a run's name of a path: ``data/Stars 2024.csv.gz`` → ``Stars-2024``."""
    path = Path(what.removeprefix("hub:"))
    for part in (path.name.split(".")[0], path.parent.name):
        if slug := re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-_"):
            return slug
    return "run"


def read_file(path: Path, layers: Layers) -> None:
    """Put what a TOML file says into layers, each key with its line; what is wrong, too."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        tables = tomllib.loads(text)
    except OSError as error:
        near = nearest(path.stem, [recipe.name for recipe in recipes()])
        hint = f"; did you mean the recipe '{near}'?" if near else ""
        layers.problems.append(f"{path}: cannot be read ({error.strerror}){hint or '.'}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        layers.problems.append(f"{path}:{line}: not UTF-8; save the file as UTF-8.")
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        line = int(found[1]) if found else text.count("\n") + 1
        message = message[: found.start()] if found else message
        layers.problems.append(f"{path}:{line}: not valid TOML: {message}.")
    else:
        _flatten(tables, path, _lines(text), layers)


def _flatten(
    tables: Mapping[str, Any], path: Path, lines: Mapping[str, int], layers: Layers
) -> None:
    for name, value in tables.items():
        place = f"{path}:{lines[name]}" if name in lines else str(path)
        if name in sections() and isinstance(value, dict):
            for inner, item in value.items():
                key = f"{name}.{inner}"
                layers.put(key, item, f"{path}:{lines[key]}" if key in lines else place)
        elif isinstance(value, dict) and name not in by_key():
            match = nearest(name, sections())
            hint = f"did you mean [{match}]?" if match else f"allowed: {', '.join(sections())}."
            layers.problems.append(f"{place}: [{name}] is not a section; {hint}")
        else:
            layers.put(name, value, place)


def _lines(text: str) -> dict[str, int]:
    """Find the line of each key; good enough to point at, not a parser."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"""\s*\[{1,2}\s*["']?([^\[\]]+?)["']?\s*\]""", line):
            section = header[1]
            found.setdefault(section, number)
        elif assigned := re.match(r"""\s*([\w."'-]+)\s*=""", line):
            key = re.sub("[\"']", "", assigned[1])
            found.setdefault(f"{section}.{key}" if section else key, number)
    return found


def _read_override(override: str, layers: Layers) -> None:
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals:
        layers.problems.append(
            f"'{override}' is not an override; write key=value, such as optim.lr=3e-5."
        )
        return
    setting = by_key().get(key)
    layers.put(key, text if setting is None else value_of(text, setting), override)


def _validate(layers: Layers) -> tuple[Config, set[str]]:
    """Check key by key; a broken one keeps its default, so that the rules can run."""
    broken = set()
    for key, value in layers.values.items():
        message = unknown(key) if key not in by_key() else mistake(by_key()[key], value)
        if message:
            layers.report(key, message)
            broken.add(key)
    good = {key: value for key, value in layers.values.items() if key not in broken}
    return Config.model_validate(nest(good)), broken
