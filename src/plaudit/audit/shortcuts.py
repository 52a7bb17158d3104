"""What gives a label away: words that one label alone uses, and ratings that stand in the text.

Axes: N texts, F features, L labels.

Notes
-----
Source of the z-scores: Monroe, Colaresi and Quinn 2008, "Fightin' Words", section 3.3.2
(log-odds ratio with an informative Dirichlet prior).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.audit.records import EXAMPLES, Change, Finding, Found, Table, share
from plaudit.audit.words import Features

Floats = NDArray[np.float64]

SHOWN_WORDS = 12
"""Words a label in the result."""
MOST_LABELS = 20
"""Labels for which words are listed: the most frequent ones."""
PURE, ODDS, COMMON = 0.98, 20.0, 0.005
"""A word is a shortcut when so many of its texts have one label, which multiplies that label's
odds so often, and when it stands in so many of all texts."""
MANY = 0.05
"""Share of the rows that hold a shortcut, from which on it is a warning."""
_PRIOR_WORDS = 500.0
"""Weight of the prior, in words: that of a text or two, so that rare words are not believed."""
_WORDED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {word: str(number) for number, word in enumerate(_WORDED)} | {"hundred": "100"}
_RATING = re.compile(
    # "the two stars" are actors.
    r"(?<![\w/.])(?<!the )(?<!its )(?<!these )(?<!those )(?P<value>\d{1,3}(?:[.,]\d)?|"
    + "|".join(_WORDED)
    + r")"
    r"(?:\s?(?:/|out of)\s?(?P<scale>5|10|100|five|ten|hundred)(?![\w/])|\sstars?\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TellingWord:
    """A word, or two, that one label's texts use more.

    Attributes
    ----------
    word : str
    label : str
    z : float
        How sure the difference is.
    texts : int
        That hold it.
    purity : float
        Share of these that have the label.
    """

    word: str
    label: str
    z: float
    texts: int
    purity: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "word": self.word,
            "label": self.label,
            "z": self.z,
            "texts": self.texts,
            "purity": self.purity,
        }


def telling_words(table: Table, features: Features) -> tuple[list[TellingWord], list[Found]]:
    """Find the words and pairs of words that go with a label.

    Parameters
    ----------
    table : Table
    features : Features
        Of the table's texts.

    Returns
    -------
    tuple of (list of TellingWord, list of Found)
        The strongest of each label; and ``shortcut_words``, if some are too good to be true.
    """
    if features.has_NF.shape[1] < 2:  # no word stands in two texts
        return [], []
    sizes_L = np.bincount(table.rows.targets_N, minlength=len(table.labels))
    texts_F = _texts(features.has_NF)
    telling: list[TellingWord] = []
    pure: list[tuple[int, TellingWord]] = []
    for label in np.argsort(-sizes_L, kind="stable")[:MOST_LABELS].tolist():
        if 0 < sizes_L[label] < len(table):
            own_F = _texts(features.has_NF[np.flatnonzero(table.rows.targets_N == label)])
            use = _Use(table.labels[label], own_F, texts_F, _z(own_F, texts_F))
            best = np.argsort(-use.z_F, kind="stable")[:SHOWN_WORDS].tolist()
            telling += [use.word(features, feature) for feature in best if use.z_F[feature] > 0]
            share_ = sizes_L[label] / len(table)
            pure += [(each, use.word(features, each)) for each in use.pure(share_, len(table))]
    return telling, _shortcut(table, features, pure)


@dataclass(frozen=True, slots=True, eq=False)
class _Use:
    """How a label's texts use the features."""

    label: str
    own_F: Floats
    texts_F: Floats
    z_F: Floats

    def word(self, features: Features, feature: int) -> TellingWord:
        texts = float(self.texts_F[feature])
        purity = float(self.own_F[feature]) / texts
        name = features.name(feature)
        return TellingWord(name, self.label, float(self.z_F[feature]), int(texts), purity)

    def pure(self, share_: float, rows: int) -> list[int]:
        """Return the features that hardly any other label's texts have."""
        odds_F = (self.own_F + 0.5) / (self.texts_F - self.own_F + 0.5) * (1 - share_) / share_
        found_F = (self.own_F >= PURE * self.texts_F) & (odds_F >= ODDS)
        return np.flatnonzero(found_F & (self.texts_F >= max(COMMON * rows, 20))).tolist()


def _texts(has_NF: Any) -> Floats:
    """Return how many texts have each feature."""
    return np.bincount(has_NF.indices, minlength=has_NF.shape[1]).astype(np.float64)


