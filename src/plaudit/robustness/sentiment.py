"""Which of a model's labels praise and which blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_NEGATIVE = frozenset({"negative", "neg", "bad"})
_POSITIVE = frozenset({"positive", "pos", "good"})
_NEUTRAL = frozenset({"neutral", "neu", "mixed"})


@dataclass(frozen=True, slots=True)
class Sentiment:
    """The places of a sentiment model's labels.

    Attributes
    ----------
    negative, positive : int
    neutral : int or None
    """

    negative: int
    positive: int
    neutral: int | None


def sentiment(labels: Sequence[str]) -> Sentiment | None:
    """Find out whether labels are those of sentiment: negative, positive and perhaps neutral.

    Parameters
    ----------
    labels : sequence of str

    Returns
    -------
    Sentiment or None

    Examples
    --------
    >>> sentiment(("negative", "positive"))
    Sentiment(negative=0, positive=1, neutral=None)
    >>> sentiment(("0", "1")) is None
    True
    """
    plain = [label.casefold().strip() for label in labels]
    places = [[i for i, x in enumerate(plain) if x in known] for known in (_NEGATIVE, _POSITIVE)]
    neutral = [i for i, label in enumerate(plain) if label in _NEUTRAL]
    if [len(each) for each in places] != [1, 1] or len(neutral) > 1:
        return None
    if len(labels) != 2 + len(neutral):
        return None
    return Sentiment(places[0][0], places[1][0], neutral[0] if neutral else None)


def why_not(labels: Sequence[str]) -> str:
    """Say why checks of sentiment do not suit a model with other labels."""
    shown = ", ".join(f"'{label}'" for label in labels[:5]) + (" …" if len(labels) > 5 else "")
    return f"the labels are {shown}, not negative and positive"
