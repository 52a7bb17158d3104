"""From label values of any type to label names: spelling, mapping, order."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from plaudit.data.problems import Flaw, did_you_mean, quoted
from plaudit.errors import ConfigError

_WHOLE = re.compile(r"(-?\d+)\.0+")
_SETTING = "data.labels (--labels)"
_COLUMN = "data.label=COLUMN, or --label COLUMN with plaudit evaluate"
_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*")

# Control, format (invisible), surrogate, private and unassigned characters; white space is folded.
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})

_UNLABELLED = Flaw("the row has no label", "Label these rows or remove them.")


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``, both included, that become the label ``name``."""

    low: float
    high: float
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How a label value becomes a name; made by :func:`label_rule`.

    Attributes
    ----------
    mapping : mapping of str to str or None
        Spelled value to name; a value outside of it and of ``ranges`` is a flaw. None: keep values.
    ranges : tuple of Range
        Asked after ``mapping``; they do not overlap.
    renames : mapping of str to str
        Names that a source is known to abbreviate; a ``mapping`` may have either form as its key.
    allowed : tuple of str or None
        The fixed label set; None: whatever comes.
    """

    mapping: Mapping[str, str] | None = None
    ranges: tuple[Range, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    allowed: tuple[str, ...] | None = None

    def names(self, value: object) -> tuple[str] | Flaw:
        """Name the label of one row as a tuple of one."""
        name = self.name(value)
        return name if isinstance(name, Flaw) else (name,)

    def name(self, value: object) -> str | Flaw:
        """Name the label of one row.

        Parameters
        ----------
        value : object
            The value as the file has it.

        Returns
        -------
        str or Flaw
            The label's name, or why there is none.
        """
        word = spell(value)
        if isinstance(word, Flaw):
            return word
        named = self._renamed(word) if self.mapping is None else self._mapped(word)
        if self.allowed is None or isinstance(named, Flaw) or named in self.allowed:
            return named
        return Flaw(
            f"label '{named}' is not one of {quoted(self.allowed)}"
            f"{did_you_mean(named, self.allowed)}",
            "Fix the row, or map it with data.labels (with plaudit evaluate: --labels).",
        )

    def _renamed(self, word: str) -> str:
        if self.allowed is not None and word in self.allowed:
            return word  # a model may have been trained on the abbreviation itself
        return self.renames.get(word, word)

    def _mapped(self, word: str) -> str | Flaw:
        mapping = self.mapping or {}
        # One source writes "neg" and the next "negative": a mapping must serve both.
        short = (name for name, full in self.renames.items() if full == word)
        for alias in (word, self.renames.get(word, word), *short):
            if alias in mapping:
                return mapping[alias]
        number = _number(word)
        if number is not None:
            for each in self.ranges:
                if each.low <= number <= each.high:
                    return each.name
        return Flaw(
            f"label '{word}' is covered by no key of data.labels ({quoted(mapping)})",
            "Add a key to data.labels (with plaudit evaluate: --labels) for each value, or remove "
            "the rows.",
        )


def label_rule(
    mapping: Mapping[str, str] | None,
    renames: Mapping[str, str] | None = None,
    allowed: tuple[str, ...] | None = None,
) -> LabelRule:
    """Check a mapping and make the rule that applies it.

    Parameters
    ----------
    mapping : mapping of str to str or None
        Keys are values, or ranges such as ``"1-4"`` with both ends included. A key that equals the
        value wins over a range.
    renames : mapping of str to str, optional
        The source's own abbreviations.
    allowed : tuple of str, optional
        The fixed label set.

    Returns
    -------
    LabelRule

    Raises
    ------
    ConfigError
        The mapping is empty, or has an empty name, two keys for one value, a range from high to
        low or ranges that overlap; all problems are named.

    Examples
    --------
    >>> rule = label_rule({"1-4": "negative", "7-10": "positive"})
    >>> rule.name(3), rule.name("8.0")
    ('negative', 'positive')
    """
    if mapping is None:
        return LabelRule(renames=renames or {}, allowed=allowed)
    exact: dict[str, str] = {}
    ranges: list[Range] = []
    problems = [] if mapping else [f"{_SETTING} is empty: name each value, or leave it out"]
    for key, name in mapping.items():
        word = spell(key)
        if isinstance(word, Flaw):
            problems.append(f"{_SETTING} has an empty key: a row without a label cannot be mapped")
            continue
        if not name.strip():
            problems.append(f"{_SETTING}: key '{key}' has an empty name")
        if word in exact:
            problems.append(f"{_SETTING}: two keys for the value '{word}'; keep one")
        exact[word] = _folded(name)
        if match := _RANGE.fullmatch(key):
            ranges.append(Range(float(match[1]), float(match[2]), key, _folded(name)))
    problems += _range_problems(ranges)
    if problems:
        raise ConfigError(problems)
    return LabelRule(exact, tuple(ranges), renames or {}, allowed)


def _range_problems(ranges: list[Range]) -> list[str]:
    problems = [
        f"{_SETTING}: range '{each.key}' runs from high to low; write the smaller number first"
        for each in ranges
        if each.low > each.high
    ]
    ordered = sorted(ranges, key=lambda each: each.low)
    for left, right in pairwise(ordered):
        if right.low <= left.high:
            problems.append(
                f"{_SETTING}: ranges '{left.key}' and '{right.key}' overlap; both ends of a "
                "range belong to it"
            )
    return problems


def spell(value: object) -> str | Flaw:
    """Write a label value the one way in which labels are compared.

    Parameters
    ----------
    value : object
        A string, integer, float, boolean, or nothing.

    Returns
    -------
    str or Flaw
        Stripped text in NFC with single spaces; ``1.0`` and ``"1.0"`` become ``"1"``, booleans
        ``"true"`` and ``"false"``; a flaw where there is no value or no single one.

    Examples
    --------
    >>> spell(4.0), spell(" 4.00"), spell(True), spell("Good")
    ('4', '4', 'true', 'Good')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _UNLABELLED
    if isinstance(value, (list, tuple, dict, set, bytes)):
        return Flaw(
            f"the label is a {type(value).__name__}, not a single value",
            f"Name another column with {_COLUMN}, or set data.multilabel=true where a text has "
            "several labels.",
        )
    # As texts: two ways to write an accent look alike, and were two labels.
    word = unicodedata.normalize("NFC", str(value)).strip()
    if not word:
        return _UNLABELLED
    if not word.isprintable() and not _UNFIT.isdisjoint(map(unicodedata.category, word)):
        return Flaw(
            f"the label {word[:40]!r} contains control characters",
            f"Name the right column with {_COLUMN}, or clean the file.",
        )
    word = _folded(word)
    if word.casefold() in {"true", "false"}:
        return word.casefold()  # str(True) and the files of other tools differ in case
    word = match[1] if (match := _WHOLE.fullmatch(word)) else word
    return "0" if word == "-0" else word


def _folded(word: str) -> str:
    return " ".join(word.split())


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort label names: numbers by value when all are numbers, else by name.

    Parameters
    ----------
    names : iterable of str
        Spelled labels.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> in_order(["10", "9", "1"]), in_order(["positive", "negative"])
    (('1', '9', '10'), ('negative', 'positive'))
    """
    everything = list(names)
    if all(_number(name) is not None for name in everything):
        return tuple(sorted(everything, key=lambda name: (_number(name) or 0.0, name)))
    return tuple(sorted(everything))


def look_alikes(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Find label names that differ in case alone, as two hands write one label.

    Examples
    --------
    >>> look_alikes(["Positive", "negative", "positive"])
    [('Positive', 'positive')]
    """
    same: dict[str, list[str]] = {}
    for name in names:
        same.setdefault(name.casefold(), []).append(name)
    return [tuple(alike) for alike in same.values() if len(alike) > 1]


def _number(word: str) -> float | None:
    return float(word) if re.fullmatch(_NUMBER, word) else None
