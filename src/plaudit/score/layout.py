"""Which columns an output has, in which kind of file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from plaudit.data.problems import quoted
from plaudit.errors import ConfigError
from plaudit.score.read import Table

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS: dict[str, Literal["csv", "tsv", "jsonl", "parquet"]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
PREFIX = "predicted_"


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


def layout_of(
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
