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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from plaudit.data.problems import quoted
from plaudit.errors import ConfigError
from plaudit.multilabel import LabelSet
from plaudit.score.read import Table

if TYPE_CHECKING:
    import pyarrow as pa

    from plaudit.predict import Prediction

FORMATS: dict[str, Literal["csv", "tsv", "jsonl", "parquet"]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
PREFIX = "predicted_"
DECIMALS = 6
"""Of probabilities. More would only be noise of the order of additions."""
# What a spreadsheet takes for a formula (OWASP, "CSV Injection"); a plain number is none.
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """The form of the output.

    Attributes
    ----------
    format : {"csv", "tsv", "jsonl", "parquet"}
    zipped : bool
    columns : tuple of str
        Of the input.
    added : tuple of str
        Of the answer: label, probability, then what was asked for.
    labels : tuple of str
        Those whose probabilities are written, each in a column.
    open : bool
        Rows may have other columns than these, as in JSON lines they may.
    excel_safe : bool
    schema : pyarrow.Schema or None
        Of Parquet.
    separator : str or None
        Where a text may have several labels: what joins them in CSV and TSV; in JSON lines and
        Parquet they are a list. None: a text has one.
    """

    format: Literal["csv", "tsv", "jsonl", "parquet"]
    zipped: bool
    columns: tuple[str, ...]
    added: tuple[str, ...]
    labels: tuple[str, ...]
    open: bool
    excel_safe: bool
    schema: pa.Schema | None
    separator: str | None = None


def layout(
    out: Path,
    table: Table,
    labels: Sequence[str],
    *,
    unsure: bool,
    excel_safe: bool,
    separator: str | None = None,
) -> Layout:
    """Choose the form of the output by its file's name.

    Parameters
    ----------
    out : Path
    table : Table
        The input.
    labels : sequence of str
        Those whose probabilities are asked for.
    unsure : bool
        Whether the model abstains.
    excel_safe : bool
        Make cells inert that a spreadsheet would take for formulas.
    separator : str, optional
        What joins the labels of a text, where it may have several.

    Raises
    ------
    ConfigError
        The name has another ending, or the columns would be called as others are.
    """
    zipped = out.name.casefold().endswith(".gz")
    form = FORMATS.get(Path(out.name.casefold().removesuffix(".gz")).suffix)
    if form is None or (zipped and form == "parquet"):
        raise ConfigError(
            f"{out}: unknown kind of file. plaudit writes {quoted(FORMATS)} and, but for Parquet, "
            "the same with '.gz'."
        )
    if excel_safe and form not in ("csv", "tsv"):
        raise ConfigError(f"--excel-safe is about CSV and TSV, but {out} is neither. Leave it out.")
    answer = ["label", "probability"] if separator is None else ["labels"]
    added = [*answer, *(["unsure"] if unsure else [])]
    added += [f"probability_{label}" for label in labels]
    if set(added) & set(table.names):
        added = [PREFIX + name for name in added]
    if taken := sorted(set(added) & set(table.names)):
        raise ConfigError(
            f"{table.file.name} has the columns {quoted(taken)}, which the answer needs. Rename "
            "them."
        )
    types = ["string", "double"] if separator is None else ["list"]
    types += ["bool"] if unsure else []
    schema = _schema(table, added, types) if form == "parquet" else None
    free = table.file.format == "jsonl" and form == "jsonl"
    return Layout(
        form,
        zipped,
        table.names,
        tuple(added),
        tuple(labels),
        free,
        excel_safe,
        schema,
        separator,
    )


def _schema(table: Table, added: Sequence[str], types: Sequence[str]) -> pa.Schema:
    """Return the schema: columns without a type of their own are numbers."""
    import pyarrow as pa

    known = {"string": pa.string(), "bool": pa.bool_(), "list": pa.list_(pa.string())}
    own = table.schema or pa.schema([(name, pa.string()) for name in table.names])
    added_types = [known.get(name, pa.float64()) for name in types]
    added_types += [pa.float64()] * (len(added) - len(types))
    return pa.schema([*own, *map(pa.field, added, added_types)])


def misfit(layout: Layout, cells: dict[str, Any]) -> str | None:
    """Say why a row that was read cannot be written; None when it can."""
    if taken := [name for name in layout.added if name in cells]:
        return f"the row has the key {quoted(taken)}, which the answer needs"
    if layout.open:
        return None
    if more := [name for name in cells if name not in layout.columns]:
        return (
            f"the row has the key {quoted(more, most=3)}, which the first rows lack; write .jsonl "
            "to keep it"
        )
    return None


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
    if isinstance(value, list):
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
