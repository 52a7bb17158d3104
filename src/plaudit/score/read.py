"""A table as a stream of rows in which a bad row is one row, not the end.

Training refuses a file with bad rows, since they can be mended first; a file of ten million rows
is scored overnight, and one row that cannot be read must not cost the rest.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plaudit.data import tables
from plaudit.data.formats import TableFile, parquet_header
from plaudit.data.header import Header
from plaudit.data.pair_inputs import Names, check_columns
from plaudit.data.plain import not_utf8, opened
from plaudit.data.problems import quoted
from plaudit.data.texts import text_column
from plaudit.errors import DataError
from plaudit.score import parquet
from plaudit.score.delimited import fields
from plaudit.score.lines import LONGEST_ROW, Line, Lines, Place

if TYPE_CHECKING:
    import pyarrow as pa

PEEKED_ROWS = 1000
"""Rows of JSON lines whose keys are the columns."""
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One row, good or bad.

    Attributes
    ----------
    line : int
        On which it begins; for Parquet its number.
    after : Place
        Where the next one begins.
    size : int
        Bytes, about.
    cells : dict of str to Any
        Its values by column; empty for a row that cannot be read.
    flaw : str or None
        Why it cannot be read.
    beginning : str
        Of a row that cannot be read.
    """

    line: int
    after: Place
    size: int
    cells: dict[str, Any]
    flaw: str | None = None
    beginning: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table to score.

    Attributes
    ----------
    file : TableFile
    names : tuple of str
        Its columns; for JSON lines the keys of the first rows.
    text : str
        The column of the text.
    schema : pyarrow.Schema or None
        Of a Parquet file.
    second : str or None
        The column of the second text, where pairs are scored.
    """

    file: TableFile
    names: tuple[str, ...]
    text: str
    schema: pa.Schema | None
    second: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of the text and, of pairs, of the second text."""
        return (self.text,) if self.second is None else (self.text, self.second)


def find(
    path: Path,
    column: str | None = None,
    pair: Names | None = None,
    trained: str | None = None,
) -> Table:
    """Look at a file: its format, its columns, and which of them is the text.

    Parameters
    ----------
    path : Path
        One CSV, TSV, JSONL or Parquet file; but for Parquet, gzip too.
    column : str, optional
        The text's; otherwise the one possible choice.
    pair : (str, str), optional
        Both texts' columns, where pairs are scored.
    trained : str, optional
        The column of training: taken, where the file has it, before any guess.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        The file is not there or cannot be read, or its text column cannot be told.
    """
    if tables.is_glob(str(path)):
        raise DataError(f"{path}: these are several files; score them one at a time.")
    (file,) = tables.find(str(path))
    if file.path.stat().st_size == 0:
        raise DataError(f"{file.name}: the file is empty. Check that it was written to the end.")
    if file.format == "parquet":
        header, schema = parquet_header(file), parquet.schema(file)
    else:
        header, schema = _header(file), None
    twice = sorted({name for name in header.names if header.names.count(name) > 1})
    if twice:
        raise DataError(f"{file.name}: columns have one name: {quoted(twice)}. Rename all but one.")
    if pair is not None:
        check_columns(header, pair)
        return Table(file, header.names, pair[0], schema, pair[1])
    return Table(file, header.names, text_column(header, column, trained), schema)


def _header(file: TableFile) -> Header:
    names = _names(file)
    with contextlib.closing(iter(Rows(Table(file, names, "", None), Place()))) as found:
        first = islice(found, PEEKED_ROWS)
        peeked = [row.cells for row in first if row.flaw is None]
    if file.format == "jsonl":
        names = tuple(dict.fromkeys(key for cells in peeked for key in cells))
    if not any(names):
        raise DataError(f"{file.name}: no column can be told. Is it {file.format.upper()}?")
    texts = {n for cells in peeked for n, value in cells.items() if tables.is_wordy(value)}
    return Header(file.name, names, frozenset(texts))


