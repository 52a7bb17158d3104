"""What is asked of DATA that it cannot give: splits, columns, several labels a text."""

from __future__ import annotations

from plaudit.data.labels import LabelRule
from plaudit.data.places import Source
from plaudit.data.problems import did_you_mean, quoted
from plaudit.data.records import Columns
from plaudit.data.rows import Gathered
from plaudit.errors import DataError

_WITH_COLUMNS = ("table", "hub")
"""Kinds of sources of which the text and the label are columns."""


def check_columns(source: Source, columns: Columns) -> None:
    """Raise DataError where columns are named of a source that has none.

    Not for the settings of a run: they also name the columns of its other data.
    """
    if source.kind not in _WITH_COLUMNS:
        check_none_named(source.asked, columns)


def check_none_named(data: str, columns: Columns) -> None:
    """Raise DataError where columns are named; DATA has none."""
    named = {"--text": columns.text, "--label": columns.label}
    for option, column in named.items():
        if column is not None:
            raise DataError(
                f"{data}: it has no columns, so that {option} {column} names none. Leave it out, "
                "or give a table (CSV, TSV, JSONL, Parquet) or hub:owner/name."
            )


def check_several(source: Source) -> None:
    """Raise DataError where texts with several labels are asked of DATA with one a text."""
    if source.kind not in _WITH_COLUMNS:
        raise DataError(
            f"{source.asked}: each of its texts has one label, but data.multilabel is true. Set it "
            "to false, or give a table (CSV, TSV, JSONL, Parquet) or hub:owner/name."
        )


def check_members(
    source: Source, members: tuple[str, ...], rule: LabelRule, labels: tuple[str, ...]
) -> None:
    """Raise DataError where a label has no column: all its answers would count as wrong."""
    named = {rule.name(member) for member in members}
    if missing := [label for label in labels if label not in named]:
        raise DataError(
            f"{source.asked}: there is no column for {quoted(missing)} among those named, "
            f"{quoted(members)}; the labels are {quoted(labels)}. Name a column of 0 and 1 for "
            "each (data.label or --label)."
        )


def check_names(source: Source, found: Gathered) -> None:
    """Raise DataError where "0" and "1", one of them in each row, would be two labels."""
    if set(found.labels) not in ({"0", "1"}, {"false", "true"}):
        return
    if all(sum(row) == 1 for row in found.rows["label"]):
        raise DataError(
            f"{source.asked}: data.multilabel is true and each row's label is one of "
            f"{quoted(found.labels)}, which would be two labels of their own. For one label that a "
            "text has or not, set data.multilabel to false; of several, name all their columns: "
            "data.label=joy,anger. To have two labels of these names, map them: data.labels."
        )


def check_split(source: Source, split: str | None) -> None:
    """Raise DataError where a split is named that is not there, or none of several."""
    if split in source.splits or (split is None and not source.splits):
        return
    if not source.splits:
        raise DataError(
            f"{source.asked}: has no official splits, so there is no split '{split}'. Leave the "
            "split out to read everything."
        )
    wanted = "name the split to read" if split is None else f"there is no split '{split}'"
    raise DataError(
        f"{source.asked}: {wanted}; allowed are {quoted(source.splits)}"
        f"{did_you_mean(split or '', source.splits)}."
    )


def training_split(source: Source) -> str | None:
    """Return the split to train on; None where a source has none.

    Raises
    ------
    DataError
        It has splits, and none of them is called train.
    """
    if not source.splits:
        return None
    if "train" not in source.splits:
        raise DataError(
            f"{source.asked}: there is no split 'train', only {', '.join(source.splits)}"
        )
    return "train"
