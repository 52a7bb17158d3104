"""From label values to sets of labels, where a text may have none, one or several.

Axes: K codes (different sets of labels in the data), L labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plaudit.data.labels import LabelRule, spell
from plaudit.data.problems import Flaw
from plaudit.errors import DataError

if TYPE_CHECKING:
    import numpy as np

Names = tuple[str, ...]
_YES, _NO = frozenset({"1", "true"}), frozenset({"0", "false"})
_OTHERS = (";", ",", "/", "|", "\t")
"""Separators that a file may have in place of the one asked for."""


@dataclass(frozen=True, slots=True)
class SetRule:
    """How a label value becomes the names of a text's labels.

    Attributes
    ----------
    each : LabelRule
        For one label.
    separator : str
        What joins labels in a string.
    """

    each: LabelRule
    separator: str

    @property
    def allowed(self) -> Names | None:
        """The fixed label set; None: whatever comes."""
        return self.each.allowed

    def names(self, value: object) -> Names | Flaw:
        """Name the labels of one row.

        Parameters
        ----------
        value : object
            A list of labels, a string, or a mapping from labels to 0 or 1; nothing at all (null,
            an empty string or list) is no label.

        Returns
        -------
        tuple of str or Flaw
            Sorted, so that equal sets are equal.

        Examples
        --------
        >>> rule = SetRule(LabelRule(), "|")
        >>> rule.names("joy | anger"), rule.names(["joy"]), rule.names({"joy": 0, "fear": "1"})
        (('anger', 'joy'), ('joy',), ('fear',))
        >>> rule.names(""), rule.names(None)
        ((), ())
        """
        words = self._words(value)
        if isinstance(words, Flaw):
            return words
        twice = [word for i, word in enumerate(words) if word in words[:i]]
        if twice:
            return Flaw(f"the label '{twice[0]}' stands twice", "Name each label of a text once.")
        named = [self.each.name(word) for word in words]
        for name in named:
            if isinstance(name, Flaw):
                return name
            if self.separator in name:
                return Flaw(
                    f"the label '{name}' holds {self.separator!r}, which joins labels",
                    "Set data.label_separator to what no label holds.",
                )
        return tuple(sorted({name for name in named if isinstance(name, str)}))

    def check_separator(self, found: Iterable[Names]) -> None:
        """Raise DataError where another separator than the one asked for joins the labels.

        Parameters
        ----------
        found : iterable of tuple of str
            All sets of labels in the data.
        """
        sets = list(found)
        if any(len(names) > 1 for names in sets):
            return
        others = [sign for sign in _OTHERS if sign != self.separator]
        for label in (name for names in sets for name in names):
            for sign in others:
                if sign in label:
                    raise DataError(
                        f"no row has two labels joined by {self.separator!r}, but the label "
                        f"{label!r} holds {sign!r}. If that joins labels, set "
                        f"data.label_separator={sign!r}; if each text has one label, leave out "
                        "data.multilabel."
                    )

    def _words(self, value: object) -> list[str] | Flaw:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return []
        if isinstance(value, Mapping):
            return _marked(value)
        if isinstance(value, str):
            return self._split(value)
        return _spelled(value if isinstance(value, list | tuple) else [value])

    def _split(self, value: str) -> list[str] | Flaw:
        word = value.strip()
        if not word:
            return []
        if word[0] + word[-1] in ("[]", "{}", "()"):
            return Flaw(
                f"the labels are a list written as text: {word[:40]!r}",
                f"Join them with {self.separator!r} (data.label_separator), or write real lists "
                "in a .jsonl or .parquet file.",
            )
        parts = word.split(self.separator)
        if not all(part.strip() for part in parts):
            return Flaw(
                f"there is no label on one side of {self.separator!r} in {word[:40]!r}",
                "Put separators between labels only (data.label_separator names it).",
            )
        return _spelled(parts)


def _spelled(values: Iterable[object]) -> list[str] | Flaw:
    words = []
    for value in values:
        word = spell(value)
        if isinstance(word, Flaw):
            empty = value is None or not str(value).strip()
            found = "one of the labels is empty" if empty else word.found
            return Flaw(found, "Write each label as a string or a number; no label: an empty list.")
        words.append(word)
    return words


def _marked(values: Mapping[object, object]) -> list[str] | Flaw:
    """Return the names that are marked with 1."""
    marked = []
    for name, value in values.items():
        word = spell(value)
        if word not in _YES | _NO:
            found = "nothing" if isinstance(word, Flaw) else f"'{word}'"
            return Flaw(
                f"the column '{name}' has {found}, not 0 or 1",
                "A column a label holds 1 where the text has it, else 0 (true and false will do).",
            )
        if word in _YES:
            marked.append(str(name))
    return marked


def lookup(codes: Mapping[Names, int], labels: Names, rule: LabelRule | SetRule) -> np.ndarray:
    """Return what each code stands for.

    Parameters
    ----------
    codes : mapping of tuple of str to int
        The labels that a row may have, and their code: 0, 1 and so on.
    labels : tuple of str
    rule : LabelRule or SetRule

    Returns
    -------
    ndarray of int64
        Of one label a row, its index, shape (K,); of several, 0 or 1 for each, shape (K, L).
    """
    import numpy as np

    index = {label: place for place, label in enumerate(labels)}
    if isinstance(rule, LabelRule):
        one_K = np.zeros(max(len(codes), 1), dtype=np.int64)
        for names, code in codes.items():
            one_K[code] = index[names[0]]
        return one_K
    marks_KL = np.zeros((max(len(codes), 1), len(labels)), dtype=np.int64)
    for names, code in codes.items():
        for name in names:
            marks_KL[code, index[name]] = 1
    return marks_KL


def named(marks_NL: np.ndarray, labels: Names) -> list[Names]:
    """Return the labels of each row.

    Parameters
    ----------
    marks_NL : ndarray of int or bool
    labels : tuple of str

    Returns
    -------
    list of tuple of str
    """
    return [
        tuple(label for label, mark in zip(labels, row, strict=True) if mark)
        for row in marks_NL.tolist()
    ]


def listed(names: Iterable[str]) -> str:
    """Write a text's labels for a reader.

    Examples
    --------
    >>> listed(("joy", "fear")), listed(())
    ('joy, fear', '(no label)')
    """
    return ", ".join(names) or "(no label)"
