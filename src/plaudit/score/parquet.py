"""Rows of a Parquet file from any row on; a value that is no text spoils its own row only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from plaudit.data.formats import TableFile, parquet_opened
from plaudit.data.problems import quoted
from plaudit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 256


def schema(file: TableFile) -> pa.Schema:
    """Return the file's Arrow schema.

    Raises
    ------
    DataError
        A column has times of a day in nanoseconds, which Python's cannot hold.
    """
    with parquet_opened(file) as parquet:
        found = parquet.schema_arrow.remove_metadata()
    if fine := [field.name for field in found if _has_fine_times(field.type)]:
        raise DataError(
            f"{file.name}: {quoted(fine)} holds times of a day in nanoseconds, of which the last "
            "three digits would be lost. Cast it to microseconds, or leave the column out."
        )
    return found


def _has_fine_times(kind: pa.DataType) -> bool:
    """Tell whether a type is of times of a day in nanoseconds, or holds such."""
    import pyarrow as pa

    inner = (kind.field(n).type for n in range(kind.num_fields))
    return bool(kind == pa.time64("ns")) or any(map(_has_fine_times, inner))


def count(file: TableFile) -> int:
    """Return the number of rows."""
    with parquet_opened(file) as parquet:
        return int(parquet.metadata.num_rows)


def rows(file: TableFile, first: int) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield each row's number, from 1, and its values or what is wrong with them.

    Parameters
    ----------
    file : TableFile
    first : int
        Rows to pass over; groups of rows before it are not read.

    Raises
    ------
    DataError
        The file is damaged.
    """
    with parquet_opened(file) as parquet:
        groups: list[int] = []
        number = 0
        for group in range(parquet.num_row_groups):
            size = parquet.metadata.row_group(group).num_rows
            if groups or number + size > first:
                groups.append(group)
            else:
                number += size
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, row_groups=groups):
            skipped = min(max(first - number, 0), batch.num_rows)
            number += skipped
            for found in _values(batch.slice(skipped)):
                number += 1
                yield number, found


def _values(batch: Any) -> list[dict[str, Any]] | list[dict[str, Any] | str]:
    try:
        listed: list[dict[str, Any]] = batch.to_pylist()
    except (ValueError, OverflowError):  # UnicodeDecodeError; a date of no year 1 to 9999
        return [_value(batch.slice(n, 1)) for n in range(batch.num_rows)]
    return listed


def _value(row: Any) -> dict[str, Any] | str:
    try:
        found: dict[str, Any] = row.to_pylist()[0]
    except (ValueError, OverflowError) as error:
        return f"the row cannot be read ({error})"
    return found
