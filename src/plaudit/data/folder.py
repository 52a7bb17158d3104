"""The layout of aclImdb on disk: ``train|test/<label>/*.txt``, or ``<label>/*.txt`` alone."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plaudit.data.plain import decoded, opened
from plaudit.data.rows import RawRow
from plaudit.errors import DataError

SPLITS = ("train", "validation", "test")
LIKE_SPLITS = ("val", "valid", "dev", "eval")
"""What others call the validation part; not read, for it may be anything, but told of."""
IGNORED = frozenset({"unsup"})  # aclImdb's unlabelled reviews
RENAMES = {"neg": "negative", "pos": "positive"}
IMDB_NAME = re.compile(r"(\d+)_(\d+)\.txt")  # number and rating; neighbours review the same film


@dataclass(frozen=True, slots=True)
class Layout:
    """What a folder holds.

    Attributes
    ----------
    root : Path
        The folder that holds the splits or, without splits, the labels.
    splits : tuple of str
        Those present; () when the labels lie in ``root`` itself.
    by_film : bool
        Files are numbered as in aclImdb, where neighbours review the same film.
    """

    root: Path
    splits: tuple[str, ...]
    by_film: bool


def find(path: Path) -> Layout:
    """Recognise the layout from folder names; opens no file.

    Parameters
    ----------
    path : Path
        The folder, or the one around ``aclImdb``.

    Returns
    -------
    Layout

    Raises
    ------
    DataError
        There are no labelled text files in this layout.
    """
    for root in (path, path / "aclImdb"):
        splits = tuple(split for split in SPLITS if _label_folders(root / split))
        folders = _label_folders(root / splits[0] if splits else root)
        if folders:
            first = text_names(folders[0])[0]
            return Layout(root, splits, by_film=IMDB_NAME.fullmatch(first) is not None)
    raise DataError(
        f"{path}: the folder has no text files in the layout train/LABEL/*.txt and "
        "test/LABEL/*.txt. For a folder of tables, give a pattern: "
        f"'{path}/*.csv' (or .tsv, .jsonl, .parquet)."
    )


def unread(layout: Layout) -> str | None:
    """Return the folder beside the splits that looks like a validation part under another name."""
    if not layout.splits or "validation" in layout.splits:
        return None
    found = (name for name in LIKE_SPLITS if _label_folders(layout.root / name))
    return next(found, None)


def _label_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in _entries(folder) if entry.is_dir())
    labels = [folder / name for name in names if name not in IGNORED and name[0] != "."]
    return [label for label in labels if text_names(label)]


def text_names(folder: Path) -> list[str]:
    """Name the text files that lie in a folder itself, in no order."""
    names = (entry.name for entry in _entries(folder) if entry.is_file())
    return [name for name in names if name.endswith(".txt") and name[0] != "."]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(f"{folder}: the folder cannot be read ({error.strerror}).") from error


def rows(
    root: Path, split: str | None, digests: dict[str, str], *, rated: bool = False
) -> Iterator[RawRow]:
    """Read the reviews of one split, label by label in the order of their numbers.

    Parameters
    ----------
    root : Path
        From :func:`find`.
    split : str or None
        Which split; None where there are none.
    digests : dict of str to str
        At the end receives the folder's name and one SHA-256 over all names and bytes.
    rated : bool
        Carry the rating in the file's name along.

    Yields
    ------
    RawRow
        Its label is the folder's name.

    Raises
    ------
    DataError
        A file cannot be read or is not UTF-8.
    """
    folder = root / split if split else root
    top = root.absolute().name
    name = f"{top}/{split}" if split else top
    digest = hashlib.sha256()
    for label in _label_folders(folder):
        for file in sorted(text_names(label), key=place):
            origin = f"{name}/{label.name}/{file}"
            with opened(label / file, origin) as stream:
                content = stream.read()
            digest.update(f"{label.name}/{file}\0{len(content)}\0".encode())
            digest.update(content)
            others = (rating(file),) if rated else ()
            yield RawRow(decoded(content, origin), label.name, origin, others)
    digests[name] = digest.hexdigest()


def rating(name: str) -> str | None:
    """Return the rating that aclImdb puts into the name of a text file.

    Parameters
    ----------
    name : str

    Returns
    -------
    str or None

    Examples
    --------
    >>> rating("127_10.txt"), rating("review.txt")
    ('10', None)
    """
    match = IMDB_NAME.fullmatch(name)
    return match[2] if match else None


def place(name: str) -> tuple[int, str]:
    """Return the key by which the texts of one label are sorted: aclImdb's number, then the name.

    Parameters
    ----------
    name : str
        Of a text file.

    Returns
    -------
    tuple of int and str

    Examples
    --------
    >>> sorted(["10_7.txt", "9_2.txt"], key=place)
    ['9_2.txt', '10_7.txt']
    """
    match = IMDB_NAME.fullmatch(name)
    return (int(match[1]) if match else -1, name)
