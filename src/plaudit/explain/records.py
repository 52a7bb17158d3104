"""What explanations are: frozen records, and their plain form for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from plaudit.evaluate.scores import Estimate

Method = Literal["gradient", "integrated-gradients"]


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its push.

    Attributes
    ----------
    text : str
    start, end : int
        Its characters in the explanation's text: first, and one past the last.
    score : float or None
        Its push towards the target, in log-odds; below 0 away from it. None: the model did not
        read it, since the long-text policy cut it or the tokenizer dropped it.
    """

    text: str
    start: int
    end: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a text got its label.

    Attributes
    ----------
    text : str
        Cleaned, as the model reads it.
    target : str
        The label that scores push towards.
    predicted : str
    probability : float
        Of the target, calibrated.
    method : {"gradient", "integrated-gradients"}
    words : tuple of Word
    log_odds : float
        Of the target, by the model's logits before calibration: ``log(p / (1 - p))`` of that
        probability; with two labels the difference of their logits.
    baseline_log_odds : float or None
        The same with every word hidden; None by the method "gradient".
    delta : float or None
        How far the sum of all scores misses ``log_odds - baseline_log_odds``; None by "gradient".
    by_words : bool
        A model of words answered in the encoder's place (``ngrams.cascade``), and all is of that.
    """

    text: str
    target: str
    predicted: str
    probability: float
    method: Method
    words: tuple[Word, ...]
    log_odds: float
    baseline_log_odds: float | None = None
    delta: float | None = None
    by_words: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        document: dict[str, Any] = _plain(asdict(self))
        return document


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """How much the model's answer depends on the words that an explanation names.

    Attributes
    ----------
    texts : int
    hidden : tuple of float
        Shares of a text's words that were hidden, from 0 to 1.
    supportive, random, reverse : tuple of float
        Mean probability of the label given to the whole text, for each share: words hidden from
        the most supportive on, in random order, and from the least supportive on.
    below_random, below_reverse : Estimate
        Mean area between the curve ``supportive`` and the other. Above 0: hiding the words that
        were named costs the label more than hiding others.
    confidence : float
        Coverage of the intervals, over texts.
    """

    texts: int
    hidden: tuple[float, ...]
    supportive: tuple[float, ...]
    random: tuple[float, ...]
    reverse: tuple[float, ...]
    below_random: Estimate
    below_reverse: Estimate
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        document: dict[str, Any] = _plain(asdict(self))
        return document


@dataclass(frozen=True, slots=True)
class Driver:
    """A word or phrase that pushes towards a label over many texts.

    Attributes
    ----------
    text : str
        In lower case.
    count : int
        Occurrences that the model read.
    texts : int
        Texts that have it.
    push : Estimate
        Mean push of an occurrence, in log-odds, with an interval over texts.
    """

    text: str
    count: int
    texts: int
    push: Estimate


@dataclass(frozen=True, slots=True)
class GlobalWords:
    """What drives each label over many texts.

    Attributes
    ----------
    texts : int
    min_texts : int
        What stands in fewer is not listed.
    confidence : float
        Coverage of each interval by itself.
    words, phrases : dict of str to tuple of Driver
        By label; first what pushes surely, by the lower end of its interval.
    """

    texts: int
    min_texts: int
    confidence: float
    words: dict[str, tuple[Driver, ...]]
    phrases: dict[str, tuple[Driver, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        document: dict[str, Any] = _plain(asdict(self))
        return document


def _plain(value: Any) -> Any:
    """Turn tuples into lists, so that a document equals what is read back from its JSON."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return value
