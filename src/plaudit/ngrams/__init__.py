"""A linear model of words and pairs of words, which can stand beside an encoder."""

from plaudit.ngrams.counting import (
    PAIRS_OF_TOKENS,
    PAIRS_OF_WORDS,
    Counting,
    count,
    frequent,
    learnt,
)
from plaudit.ngrams.linear import NgramModel, fit

__all__ = [
    "PAIRS_OF_TOKENS",
    "PAIRS_OF_WORDS",
    "Counting",
    "NgramModel",
    "count",
    "fit",
    "frequent",
    "learnt",
]