def _z(own_F: Floats, texts_F: Floats) -> Floats:
    """Return the z-score of each feature's log-odds ratio between a label and the others."""
    other_F = texts_F - own_F
    prior_F = texts_F * (_PRIOR_WORDS / texts_F.sum())
    own, other = own_F.sum() + _PRIOR_WORDS, other_F.sum() + _PRIOR_WORDS
    own_F, other_F = own_F + prior_F, other_F + prior_F
    delta_F = np.log(own_F / (own - own_F)) - np.log(other_F / (other - other_F))
    z_F: Floats = delta_F / np.sqrt(1 / own_F + 1 / other_F)
    return z_F


def _shortcut(table: Table, features: Features, pure: list[tuple[int, TellingWord]]) -> list[Found]:
    if not pure:
        return []
    pure = sorted(pure, key=lambda pair: -pair[1].texts)
    columns = features.has_NF[:, [feature for feature, _ in pure]]
    rows = np.unique(columns.nonzero()[0])
    named = ", ".join(f"“{word.word}” ({word.label})" for _, word in pure[:EXAMPLES])
    examples = []
    for feature, word in pure[:EXAMPLES]:
        row = int(features.has_NF[:, [feature]].nonzero()[0][0])
        pattern = r"\s*".join(map(re.escape, word.word.split(" ")))
        place = re.search(pattern, table.rows.texts[row].lower())
        detail = f"“{word.word}”: {word.texts:,} texts, {share(word.purity, 1)} {word.label}"
        examples.append(table.example(row, detail, place.start() if place else 0))
    finding = Finding(
        "shortcut_words",
        "warning" if len(rows) >= MANY * len(table) else "note",
        f"words or pairs that give the label away on their own: {len(pure):,}: {named}",
        len(rows),
        "Strip what would not be there in use (names, links, templates); leave honest praise.",
        tuple(examples),
        {"words": len(pure)},
    )
    return [Found(finding)]


def written_ratings(table: Table) -> list[Found]:
    """Find ratings that stand in the text, such as "8/10", and how well they give the label away.

    Parameters
    ----------
    table : Table

    Returns
    -------
    list of Found
        ``ratings``, or nothing. Its ``accuracy`` is that of giving each text the label that most
        other texts with the same rating have.
    """
    found = [
        (row, match)
        for row, text in enumerate(table.rows.texts)
        if (match := _last_rating(text)) is not None
    ]
    if not found:
        return []
    ratings = [_spelling(match) for _, match in found]
    targets = table.rows.targets_N[[row for row, _ in found]]
    votes: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for rating, target in zip(ratings, targets.tolist(), strict=True):
        votes[rating][target] += 1
    right = known = 0
    for rating, target in zip(ratings, targets.tolist(), strict=True):
        others = votes[rating].copy()
        others[target] -= 1
        if others.total():
            known += 1
            right += max(others, key=lambda label: (others[label], -label)) == target
    accuracy = right / known if known else 0.0
    base = float(np.bincount(targets).max() / len(targets))
    telling = known >= 20 and accuracy > base + 0.1
    how = f"; the rating alone tells the label of {share(accuracy, 1)} of them" if known else ""
    finding = Finding(
        "ratings",
        "warning" if telling else "note",
        f"rows with a written rating such as “{found[0][1][0]}”: {len(found):,} "
        f"({share(len(found), len(table))}){how}",
        len(found),
        "A model may learn the number in place of the opinion; the fix takes the ratings out.",
        tuple(
            table.example(row, f"“{match[0]}”", match.start()) for row, match in found[:EXAMPLES]
        ),
        {"accuracy": accuracy, "most_frequent_label": base},
    )
    changes = (Change(row, "took a written rating out", without_ratings) for row, _ in found)
    return [Found(finding, tuple(changes))]


def without_ratings(text: str) -> str:
    """Take written ratings out of a text.

    Examples
    --------
    >>> without_ratings("Dull. 3/10")
    'Dull. '
    """
    return _RATING.sub(lambda found: "" if _is_rating(found) else found[0], text)


def _last_rating(text: str) -> re.Match[str] | None:
    """Return the last rating: reviewers sum up at the end."""
    if "/" not in text and " of " not in text and "star" not in text.lower():
        return None
    return next((each for each in reversed([*_RATING.finditer(text)]) if _is_rating(each)), None)


def _spelling(match: re.Match[str]) -> str:
    value, scale = _number(match["value"]), match["scale"]
    return f"{value:g}/{_number(scale):g}" if scale else f"{value:g} stars"


def _number(word: str) -> float:
    word = word.lower()
    return float(_NUMBERS.get(word, word).replace(",", "."))


def _is_rating(match: re.Match[str]) -> bool:
    return _number(match["value"]) <= (_number(match["scale"]) if match["scale"] else 10)
