"""The generated checks: what each changes, what must hold then, and on which texts it is tried.

Source: Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList": its
minimum functionality tests (MFT), invariance tests (INV) and directional expectation tests (DIR).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Literal

import numpy as np

from plaudit.robustness import lexicon, perturb
from plaudit.robustness.sentiment import Sentiment, sentiment, why_not

Kind = Literal["MFT", "INV", "DIR"]
Perturbation = Callable[[str, Random], str]
TOLERANCE = 0.1
"""By how much a probability may move the wrong way in a directional check; CheckList's value."""

INVARIANCES: dict[str, tuple[str, Perturbation]] = {
    "typos": ("neighbouring letters swapped in one word of twenty", perturb.typos),
    "upper case": ("all in capitals", perturb.upper_case),
    "lower case": ("no capitals", perturb.lower_case),
    "punctuation": ("punctuation taken away", perturb.without_punctuation),
    "HTML": ("escaped, with <p> and <br />, as a web page has it", perturb.with_html),
    "emoji": ("an emoji added that does not judge", perturb.with_emoji),
    "irrelevant sentence": (
        "a sentence added about something else", perturb.with_irrelevant_sentence,
    ),
    "names": ("first names swapped for others", perturb.with_other_names),
    "repetition": ("the whole text twice", perturb.repeated),
    "shortening": ("the last fifth of the words left out", perturb.shortened),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A cleaned text and where it stands."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class Case:
    """One try of a check.

    Attributes
    ----------
    before : str
        The text as it was; "" where a check has none.
    after : str
        What the model must cope with.
    origin : str
    """

    before: str
    after: str
    origin: str


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a model says of a text: the label that it decides for, and all probabilities."""

    label: int
    probabilities_C: np.ndarray


@dataclass(frozen=True, slots=True)
class Holds:
    """What must hold of the answers to a case, before and after.

    Attributes
    ----------
    labels : frozenset of int
        MFT: the labels that are right.
    rising : int or None
        DIR: the label whose probability must not fall by more than ``TOLERANCE``.
        With neither, INV: the label stays.
    """

    labels: frozenset[int] = frozenset()
    rising: int | None = None

    def __call__(self, before: Said, after: Said) -> bool:
        """Tell whether it holds."""
        if self.labels:
            return after.label in self.labels
        if self.rising is not None:
            rose = after.probabilities_C[self.rising] - before.probabilities_C[self.rising]
            return float(rose) >= -TOLERANCE
        return after.label == before.label


@dataclass(frozen=True, slots=True)
class Check:
    """A check, ready to be run.

    Attributes
    ----------
    name : str
    kind : {"MFT", "INV", "DIR"}
    change : str
        What the texts are, or what is done to them.
    expected : str
        In words.
    holds : Holds
    cases : tuple of Case
    skipped : str
        Why it cannot be run; "" when it can.
    """

    name: str
    kind: Kind
    change: str
    expected: str
    holds: Holds = Holds()
    cases: tuple[Case, ...] = ()
    skipped: str = ""


def build(texts: Sequence[Text], labels: Sequence[str], seed: int) -> list[Check]:
    """Make all checks for a model.

    Parameters
    ----------
    texts : sequence of Text
        Real ones, for the checks that change a text.
    labels : sequence of str
        Of the model. Checks of sentiment are skipped when these are others.
    seed : int
        Equal seeds give equal checks; no check's cases depend on another's.

    Returns
    -------
    list of Check
    """
    found = sentiment(labels)
    return [
        *_functionality(found, labels, seed),
        *_directions(texts, found, labels, seed),
        *(_invariance(name, texts, seed) for name in INVARIANCES),
    ]


def _invariance(name: str, texts: Sequence[Text], seed: int) -> Check:
    change, perturbation = INVARIANCES[name]
    cases = _changed(texts, perturbation, f"{seed}/{name}")
    skipped = "" if cases else "there is nothing to change in these texts"
    return Check(name, "INV", change, "the label stays", Holds(), cases, skipped)


def _changed(texts: Sequence[Text], perturbation: Perturbation, seed: str) -> tuple[Case, ...]:
    """Change each text by a random of its own, so that no text's case depends on the others."""
    pairs = ((each, perturbation(each.text, Random(f"{seed}/{each.text}"))) for each in texts)  # noqa: S311
    return tuple(Case(t.text, after, t.origin) for t, after in pairs if after != t.text)


def _functionality(found: Sentiment | None, labels: Sequence[str], seed: int) -> list[Check]:
    plain, negated = lexicon.PLAIN_TEMPLATES, lexicon.NEGATED_TEMPLATES
    praise, blame = lexicon.PRAISE, lexicon.BLAME
    specs = [
        ("praise", "sentences that praise", plain, praise, True, False),
        ("blame", "sentences that blame", plain, blame, False, False),
        ("negated praise", "sentences that deny praise: not good", negated, praise, False, True),
        ("negated blame", "sentences that deny blame: not bad", negated, blame, True, True),
    ]
    checks = []
    for name, change, templates, words, positive, neutral_too in specs:
        if found is None:
            expected = "positive" if positive else "negative"
            checks.append(Check(name, "MFT", change, expected, skipped=why_not(labels)))
            continue
        right = [found.positive if positive else found.negative]
        if neutral_too and found.neutral is not None:
            right.append(found.neutral)
        expected = " or ".join(labels[place] for place in right)
        cases = _sentences(templates, words, Random(f"{seed}/{name}"))  # noqa: S311
        checks.append(Check(name, "MFT", change, expected, Holds(frozenset(right)), cases))
    return checks


def _sentences(templates: Sequence[str], words: Sequence[str], random: Random) -> tuple[Case, ...]:
    sentences = [
        template.format(noun=random.choice(lexicon.NOUNS), word=word)
        for template in templates
        for word in words
    ]
    return tuple(Case("", sentence, "template") for sentence in sentences)


def _directions(
    texts: Sequence[Text], found: Sentiment | None, labels: Sequence[str], seed: int
) -> list[Check]:
    checks = []
    for name, sentences, positive in (
        ("praise added", lexicon.PRAISING, True),
        ("blame added", lexicon.BLAMING, False),
    ):
        change = f"a sentence added that {'praises' if positive else 'blames'}"
        if found is None:
            checks.append(Check(name, "DIR", change, "", skipped=why_not(labels)))
            continue
        rising = found.positive if positive else found.negative
        expected = f"{labels[rising]} falls by {TOLERANCE} at most"
        cases = _changed(texts, partial(_appended, sentences=sentences), f"{seed}/{name}")
        checks.append(Check(name, "DIR", change, expected, Holds(rising=rising), cases))
    return checks


def _appended(text: str, random: Random, *, sentences: Sequence[str]) -> str:
    return f"{text} {random.choice(sentences)}"
