"""The runs that plaudit ships, each a TOML file with its measured result in a comment header."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from plaudit.config.keys import nearest
from plaudit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Recipe:
    """A shipped run.

    Attributes
    ----------
    name : str
        What to type after ``plaudit train``.
    title : str
        First line of its header.
    header : str
        The whole leading comment: what was measured, and where.
    path : Path
        The TOML file.
    """

    name: str
    title: str
    header: str
    path: Path


def folder() -> Path:
    """Return the folder of the shipped recipes."""
    return Path(str(files("plaudit"))) / "recipes"


def recipes() -> list[Recipe]:
    """Return the shipped recipes by name, ``quickstart`` first.

    Returns
    -------
    list of Recipe

    Examples
    --------
    >>> import plaudit
    >>> first = plaudit.recipes()[0]
    >>> first.name, first.path.name
    ('quickstart', 'quickstart.toml')
    >>> print(first.title)
    The first run: ...
    """
    paths = sorted(folder().glob("*.toml"), key=lambda path: (path.stem != "quickstart", path.stem))
    return [_read(path) for path in paths]


def recipe(name: str) -> Recipe:
    """Return a shipped recipe.

    Parameters
    ----------
    name : str

    Returns
    -------
    Recipe

    Raises
    ------
    ConfigError
        There is none of that name; the message lists those that are.
    """
    shipped = {known.name: known for known in recipes()}
    if name in shipped:
        return shipped[name]
    match = nearest(name, shipped)
    raise ConfigError(
        f"'{name}' is not a recipe; shipped are {', '.join(shipped)}"
        + (f"; did you mean '{match}'?" if match else ".")
    )


def _read(path: Path) -> Recipe:
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" ").rstrip())
    return Recipe(path.stem, lines[0] if lines else path.stem, "\n".join(lines), path)
