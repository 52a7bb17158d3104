"""Which column is the text and which the label: as named, or the one possible choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from plaudit.data.header import LABEL_NAMES, TEXT_NAMES, Header, plain_name, separator_hint
from plaudit.data.problems import did_you_mean, quoted
from plaudit.data.records import Columns
from plaudit.errors import DataError


@dataclass(frozen=True, slots=True)
class Chosen:
    """The columns to read, whether text or label was guessed, and what else is carried along.

    ``text_pair`` is the column of a second text; None: there is none.
    ``members`` are the columns of 0 and 1, one a label, that ``label`` names instead of one column.
    """

    text: str
    label: str
    guessed: bool
    others: tuple[str, ...] = ()
    text_pair: str | None = None
    members: tuple[str, ...] = ()

    @property
    def named(self) -> Columns:
        """The same columns, as if a user had named all of them."""
        separator = "," if self.members else None
        return Columns(self.text, self.label, None, self.others, self.text_pair, separator)

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns that hold labels."""
        return self.members or (self.label,)

    @property
    def read(self) -> tuple[str, ...]:
        """All columns that are read, each once."""
        second = () if self.text_pair is None else (self.text_pair,)
        return tuple(dict.fromkeys((self.text, *self.labels, *second, *self.others)))

    def label_of(self, found: Mapping[str, object]) -> object:
        """Return the label of a row: one column's value, or the members' by name."""
        if self.members:
            return {name: found.get(name) for name in self.members}
        return found.get(self.label)


def choose(header: Header, columns: Columns) -> Chosen:
    """Decide which columns to read.

    Parameters
    ----------
    header : Header
        The table's columns.
    columns : Columns
        What the user named.

    Returns
    -------
    Chosen

    Raises
    ------
    DataError
        A named column is missing or stands twice, or a guess has no or several candidates.
    """
    for other in columns.others:
        _check_other(header, other)
    columns = as_trained(header, columns)
    if members := _members(header, columns):
        return _of_members(header, columns, members)
    # First of all what was named: a guess of the one leaves the other out.
    for role, name in (("text", columns.text), ("label", columns.label)):
        if name is not None:
            _check_present(header, role, name)
    second = columns.text_pair
    label = columns.label or _named(header, LABEL_NAMES, "label", beside=(columns.text, second))
    text = columns.text or _named(header, TEXT_NAMES, "text", beside=(label, second))
    if text is None:
        wordy = [n for n in header.names if n in header.texts and n not in (label, second)]
        text = _only(wordy, header, "text")
    if label is None:
        label = _only([n for n in header.first if n not in (text, second)], header, "label")
    if text == label:
        raise DataError(
            f"{header.where}: data.text and data.label (with plaudit evaluate: --text and --label) "
            f"both name the column '{text}'. Present are {quoted(header.names)}."
        )
    if second is not None:
        _check_second(header, second, (text, label))
    guessed = columns.text is None or columns.label is None
    return Chosen(text, label, guessed, columns.others, second)


def as_trained(header: Header, columns: Columns) -> Columns:
    """Name the columns of training that nobody named otherwise, where the table has them.

    Whatever else is wrong with such a column, another one must not be read in its place.
    """
    text, label = columns.trained_text, columns.trained_label
    if columns.text is None and text in header.names and text != columns.label:
        columns = replace(columns, text=text)
    if columns.label is None and label is not None and label != columns.text:
        members = _members(header, replace(columns, label=label))
        if all(name in header.names for name in members or (label,)):
            columns = replace(columns, label=label)
    return columns


def choose_text(header: Header, asked: str | None) -> str:
    """Decide which column is read of a table whose labels, if it has any, do not matter.

    Parameters
    ----------
    header : Header
    asked : str or None
        The text column of other data, taken where this table has it.

    Returns
    -------
    str

    Raises
    ------
    DataError
        None or several are possible.
    """
    if asked is not None and header.names.count(asked) == 1:
        return asked
    wordy = [n for n in header.names if n in header.texts and plain_name(n) not in LABEL_NAMES]
    return _named(header, TEXT_NAMES, "text", beside=()) or _only(wordy, header, "text")


