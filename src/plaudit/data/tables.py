"""Table files, one or a glob of them: found, their columns chosen, their rows read."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import assert_never

from plaudit.data.columns import Chosen
from plaudit.data.formats import (
    EXPECTED,
    Format,
    Record,
    TableFile,
    csv_header,
    csv_records,
    json_records,
    parquet_header,
    parquet_records,
)
from plaudit.data.header import Header
from plaudit.data.problems import Problems, did_you_mean, quoted
from plaudit.data.rows import SINGLE, RawRow
from plaudit.errors import DataError

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_PEEKED_ROWS = 50
_PEEKED_KEYS = 2_000
"""Rows of JSONL whose keys are its columns: any row may bring one of its own."""


def is_glob(asked: str) -> bool:
    """Tell whether a path is a pattern, and not the name of something that exists.

    Parameters
    ----------
    asked : str
        What the user wrote.

    Returns
    -------
    bool
    """
    return glob.has_magic(asked) and not Path(asked).exists()


def find(asked: str) -> tuple[TableFile, ...]:
    """Find the files of a table; opens none.

    Parameters
    ----------
    asked : str
        A path or a glob.

    Returns
    -------
    tuple of TableFile
        At least one, sorted by path.

    Raises
    ------
    DataError
        Nothing is there, or the extension is unknown.
    """
    return of_paths(matches(asked))


def matches(asked: str) -> list[Path]:
    """Find the files that a path or a pattern names, of whatever kind.

    Parameters
    ----------
    asked : str
        A path or a glob.

    Returns
    -------
    list of Path
        At least one, sorted.

    Raises
    ------
    DataError
        Nothing is there, or a folder, or a name is not UTF-8.
    """
    if is_glob(asked):
        found = sorted(glob.glob(asked, recursive=True))  # noqa: PTH207 - may be absolute
        paths = [Path(match) for match in found if Path(match).is_file()]
        if not paths:
            raise DataError(f"{asked}: no file matches. Check the pattern and the folder.")
    else:
        paths = [Path(asked)]
        if paths[0].is_dir():
            raise DataError(
                f"{asked}: this is a folder, where a file is needed. Name the file, or all of one "
                f"kind by a pattern: '{asked.rstrip('/')}/*.csv'."
            )
        if not paths[0].is_file():
            raise DataError(f"{asked}: there is no such file.{_nearest_name(paths[0])}")
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:  # a row tells where it stands, and tables hold UTF-8
            raise DataError(f"{path}: the file's name is not UTF-8. Rename it.") from None
    return paths


def of_paths(paths: Sequence[Path]) -> tuple[TableFile, ...]:
    """Name files that exist as briefly as tells them apart.

    Parameters
    ----------
    paths : sequence of Path
        One at least.

    Returns
    -------
    tuple of TableFile

    Raises
    ------
    DataError
        An extension is unknown.
    """
    return tuple(
        TableFile(path, name, _format(path))
        for path, name in zip(paths, _short_names(paths), strict=True)
    )


def _nearest_name(path: Path) -> str:
    try:
        present = [entry.name for entry in islice(path.parent.iterdir(), 1000)]
    except OSError:
        return f" Nor is there a folder '{path.parent}' that can be read."
    return did_you_mean(path.name, present) or " Check the path."


def _short_names(paths: Sequence[Path]) -> list[str]:
    if len({path.name for path in paths}) == len(paths):
        return [path.name for path in paths]
    common = os.path.commonpath([path.parent.absolute() for path in paths])
    return [path.absolute().relative_to(common).as_posix() for path in paths]


def _format(path: Path) -> Format:
    name = path.name.casefold()
    found = _FORMATS.get(Path(name.removesuffix(".gz")).suffix)
    if found is None or (found == "parquet" and name.endswith(".gz")):
        advice = " Write one object a line: jq -c '.[]'." if name.endswith(".json") else ""
        raise DataError(
            f"{path}: unknown kind of file.{advice} plaudit reads {quoted(_FORMATS)} and, but for "
            "Parquet, the same with '.gz'."
        )
    return found


def header(file: TableFile) -> Header:
    """Read a file's columns, and from its first rows which of them hold words.

    The columns of a JSONL file are the keys of its first 2,000 rows.

    Parameters
    ----------
    file : TableFile
        Which file.

    Returns
    -------
    Header

    Raises
    ------
    DataError
        The file cannot be read, is empty, or names no columns.
    """
    if file.path.stat().st_size == 0:
        raise DataError(f"{file.name}: the file is empty. Check that it was written to the end.")
    if file.format == "parquet":
        if not any((found := parquet_header(file)).names):
            raise DataError(f"{file.name}: there are no column names. {EXPECTED[file.format]}")
        return found
    problems = Problems()
    if file.format == "jsonl":
        peeked = list(islice(json_records(file, problems), _PEEKED_KEYS))
        names = tuple(dict.fromkeys(key for _, found in peeked for key in found))
        peeked = peeked[:_PEEKED_ROWS]
        late = frozenset(names) - {key for _, found in peeked for key in found}
    else:
        names, late = csv_header(file), frozenset()
        peeked = list(islice(csv_records(file, names, problems), _PEEKED_ROWS))
    if not any(names):
        problems.stop_if_any()
        raise DataError(f"{file.name}:1: there are no column names. {EXPECTED[file.format]}")
    texts = {name for _, found in peeked for name, value in found.items() if is_wordy(value)}
    return Header(file.name, names, frozenset(texts), late)


def is_wordy(value: object) -> bool:
    """Tell whether a value is a string that holds more than a number."""
    if not isinstance(value, str) or not value.strip():
        return False
    if "_" in value:  # which Python lets group the digits of a number
        return True
    try:
        float(value)
    except ValueError:
        return True
    return False


def rows(files: Sequence[TableFile], chosen: Chosen, problems: Problems) -> Iterator[RawRow]:
    """Read the text, the label and what else was chosen of every row, file by file.

    Parameters
    ----------
    files : sequence of TableFile
        Each must have the columns.
    chosen : Chosen
        The columns.
    problems : Problems
        Where rows that cannot be read are noted.

    Yields
    ------
    RawRow
        With the line on which the row starts (for Parquet: the row's number, from 1).

    Raises
    ------
    DataError
        A file cannot be read, lacks a column, or has no rows.
    """
    for file in files:
        bad_before, good = problems.count, 0
        for line, found in records(file, chosen.read, problems):
            good += 1
            others = tuple(found.get(name) for name in chosen.others)
            origin = f"{file.name}:{line}"
            second = SINGLE if chosen.text_pair is None else found.get(chosen.text_pair)
            yield RawRow(found.get(chosen.text), chosen.label_of(found), origin, others, second)
        if not good and problems.count == bad_before:
            raise DataError(f"{file.name}: there is a header and no row. Check the file's export.")


def records(file: TableFile, wanted: Sequence[str], problems: Problems) -> Iterator[Record]:
    """Read some columns of a file, whatever its format.

    Parameters
    ----------
    file : TableFile
    wanted : sequence of str
        Columns that it has; an object of a JSONL file may lack some and have others.
    problems : Problems
        Where rows that cannot be read are noted.

    Yields
    ------
    tuple of int and dict
        The line (for Parquet: the row's number, from 1) and what was found there.
    """
    match file.format:
        case "csv" | "tsv":
            return csv_records(file, wanted, problems)
        case "jsonl":
            return json_records(file, problems)
        case "parquet":
            return parquet_records(file, wanted)
        case other:
            assert_never(other)