def _names(file: TableFile) -> tuple[str, ...]:
    """Read the names of the columns from the first line, which must be a good one."""
    if file.format == "jsonl":
        return ()
    with opened(file.path, file.name) as stream:
        _, names, flaw = next(fields(Lines(stream, Place()), _delimiter(file)), (None, [], None))
    if flaw is not None or any("\0" in name for name in names):
        if flaw is None or "UTF-8" in flaw:
            raise not_utf8(file.path, file.name)
        raise DataError(f"{file.name}:1: {flaw}. The first line names the columns.")
    return tuple(name.strip() for name in names)


class Rows:
    """The rows of a table from some place on, bad ones included; read once.

    Parameters
    ----------
    table : Table
    start : Place
        ``Place()``, or where an earlier row ended.
    """

    def __init__(self, table: Table, start: Place) -> None:
        self._table = table
        self._start = start
        self._read: Callable[[], float] = lambda: 0.0

    @property
    def fraction(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return min(self._read(), 1.0)

    def __iter__(self) -> Generator[Row, None, None]:
        """Yield the rows.

        Raises
        ------
        DataError
            The file as a whole cannot be read any further.
        """
        file = self._table.file
        if file.format == "parquet":
            yield from self._parquet_rows(file)
            return
        size = max(file.path.stat().st_size, 1)
        # Opened in here, so that only what goes wrong with this file is explained as such.
        with opened(file.path, file.name) as stream:
            raw = getattr(stream, "fileobj", stream)  # of gzip: what it unzips
            self._read = lambda: raw.tell() / size
            lines = Lines(stream, self._start)
            if file.format == "jsonl":
                yield from _json_rows(lines)
            else:
                header = self._start == Place()
                yield from _csv_rows(lines, self._table.names, _delimiter(file), header=header)
            self._read = lambda: 1.0

    def _parquet_rows(self, file: TableFile) -> Iterator[Row]:
        total = max(parquet.count(file), 1)
        for number, found in parquet.rows(file, self._start.offset):
            self._read = lambda number=number: number / total  # type: ignore[misc]
            after = Place(number, number + 1)
            if isinstance(found, str):
                yield Row(number, after, 0, {}, found)
            else:
                texts = [value for value in found.values() if isinstance(value, str | bytes)]
                yield Row(number, after, sum(map(len, texts)), found)


def _delimiter(file: TableFile) -> str:
    return "\t" if file.format == "tsv" else ","


def _csv_rows(
    lines: Lines, names: tuple[str, ...], delimiter: str, *, header: bool
) -> Iterator[Row]:
    found = fields(lines, delimiter)
    if header:
        next(found, None)
    for taken, values, flaw in found:
        if flaw is not None:
            yield _bad(taken[0], taken[-1].after, flaw)
        elif len(values) != len(names):
            ragged = f"the row has {len(values)} fields, the header has {len(names)}"
            yield _bad(taken[0], taken[-1].after, ragged)
        else:
            size = sum(len(line.content) for line in taken)
            cells = dict(zip(names, values, strict=True))
            yield Row(taken[0].number, taken[-1].after, size, cells)


def _json_rows(lines: Lines) -> Iterator[Row]:
    while (line := lines.take()) is not None:
        if not line.whole:
            yield _bad(line, line.after, f"the row is longer than {LONGEST_ROW:,} bytes")
        elif line.content.strip():
            found = _object(line)
            if isinstance(found, str):
                yield _bad(line, line.after, found)
            else:
                yield Row(line.number, line.after, len(line.content), found)


def _object(line: Line) -> dict[str, Any] | str:
    """Read a line's object, or say what is wrong with it."""
    try:
        words = line.content.decode("utf-8-sig" if line.number == 1 else "utf-8")
        found = json.loads(words)
        if b"\\u" in line.content:  # half a character can be spelt, but not written
            json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1:,} of line {line.number} is not UTF-8"
    except UnicodeEncodeError:
        return "the row contains half of a character (a lone surrogate)"
    except (ValueError, RecursionError) as error:
        return f"the line is not JSON ({error})"
    if not isinstance(found, dict):
        return f"the line is not an object but {type(found).__name__}"
    return found


def _bad(line: Line, after: Place, flaw: str) -> Row:
    beginning = line.content[:_SHOWN].decode("utf-8", "backslashreplace").rstrip("\r\n")
    return Row(line.number, after, len(line.content), {}, flaw, beginning)
