"""Checks every raw row and gathers the good ones into one table, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plaudit.data.label_sets import SetRule, lookup
from plaudit.data.labels import LabelRule, in_order
from plaudit.data.problems import Flaw, Problems, quoted
from plaudit.data.table_writer import TableWriter
from plaudit.data.text_pairs import joined
from plaudit.errors import DataError

if TYPE_CHECKING:
    import datasets

MOST_LABELS = 1000
SINGLE = object()
"""In place of the second text where texts are single; None is one that is missing."""
LONGEST_TEXT = 2**20
"""Characters. Such a text takes up to 2 s and 300 MB to tokenise, and ten times as much, tenfold;
an encoder reads the length of a long essay at most."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as a source has it, unchecked; ``origin`` says where, as in ``reviews.csv:12``.

    ``others`` are the values of the further columns that were asked for, in that order; ``second``
    is the second text of a pair.
    """

    text: object
    label: object
    origin: str
    others: tuple[object, ...] = ()
    second: object = SINGLE


@dataclass(frozen=True, slots=True)
class Gathered:
    """Checked rows (text, label, origin, what else was asked for), and the labels' names."""

    rows: datasets.Dataset
    labels: tuple[str, ...]


def gather(
    rows: Iterable[RawRow],
    rule: LabelRule | SetRule,
    problems: Problems,
    *,
    class_names: tuple[str, ...] | None = None,
    others: tuple[str, ...] = (),
) -> Gathered:
    """Check all rows and make a dataset of them.

    Parameters
    ----------
    rows : iterable of RawRow
        Read once, to the end.
    rule : LabelRule or SetRule
        From label values to names, one a row or several; with ``rule.allowed`` these are the
        labels, in that order.
    problems : Problems
        Where the reader of the rows notes those that it cannot read; bad rows are added.
    class_names : tuple of str, optional
        The order in which the source itself lists its labels.
    others : tuple of str
        Names of the further columns that each row carries.

    Returns
    -------
    Gathered

    Raises
    ------
    DataError
        Bad rows (the first are named), no rows, a single class, or more labels than a label
        column has.
    """
    table = TableWriter(others)
    # Rows keep the code of their label, or of all their labels together.
    codes: dict[tuple[str, ...], int] = {}
    found: dict[str, None] = {}
    for row in rows:
        text = checked_row(row)
        names = rule.names(row.label)
        flaw = text if isinstance(text, Flaw) else names if isinstance(names, Flaw) else None
        if flaw is not None:
            problems.add(row.origin, flaw)
        elif problems.count == 0:  # once a row is bad, only further bad rows matter
            assert isinstance(text, str) and isinstance(names, tuple)  # noqa: S101 - for mypy
            table.add(text, codes.setdefault(names, len(codes)), row.origin, row.others)
            found |= dict.fromkeys(names)
            if rule.allowed is None and len(found) > MOST_LABELS:
                raise _too_many(found, table.count)
    problems.stop_if_any()
    labels = rule.allowed
    if labels is None:
        if isinstance(rule, SetRule):
            rule.check_separator(codes)
        _check_classes(found, table.count)
        listed = class_names or ()
        labels = tuple(name for name in listed if name in found)
        labels += in_order(name for name in found if name not in listed)
    return Gathered(table.finish(labels, lookup(codes, labels, rule)), labels)


def checked_row(row: RawRow) -> str | Flaw:
    """Return a row's text or its two texts as one string, or what is wrong with them.

    Parameters
    ----------
    row : RawRow

    Returns
    -------
    str or Flaw
    """
    first = checked_text(row.text)
    if row.second is SINGLE or isinstance(first, Flaw):
        return first
    second = checked_text(row.second)
    if isinstance(second, Flaw):
        return Flaw(f"of the second text (data.text_pair): {second.found}", second.advice)
    return joined(first, second)


def checked_text(text: object) -> str | Flaw:
    """Return a text that can be used, or what is wrong with it.

    Parameters
    ----------
    text : object
        The value as the file has it.

    Returns
    -------
    str or Flaw
    """
    if text is None:
        return Flaw("the row has no text", "Fill in the text or remove these rows.")
    if not isinstance(text, str):
        return Flaw(
            f"the text is not a string but {type(text).__name__} {str(text)[:40]!r}",
            "Write it as a string, or name the text's column with data.text (with plaudit "
            "evaluate: --text).",
        )
    return _flaw_of(text) or text


def _flaw_of(text: str) -> Flaw | None:
    if not text.strip():
        return Flaw("the text is empty", "Fill in the text or remove these rows.")
    if len(text) > LONGEST_TEXT:
        return Flaw(
            f"the text has {len(text):,} characters; at most {LONGEST_TEXT:,} are read",
            "Cut it, or split it into several rows.",
        )
    if "\0" in text:
        return Flaw(
            "the text contains a NUL character",
            "Remove it: tr -d '\\000' < old > new, or, from JSON lines, "
            "sed 's/\\\\u0000//g' old > new.",
        )
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return Flaw(
                "the text contains half of a character (a lone surrogate)",
                "Write the file anew as UTF-8 from its source.",
            )
    return None


def _check_classes(codes: Collection[str], count: int) -> None:
    if not count:
        raise DataError("the data has no rows. Check the path, and that the file holds reviews.")
    if not codes:
        raise DataError(
            f"none of {count:,} rows has a label; a classifier needs at least two. Check that "
            "data.label (with plaudit evaluate: --label) names the right column."
        )
    if len(codes) == 1:
        raise DataError(
            f"among {count:,} rows there is the one label {quoted(codes)}; a classifier needs two "
            "at least. Check that data.label (with plaudit evaluate: --label) names the right "
            "column."
        )
    if len(codes) > 10 and len(codes) > count / 2:
        raise _too_many(codes, count)


def _too_many(codes: Collection[str], count: int) -> DataError:
    return DataError(
        f"{len(codes):,} different labels in {count:,} rows ({quoted(codes, most=3)}): this is "
        f"hardly a label column (at most {MOST_LABELS:,}, and fewer than half as many as rows). "
        "Name the right one with data.label, or group the values with data.labels (with plaudit "
        "evaluate: --label, --labels)."
    )