def _members(header: Header, columns: Columns) -> tuple[str, ...]:
    """Return the columns, one a label, that the label's setting names; none where it names one."""
    label = columns.label
    if columns.separator is None or label is None or "," not in label or label in header.names:
        return ()
    return tuple(name.strip() for name in label.split(",") if name.strip())


def _of_members(header: Header, columns: Columns, members: tuple[str, ...]) -> Chosen:
    for name in members:
        _check_present(header, "label", name)
    if len(set(members)) < len(members):
        raise DataError(
            f"{header.where}: data.label names a column twice among {quoted(members)}. Name each "
            "once."
        )
    text = columns.text or _named(header, TEXT_NAMES, "text", beside=())
    if text is None:
        left = [name for name in header.names if name in header.texts and name not in members]
        text = _only(left, header, "text")
    _check_present(header, "text", text)
    if text in members:
        raise DataError(
            f"{header.where}: data.text and data.label both name the column '{text}'. Present are "
            f"{quoted(header.names)}."
        )
    guessed = columns.text is None
    return Chosen(text, columns.label or "", guessed, columns.others, members=members)


def _named(
    header: Header, known: frozenset[str], role: str, beside: tuple[str | None, ...]
) -> str | None:
    found = [name for name in header.names if name not in beside and plain_name(name) in known]
    first = [name for name in found if name not in header.late]
    # A label that comes late says so row by row; guessed past, another column would be learnt.
    chosen = first or (found if role == "label" else [])
    return _only(chosen, header, role) if chosen else None


def _only(candidates: list[str], header: Header, role: str) -> str:
    if len(candidates) == 1:
        return candidates[0]
    if len(set(candidates)) == 1:
        _check_present(header, role, candidates[0])
    if candidates:
        raise DataError(
            f"{header.where}: which column is the {role}? {quoted(candidates)} are all possible. "
            f"Name one: {_setting(role, candidates[0])}."
        )
    raise DataError(
        f"{header.where}: no column looks like the {role} among {quoted(header.names)}."
        f"{separator_hint(header)} Name it: {_setting(role, 'COLUMN')}."
    )


def _setting(role: str, column: str) -> str:
    return f"data.{role}={column}, or --{role} {column} with plaudit evaluate"


def _check_present(header: Header, role: str, name: str) -> None:
    times = header.names.count(name)
    if times > 1:
        raise DataError(
            f"{header.where}: {times} columns are called '{name}'. Rename all but the {role}."
        )
    if times == 0:
        raise DataError(
            f"{header.where}: there is no column '{name}' (data.{role}) among "
            f"{quoted(header.names)}{did_you_mean(name, header.names)}.{separator_hint(header)} "
            f"Name one of these: {_setting(role, 'COLUMN')}."
        )


def _check_second(header: Header, name: str, others: tuple[str, str]) -> None:
    times = header.names.count(name)
    roles = [role for role, other in zip(("text", "label"), others, strict=True) if other == name]
    if times != 1 or roles:
        has = f"that is data.{roles[0]}" if roles else f"there are {times}" if times else "has none"
        near = "" if times else did_you_mean(name, header.names)
        raise DataError(
            f"{header.where}: data.text_pair (--text-pair) needs a column '{name}' of its own, "
            f"but {has}; present are {quoted(header.names)}{near}. "
            "Name the column of the second text."
        )


def _check_other(header: Header, name: str) -> None:
    if header.names.count(name) != 1:
        raise DataError(
            f"{header.where}: results by '{name}' need one column of that name; present are "
            f"{quoted(header.names)}{did_you_mean(name, header.names)}. Name one with --by COLUMN."
        )
