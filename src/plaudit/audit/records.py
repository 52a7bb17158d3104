"""What an audit hands on: the table it looked at, what it found, what each fix would change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.data.cleaned import Rows
from plaudit.data.records import Corpus, Order

Severity = Literal["error", "warning", "note"]
Ints = NDArray[np.int64]

EXAMPLES = 5
"""Examples of a finding at most."""
EXCERPT = 160
"""Characters of an excerpt at most."""


@dataclass(frozen=True, slots=True)
class Blank:
    """A row in which no text is, or none that survives cleaning.

    Attributes
    ----------
    origin, label, part : str
    """

    origin: str
    label: str
    part: str


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows under audit.

    Attributes
    ----------
    rows : Rows
        Of all parts, cleaned; none is empty.
    labels : tuple of str
    parts : tuple of str
        Such as ``("train", "test")``; ``("all",)`` for a table too small to be divided.
    parts_N : ndarray of int64
        Which part each row is in.
    official : bool
        The parts are the data's own; otherwise those that plaudit would make.
    order : {"any", "blocks"}
    blank : tuple of Blank
        Rows that are not in ``rows``.
    corpora : tuple of Corpus
        What was read, not cleaned; ``places_N`` are positions in all of it.
    places_N : ndarray of int64
    note : str
        What served the data.
    """

    rows: Rows
    labels: tuple[str, ...]
    parts: tuple[str, ...]
    parts_N: Ints
    official: bool
    order: Order
    blank: tuple[Blank, ...]
    corpora: tuple[Corpus, ...]
    places_N: Ints
    note: str

    def __len__(self) -> int:
        """Return the number of rows that hold text."""
        return len(self.rows)

    def label(self, row: int) -> str:
        """Return the name of a row's label."""
        return self.labels[int(self.rows.targets_N[row])]

    def part(self, row: int) -> str:
        """Return the name of the part that a row is in."""
        return self.parts[int(self.parts_N[row])]

    def rank_N(self) -> Ints:
        """Return how far each row's part is from the test: 0 in it. What is nearer stays."""
        near = ("test", "validation", "train")
        ranks = [near.index(part) if part in near else len(near) for part in self.parts]
        return np.array(ranks, dtype=np.int64)[self.parts_N]

    def example(self, row: int, detail: str = "", around: int = 0) -> Example:
        """Return a row as an example, its excerpt around a place in the text."""
        text = excerpt(self.rows.texts[row], around)
        return Example(self.rows.origins[row], self.label(row), text, detail)


@dataclass(frozen=True, slots=True)
class Example:
    """A row that shows a finding.

    Attributes
    ----------
    origin : str
        Such as ``"reviews.csv:12"``.
    label : str
    excerpt : str
    detail : str
        What to see in it; may be empty.
    """

    origin: str
    label: str
    excerpt: str
    detail: str

    def to_dict(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return {
            "origin": self.origin,
            "label": self.label,
            "excerpt": self.excerpt,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the data that its owner should know.

    Attributes
    ----------
    code : str
        Such as ``"duplicates"``; a fix of that name mends it, where there is one.
    severity : {"error", "warning", "note"}
        An error makes a result wrong, a warning may, a note is good to know.
    title : str
        The finding in words.
    count : int
        Rows.
    fix : str
        What to do about it, in words.
    examples : tuple of Example
    numbers : mapping of str to float
        Further figures, by name.
    """

    code: str
    severity: Severity
    title: str
    count: int
    fix: str
    examples: tuple[Example, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": self.title,
            "count": self.count,
            "fix": self.fix,
            "examples": [example.to_dict() for example in self.examples],
            "numbers": dict(self.numbers),
        }


@dataclass(frozen=True, slots=True)
class Change:
    """What a fix does to one row.

    Attributes
    ----------
    row : int
        Position in the table.
    why : str
        For the ledger.
    mend : callable, optional
        From the raw text to what takes its place; without it the row is dropped.
    kept : int, optional
        The row of nearly the same text that stays in its place.
    """

    row: int
    why: str
    mend: Callable[[str], str] | None = None
    kept: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, and what its fix would change."""

    finding: Finding
    changes: tuple[Change, ...] = ()


def excerpt(text: str, around: int = 0) -> str:
    """Return a short piece of a text, on one line, that shows the character at ``around``.

    Examples
    --------
    >>> excerpt("A triumph.")
    'A triumph.'
    >>> excerpt("x" * 300 + "3/10", around=300)[-6:]
    'xx3/10'
    """
    first = 0 if around < EXCERPT else around - EXCERPT // 2
    piece = text[first : first + EXCERPT]
    ends = ("… " if first else "", " …" if first + EXCERPT < len(text) else "")
    return ends[0] + " ".join(piece.split()) + ends[1]


def shown(table: Table, rows: Sequence[int] | Ints, detail: str = "") -> tuple[Example, ...]:
    """Return the first of some rows as examples."""
    return tuple(table.example(int(row), detail) for row in rows[:EXAMPLES])


def share(part: float, whole: float) -> str:
    """Return a part of a whole in percent, in words for a title."""
    from plaudit.report.words import percent

    return percent(part / whole if whole else 0.0)
