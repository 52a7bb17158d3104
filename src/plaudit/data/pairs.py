"""Pairs of an original and an edited text, each with its label, from any of three layouts.

Published ones come as one table with both texts in a row; as one table with two rows a pair, the
original first, tied by an identifier (counterfactually augmented IMDB, Kaushik et al. 2020); or as
two tables whose rows correspond (IMDB contrast sets, Gardner et al. 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from plaudit.data import tables
from plaudit.data.folder import RENAMES
from plaudit.data.formats import TableFile
from plaudit.data.header import LABEL_NAMES, TEXT_NAMES, Header, plain_name
from plaudit.data.labels import LabelRule, label_rule, spell
from plaudit.data.plain import sha256_of
from plaudit.data.problems import Flaw, Problems, did_you_mean, quoted
from plaudit.data.rows import checked_text
from plaudit.errors import DataError

Role = Literal["original", "edited", "label", "edited_label", "id"]
ROLES: tuple[Role, ...] = ("original", "edited", "label", "edited_label", "id")
# Compared in lower case without punctuation.
_GUESSES: dict[Role, frozenset[str]] = {
    "original": TEXT_NAMES | {"original", "originaltext", "before", "source", "factual"},
    "edited": frozenset(
        {"edited", "editedtext", "revised", "revisedtext", "contrast", "contrasttext", "after"}
        | {"counterfactual", "counterfactualtext", "modified", "perturbed", "newtext"}
    ),
    "label": LABEL_NAMES | {"originallabel", "gold", "originalsentiment"},
    "edited_label": frozenset(
        {"editedlabel", "revisedlabel", "contrastlabel", "counterfactuallabel", "newlabel"}
        | {"editedsentiment", "modifiedlabel"}
    ),
    "id": frozenset({"id", "batchid", "pairid", "pair", "group", "groupid"}),
}
_LAYOUTS = (
    "Pairs are one table with original, edited, label and edited_label in a row; or one with text, "
    "label and an id, two rows an id, the original first; or two tables whose rows correspond, "
    "originals first. Name a column with --column ROLE=NAME"
)


@dataclass(frozen=True, slots=True)
class Side:
    """One text of a pair: the text, raw, its label as an index, and where it stands."""

    text: str
    target: int
    origin: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs that passed all checks.

    Attributes
    ----------
    asked : tuple of str
        The files, as the user named them.
    layout : str
        In words, with the columns that were used.
    pairs : tuple of (Side, Side)
        Original and edited.
    files : mapping of str to str
        File name to SHA-256.
    """

    asked: tuple[str, ...]
    layout: str
    pairs: tuple[tuple[Side, Side], ...]
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the cells of a pair file are read; bad ones are noted in ``problems``."""

    labels: tuple[str, ...]
    rule: LabelRule
    problems: Problems = field(default_factory=Problems)

    def side(self, text: object, label: object, origin: str) -> Side | None:
        checked, name = checked_text(text), self._label(label)
        flaw = next((each for each in (checked, name) if isinstance(each, Flaw)), None)
        if flaw is not None:
            self.problems.add(origin, flaw)
            return None
        return Side(str(checked), self.labels.index(str(name)), origin)

    def _label(self, value: object) -> str | Flaw:
        """Name a label; published pairs write "Positive" where a model has "positive"."""
        name = self.rule.name(value)
        word = spell(value)
        if isinstance(name, Flaw) and isinstance(word, str):
            lower = word.casefold()
            same = [x for x in self.labels if x.casefold() in (lower, RENAMES.get(lower, lower))]
            return same[0] if len(same) == 1 else name
        return name


def read(
    asked: str | Sequence[str],
    labels: tuple[str, ...],
    *,
    columns: Mapping[str, str] | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Pairs:
    """Read pairs.

    Parameters
    ----------
    asked : str or sequence of str
        One table, or two: the originals and the edited texts, row by row.
    labels : tuple of str
        Of the model; case does not matter.
    columns : mapping of str to str, optional
        Column of "original", "edited", "label", "edited_label" or "id"; the others are guessed
        by their names. Where a pair has two rows, "original" is the column of both texts.
    mapping : mapping of str to str, optional
        From label values to names.

    Returns
    -------
    Pairs

    Raises
    ------
    DataError
        A file is not there or in none of the layouts, or rows cannot be used; they are named by
        file and line.
    """
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    if len(names) not in (1, 2):
        raise DataError(f"Pairs come from one file or from two, not {len(names)}. {_LAYOUTS}.")
    files = [_one(name) for name in names]
    headers = [tables.header(file) for file in files]
    wanted = dict(columns or {})
    _check_columns(wanted, headers)
    reader = _Reader(labels, label_rule(mapping, RENAMES, labels))
    if len(files) == 2:
        layout, found = _two(files, headers, wanted, reader)
    elif _column("edited", headers[0], wanted) is not None:
        layout, found = _wide(files[0], headers[0], wanted, reader)
    else:
        layout, found = _long(files[0], headers[0], wanted, reader)
    reader.problems.stop_if_any()
    if not found:
        raise DataError(f"{', '.join(names)}: there are no pairs. {_LAYOUTS}.")
    digests = {file.name: sha256_of(file.path) for file in files}
    return Pairs(names, layout, tuple(found), digests)


Found = tuple[str, list[tuple[Side, Side]]]


def _wide(file: TableFile, header: Header, wanted: dict[str, str], reader: _Reader) -> Found:
    roles: tuple[Role, ...] = ("original", "edited", "label", "edited_label")
    text, edited, label, edited_label = (_needed(role, header, wanted) for role in roles)
    pairs = []
    for where, row in _rows(file, (text, edited, label, edited_label), reader):
        original = reader.side(row.get(text), row.get(label), where)
        changed = reader.side(row.get(edited), row.get(edited_label), where)
        if original and changed:
            pairs.append((original, changed))
    return f"a pair a row: {quoted((text, edited, label, edited_label))}", pairs


def _long(file: TableFile, header: Header, wanted: dict[str, str], reader: _Reader) -> Found:
    roles: tuple[Role, ...] = ("original", "label", "id")
    text, label, key = (_needed(role, header, wanted) for role in roles)
    groups: dict[object, list[Side]] = {}
    counts: dict[object, list[str]] = {}
    for where, row in _rows(file, (text, label, key), reader):
        side = reader.side(row.get(text), row.get(label), where)
        counts.setdefault(row.get(key), []).append(where)
        if side:
            groups.setdefault(row.get(key), []).append(side)
    for each, places in counts.items():
        if len(places) != 2:
            found = f"{key} {each!r} has {len(places)} rows, a pair has 2 ({', '.join(places[:4])})"
            advice = "Give each pair an id of its own, the original in its first row."
            reader.problems.add(places[0], Flaw(found, advice))
    pairs = [(side[0], side[1]) for side in groups.values() if len(side) == 2]
    return f"two rows a pair, tied by '{key}': {quoted((text, label))}", pairs


def _two(
    files: list[TableFile], headers: list[Header], wanted: dict[str, str], reader: _Reader
) -> Found:
    sides: list[list[Side | None]] = []
    used: tuple[str, str] = ("", "")
    for file, header in zip(files, headers, strict=True):
        used = _needed("original", header, wanted), _needed("label", header, wanted)
        rows = _rows(file, used, reader)
        sides.append([reader.side(row.get(used[0]), row.get(used[1]), at) for at, row in rows])
    if len(sides[0]) != len(sides[1]) and not reader.problems.count:
        raise DataError(
            f"{files[0].name} has {len(sides[0]):,} rows and {files[1].name} {len(sides[1]):,}: "
            "where pairs come from two files, their rows correspond. Check both files."
        )
    both = zip(sides[0], sides[1], strict=False)
    pairs = [(original, edited) for original, edited in both if original and edited]
    return f"two files, row by row: {quoted(used)}", pairs


def _one(name: str) -> TableFile:
    files = tables.find(name)
    if len(files) != 1:
        raise DataError(f"{name}: {len(files)} files match; name the one that holds pairs.")
    return files[0]


def _rows(
    file: TableFile, wanted: Sequence[str], reader: _Reader
) -> Iterator[tuple[str, dict[str, Any]]]:
    for line, found in tables.records(file, wanted, reader.problems):
        yield f"{file.name}:{line}", found


def _column(role: Role, header: Header, wanted: Mapping[str, str]) -> str | None:
    if role in wanted:
        return wanted[role]
    taken = set(wanted.values())
    found = [n for n in header.names if plain_name(n) in _GUESSES[role] and n not in taken]
    if len(found) > 1:
        raise DataError(
            f"{header.where}: which column is the {role}? {quoted(found)} are all possible. Name "
            f"one: --column {role}={found[0]}"
        )
    return found[0] if found else None


def _needed(role: Role, header: Header, wanted: Mapping[str, str]) -> str:
    if (found := _column(role, header, wanted)) is not None:
        return found
    raise DataError(
        f"{header.where}: no column looks like the {role} among {quoted(header.names)}. {_LAYOUTS}."
    )


def _check_columns(wanted: Mapping[str, str], headers: Sequence[Header]) -> None:
    for role, name in wanted.items():
        if role not in ROLES:
            near = did_you_mean(role, ROLES)
            raise DataError(f"--column {role}={name}: the roles are {quoted(ROLES)}{near}.")
        for header in headers:
            if name not in header.names:
                raise DataError(
                    f"{header.where}: there is no column '{name}' ({role}) among "
                    f"{quoted(header.names)}{did_you_mean(name, header.names)}."
                )
