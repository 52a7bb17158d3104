"""One CSV, TSV, JSONL or Parquet file as records with their line numbers, read as a stream."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from plaudit.data.header import Header
from plaudit.data.plain import not_utf8, opened
from plaudit.data.problems import Flaw, Problems
from plaudit.errors import DataError

Format = Literal["csv", "tsv", "jsonl", "parquet"]
Record = tuple[int, dict[str, Any]]

EXPECTED: dict[Format, str] = {
    "csv": "The first line names the columns, separated by commas.",
    "tsv": "The first line names the columns, separated by tabs.",
    "jsonl": 'Each line is an object such as {"text": "A triumph.", "label": "positive"}.',
    "parquet": "The schema names the columns.",
}
_LONGEST_FIELD = 2**24  # characters; the csv module's own limit of 131,072 is one long essay
_PARQUET_ROWS = 1024


@dataclass(frozen=True, slots=True)
class TableFile:
    """One file of a table.

    Attributes
    ----------
    path : Path
        Where it is.
    name : str
        How messages and origins call it.
    format : {"csv", "tsv", "jsonl", "parquet"}
    """

    path: Path
    name: str
    format: Format


def csv_header(file: TableFile) -> tuple[str, ...]:
    """Read the column names of a CSV or TSV file.

    Parameters
    ----------
    file : TableFile
        Which file.

    Returns
    -------
    tuple of str
        Stripped of white space.

    Raises
    ------
    DataError
        The file is not UTF-8, is damaged, or its first line is not a row.
    """
    problems = Problems()
    _, fields = next(_csv_rows(file, problems), (1, []))
    problems.stop_if_any()
    if any("\0" in name for name in fields):
        raise not_utf8(file.path, file.name)
    return tuple(name.strip() for name in fields)


def csv_records(file: TableFile, wanted: Sequence[str], problems: Problems) -> Iterator[Record]:
    """Read some columns of a CSV or TSV file strictly.

    Parameters
    ----------
    file : TableFile
        A CSV or TSV file that has the wanted columns.
    wanted : sequence of str
        Columns.
    problems : Problems
        Where ragged and broken rows are noted.

    Yields
    ------
    tuple of int and dict
        The line on which the row starts, and its wanted fields.

    Raises
    ------
    DataError
        The file is not UTF-8 or is damaged.
    """
    names = csv_header(file)
    places = {name: names.index(name) for name in wanted}
    lines = _csv_rows(file, problems)
    next(lines, None)
    for line, fields in lines:
        if len(fields) == len(names):
            yield line, {name: fields[place] for name, place in places.items()}
        else:
            found = f"the row has {len(fields)} fields, the header has {len(names)}"
            advice = "Put fields that hold the separator or a line break in double quotes."
            if any(field.startswith(' "') for field in fields):
                advice = "A quote opens a field as its first character only: remove the space."
            problems.add(f"{file.name}:{line}", Flaw(found, advice))


def _csv_rows(file: TableFile, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    with opened(file.path, file.name) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter="\t" if file.format == "tsv" else ",", strict=True)
        while True:
            line = reader.line_num + 1  # a quoted field may run over lines: name the first
            try:
                fields = next(reader, None)
            except csv.Error as error:
                found = f"the row cannot be read ({error})"
                advice = "In a quoted field, write a quote as two, and close what was opened."
                if "field limit" in str(error):
                    advice = "Cut the field, or split it; or close a quote that was opened before."
                problems.add(f"{file.name}:{line}", Flaw(found, advice))
                return
            if fields is None:
                return
            if fields:
                yield line, fields


def json_records(file: TableFile, problems: Problems) -> Iterator[Record]:
    """Read the objects of a JSONL file; blank lines are skipped.

    Parameters
    ----------
    file : TableFile
        A JSONL file.
    problems : Problems
        Where lines that are no objects are noted.

    Yields
    ------
    tuple of int and dict
        The line, and the object on it.

    Raises
    ------
    DataError
        The file is not UTF-8 or is damaged.
    """
    with opened(file.path, file.name) as stream:
        for line, content in enumerate(stream, start=1):
            words = content.decode("utf-8-sig" if line == 1 else "utf-8").strip()
            if not words:
                continue
            try:
                found = json.loads(words)
            except (ValueError, RecursionError) as error:
                flaw = Flaw(f"the line is not JSON ({error})", EXPECTED["jsonl"])
                problems.add(f"{file.name}:{line}", flaw)
                continue
            if isinstance(found, dict):
                yield line, found
            else:
                what = f"the line is not an object but {type(found).__name__}"
                problems.add(f"{file.name}:{line}", Flaw(what, EXPECTED["jsonl"]))


@contextlib.contextmanager
def parquet_opened(file: TableFile) -> Iterator[Any]:
    """Open a Parquet file; what goes wrong while it is open becomes an error for the user."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path.absolute(), memory_map=True) as parquet:
            yield parquet
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{file.name}: cannot be read as Parquet ({reason}). Copy or export it anew."
        ) from error


def parquet_header(file: TableFile) -> Header:
    """Read the schema of a Parquet file.

    Parameters
    ----------
    file : TableFile
        A Parquet file.

    Returns
    -------
    Header
        ``texts`` are the columns of a string type.

    Raises
    ------
    DataError
        The file cannot be read as Parquet.
    """
    import pyarrow.types as kinds

    with parquet_opened(file) as parquet:
        schema = parquet.schema_arrow
    texts = set()
    for field in schema:
        kind = field.type.value_type if kinds.is_dictionary(field.type) else field.type
        if kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
            texts.add(field.name)
    return Header(file.name, tuple(schema.names), frozenset(texts))


def parquet_records(file: TableFile, wanted: Sequence[str]) -> Iterator[Record]:
    """Read some columns of a Parquet file in batches.

    Parameters
    ----------
    file : TableFile
        A Parquet file that has the wanted columns.
    wanted : sequence of str
        Columns.

    Yields
    ------
    tuple of int and dict
        The row's number from 1, and its wanted values.

    Raises
    ------
    DataError
        The file is damaged.
    """
    number = 0
    with parquet_opened(file) as parquet:
        for batch in parquet.iter_batches(batch_size=_PARQUET_ROWS, columns=list(wanted)):
            for found in batch.to_pylist():
                number += 1
                yield number, found
