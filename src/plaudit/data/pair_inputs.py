"""Pairs of texts without labels, for prediction: arguments, a table, or a stream of objects."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from plaudit.data import tables
from plaudit.data.columns import Chosen
from plaudit.data.formats import TableFile
from plaudit.data.header import Header
from plaudit.data.problems import Problems, did_you_mean, quoted
from plaudit.data.texts import (
    BLOCK,
    LINES,
    arrivals,
    names_a_file,
    not_too_long,
)
from plaudit.errors import ConfigError, DataError

Pair = tuple[str, str]
Names = tuple[str, str]
KEYS = ("text", "text_pair")
"""Of an object on standard input; those of the columns are understood too."""


def gather(inputs: Sequence[str], names: Names) -> Iterator[list[Pair]]:
    """Find the pairs that a user means.

    Parameters
    ----------
    inputs : sequence of str
        Two texts; or one CSV, TSV, JSONL or Parquet file, or a glob of them; or ``-`` or nothing
        for standard input, a JSON object a line.
    names : (str, str)
        The columns of the first and the second text.

    Returns
    -------
    iterator of list of (str, str)
        Blocks, read as they are asked for.

    Raises
    ------
    DataError
        The file is not there or cannot be read, or has no such columns.
    ConfigError
        That is not a pair.
    """
    if not inputs or list(inputs) == ["-"]:
        return _objects(names)
    if len(inputs) == 1 and names_a_file(inputs[0]):
        return _blocks(_table(Path(inputs[0]), names))
    if len(inputs) != 2:
        raise ConfigError(
            f"{len(inputs)} texts were given, and the model labels pairs. Give two, the text and "
            f"its second; for many, a table with the columns {quoted(names)}, or - for an object a "
            'line: {"text": …, "text_pair": …}.'
        )
    return iter([[(inputs[0], inputs[1])]])


def _blocks(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    iterator = iter(pairs)
    while block := list(islice(iterator, BLOCK)):
        yield block


def _objects(names: Names) -> Iterator[list[Pair]]:
    number = 0
    for lines in arrivals(sys.stdin.buffer, "standard input"):
        found = []
        for line in lines:
            number += 1
            if not line.strip():  # as in a file of JSON lines
                continue
            found.append(_object(line, f"standard input:{number}", names))
        yield found


def _object(line: str, where: str, names: Names) -> Pair:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    # Both by the columns' names or both by the general ones: a column may be called "text", too.
    for first, second in (names, KEYS):
        if isinstance(value, dict) and {first, second} <= set(value):
            pair = value[first], value[second]
            if all(isinstance(text, str) for text in pair):
                return not_too_long(pair[0], where), not_too_long(pair[1], where)
            break
    raise DataError(
        f"{where}: {line[:80]!r} is not a pair; the model needs an object a line, with two "
        'strings: {"text": "…", "text_pair": "…"}.'
    )


def _table(path: Path, names: Names) -> Iterator[Pair]:
    paths = tables.matches(str(path))
    if any(each.name.casefold().endswith(LINES) for each in paths):
        raise DataError(
            f"{path}: a line of a .txt file is one text, and the model labels pairs. Give a table "
            f"with the columns {quoted(names)}: CSV, TSV, JSONL or Parquet."
        )
    files = tables.of_paths(paths)
    for file in files:
        check_columns(tables.header(file), names)
    return _rows(files, names)


def check_columns(header: Header, names: Names) -> None:
    """Raise DataError unless a table has both columns."""
    for name, option in zip(names, ("--text", "--text-pair"), strict=True):
        if header.names.count(name) != 1:
            near = did_you_mean(name, header.names)
            raise DataError(
                f"{header.where}: there is no one column '{name}'{near}, in which the model was "
                f"trained to find its texts. Present are {quoted(header.names)}; name another: "
                f"{option} COLUMN"
            )


def _rows(files: Sequence[TableFile], names: Names) -> Iterator[Pair]:
    problems = Problems()
    chosen = Chosen(names[0], names[0], guessed=False, text_pair=names[1])
    for row in tables.rows(files, chosen, problems):
        problems.stop_if_any()
        for name, value in zip(names, (row.text, row.second), strict=True):
            if not isinstance(value, str):
                raise DataError(
                    f"{row.origin}: '{name}' holds {value!r}, not a text. Fill it in, or remove "
                    "the row."
                )
            not_too_long(value, row.origin)
        yield str(row.text), str(row.second)
    problems.stop_if_any()
