"""What scored rows look like in a file: each shard a piece of it, and the pieces put together."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from plaudit.multilabel import LabelSet
from plaudit.score.layout import Layout

if TYPE_CHECKING:
    from plaudit.predict import Prediction

DECIMALS = 6
"""Of probabilities. More would only be noise of the order of additions."""
# What a spreadsheet takes for a formula (OWASP, "CSV Injection"); a plain number is none.
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def answer(layout: Layout, prediction: Prediction | LabelSet) -> dict[str, Any]:
    """Return the columns that a prediction adds."""
    values: list[Any]
    if isinstance(prediction, LabelSet):
        together = layout.format in ("csv", "tsv")
        joined = (layout.separator or "").join(prediction.labels)
        values = [joined if together else list(prediction.labels)]
    else:
        values = [prediction.label, round(prediction.probability, DECIMALS)]
        if len(layout.added) > len(values) + len(layout.labels):
            values.append(is_unsure(prediction))
    values += [round(prediction.probabilities[label], DECIMALS) for label in layout.labels]
    return dict(zip(layout.added, values, strict=True))


def is_unsure(prediction: Prediction | LabelSet) -> bool:
    """Tell whether the model abstains on a text."""
    return bool(getattr(prediction, "unsure", False))


def piece(layout: Layout, rows: Iterable[dict[str, Any]]) -> bytes:
    """Write rows as a part of the output that others may follow."""
    if layout.format == "parquet":
        return _parquet(layout, rows)
    if layout.format == "jsonl":
        content = "".join(f"{_as_json(row)}\n" for row in rows)
    else:
        content = _delimited(layout, rows)
    return _zipped(layout, content.encode())


def _zipped(layout: Layout, content: bytes) -> bytes:
    # Members of a gzip file may follow each other; a time in them would differ from run to run.
    return gzip.compress(content, 6, mtime=0) if layout.zipped else content


def _as_json(row: Any) -> str:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_finite(row), ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    """Put null where JSON has no number."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _delimited(layout: Layout, rows: Iterable[dict[str, Any]]) -> str:
    names = (*layout.columns, *layout.added)
    return _lines(layout, ([_cell(row.get(name)) for name in names] for row in rows))


def _lines(layout: Layout, rows: Iterable[Sequence[Any]]) -> str:
    lines = _Lines()
    delimiter = "\t" if layout.format == "tsv" else ","
    writer = csv.writer(lines, delimiter=delimiter, lineterminator="\r\n")
    writer.writerows([*map(harmless, row)] if layout.excel_safe else row for row in rows)
    return "".join(lines.written)


class _Lines:
    """Lines of the csv module that end in a line feed.

    With that as its own terminator, it would leave a cell with a carriage return unquoted.
    """

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        self.written.append(line.removesuffix("\r\n") + "\n")


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return _as_json(value) if isinstance(value, dict | list | bool) else str(value)


def harmless(cell: Any) -> Any:
    """Put an apostrophe before what a spreadsheet would take for a formula.

    Examples
    --------
    >>> [harmless(cell) for cell in ("=1+1", "-2.5", "- no", "fine", 0.5)]
    ["'=1+1", '-2.5', "'- no", 'fine', 0.5]
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell


def _parquet(layout: Layout, rows: Iterable[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert layout.schema is not None  # noqa: S101 - for mypy
    # A column has one type: what JSON lines hold beside texts is written as JSON.
    texts = {field.name for field in layout.schema if field.type == pa.string()}
    listed = [
        {name: _text(value) if name in texts else value for name, value in row.items()}
        for row in rows
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(listed, schema=layout.schema), sink)
    return sink.getvalue()


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else _as_json(value)


def assemble(layout: Layout, pieces: Sequence[Path], file: IO[bytes]) -> None:
    """Put the pieces together.

    Parameters
    ----------
    layout : Layout
    pieces : sequence of Path
        In order.
    file : binary stream
    """
    if layout.format == "parquet":
        _assemble_parquet(layout, pieces, file)
        return
    if layout.format != "jsonl":
        names = _lines(layout, [[*layout.columns, *layout.added]])
        file.write(_zipped(layout, names.encode()))
    join(pieces, file)


def join(pieces: Sequence[Path], file: IO[bytes]) -> None:
    """Write files one after the other."""
    for path in pieces:
        with path.open("rb") as source:
            shutil.copyfileobj(source, file, 2**20)


def _assemble_parquet(layout: Layout, pieces: Sequence[Path], file: IO[bytes]) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, layout.schema) as writer:
        for path in pieces:
            writer.write_table(pq.read_table(path, schema=layout.schema))
