"""Which words and runs of words a text has, hashed, so that no vocabulary is kept.

Axes: N texts, G runs of words, T words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.data.text_pairs import SEPARATOR, halves

ROWS_AT_ONCE = 5_000
MAX_ROWS = 100_000
"""About 1.5 GB while fitting; more rows hardly move a linear model."""
ROWS_FOR_MIN_DF = 200
"""With fewer, dropping words seen once leaves too little."""

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Counting:
    """What of a text is counted.

    Attributes
    ----------
    pattern : str
        Regular expression of a token.
    longest : int
        Tokens in a run; shorter ones are counted too.
    hashed : int
        Features, before those that training did not see are dropped.
    """

    pattern: str
    longest: int
    hashed: int

    def described(self) -> dict[str, str]:
        """Return it for a file's header: under one key, since the order of several is random."""
        return {"counts": json.dumps(asdict(self))}


PAIRS_OF_WORDS = Counting(r"\b\w+\b", 2, 2**20)
"""Words of one letter count too."""
PAIRS_OF_TOKENS = Counting(r"\w+|[^\w\s]", 2, 2**20)
"""Words and marks: "!" and "?" tell something too."""


def learnt(texts: Sequence[str], targets: Integers) -> Integers:
    """Return which rows a linear model is trained on: all, or as many as it has room for.

    Raises
    ------
    ValueError
        Texts and targets differ in number, or there are none.
    """
    rows = len(texts)
    if rows != len(targets) or not rows:
        raise ValueError(
            f"one target a text is needed, found {rows} texts and {len(targets)} targets"
        )
    if rows <= MAX_ROWS:
        return np.arange(rows)
    return np.linspace(0, rows - 1, MAX_ROWS).astype(np.int64)


def frequent(counts: Any, rows: int) -> Integers:
    """Return the features worth keeping: those of two texts or more, where there are enough."""
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    columns = np.flatnonzero(documents >= (2 if rows >= ROWS_FOR_MIN_DF else 1))
    # No word at all: an empty column leaves the classes' shares to learn.
    return columns if len(columns) else np.zeros(1, dtype=np.int64)


def count(texts: Sequence[str], chosen: Integers, counting: Counting) -> Iterator[Any]:
    """Count words and runs of words, in sparse blocks of bounded size.

    Parameters
    ----------
    texts : sequence of str
        Single ones, or pairs as :mod:`plaudit.data.text_pairs` joins them; the words of either
        text of a pair are counted apart.
    chosen : ndarray of int
        Which of them.
    counting : Counting

    Yields
    ------
    scipy.sparse.csr_matrix
    """
    from scipy import sparse

    counter = _counter(counting, ngram_range=(1, counting.longest), token_pattern=counting.pattern)
    for start in range(0, len(chosen), ROWS_AT_ONCE):
        block = [texts[row] for row in chosen[start : start + ROWS_AT_ONCE].tolist()]
        if SEPARATOR not in block[0]:
            yield counter.transform(block)
        else:
            both = zip(*map(halves, block), strict=True)
            yield sparse.hstack([counter.transform(half) for half in both], format="csr")


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Where what is counted stands in a text.

    Attributes
    ----------
    spans_T2 : ndarray of int64
        The characters of each word: first, and one past the last.
    columns_G : ndarray of int
        The feature of each run of words, repeated ones too.
    first_G, words_G : ndarray of int64
        The first word of each run, and how many it has.
    """

    spans_T2: Integers
    columns_G: Integers
    first_G: Integers
    words_G: Integers

    def without(self, hidden: NDArray[np.bool_]) -> Runs:
        """Return the runs that have no word with a hidden character; words stay in their places."""
        ahead = np.concatenate([[0], np.cumsum(hidden)])
        last_G = self.first_G + self.words_G - 1
        seen_T = ahead[self.spans_T2[:, 1]] == ahead[self.spans_T2[:, 0]]
        unseen = np.concatenate([[0], np.cumsum(~seen_T)])
        left_G = unseen[last_G + 1] == unseen[self.first_G]
        return replace(
            self,
            columns_G=self.columns_G[left_G],
            first_G=self.first_G[left_G],
            words_G=self.words_G[left_G],
        )


def runs(text: str, counting: Counting) -> Runs:
    """Find all that :func:`count` counts of one text, and where it stands.

    Parameters
    ----------
    text : str
        A single one.
    counting : Counting

    Returns
    -------
    Runs
    """
    lowered = text.lower()
    # Some characters are two in lower case.
    place = np.repeat(np.arange(len(text)), [len(character.lower()) for character in text])
    found = list(re.finditer(counting.pattern, lowered))
    words = [match.group() for match in found]
    spans = [(place[match.start()], place[match.end() - 1] + 1) for match in found]
    lengths = range(1, counting.longest + 1)
    all_runs = [(first, n) for n in lengths for first in range(len(words) - n + 1)]
    first_G, words_G = np.asarray(all_runs, dtype=np.int64).reshape(-1, 2).T
    named = [" ".join(words[first : first + n]) for first, n in all_runs]
    spans_T2 = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    return Runs(spans_T2, _columns(named, counting), first_G, words_G)


def _columns(named: Sequence[str], counting: Counting) -> Integers:
    if not named:
        return np.zeros(0, dtype=np.int64)
    counter = _counter(counting, analyzer=lambda run: [run])
    found: Integers = counter.transform(named).indices
    return found


def _counter(counting: Counting, **how: Any) -> Any:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        n_features=counting.hashed, alternate_sign=False, norm=None, dtype=np.float32, **how
    )
