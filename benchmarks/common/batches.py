"""The reviews that sides are trained on, and which of an epoch's batches a turn takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.reviews import Reviews, encode, mean_length
from plaudit.text.encoded import Encoded

Batches = list[list[int]]


@dataclass(frozen=True, slots=True)
class Pool:
    """The rows that all sides draw their batches from.

    Attributes
    ----------
    encoded : Encoded
    labels_N : ndarray of int64
    max_tokens : int
        A longer review keeps its beginning.
    """

    encoded: Encoded
    labels_N: np.ndarray
    max_tokens: int

    @classmethod
    def of(cls, reviews: Reviews, max_tokens: int) -> Pool:
        """Encode reviews."""
        return cls(encode(reviews.texts, max_tokens), reviews.labels_N, max_tokens)

    @property
    def lengths_N(self) -> np.ndarray:
        """Tokens of each review, special tokens included."""
        return self.encoded.longest_N()

    @property
    def mean_length(self) -> float:
        """Length of the review that the average token stands in."""
        return mean_length(self.lengths_N)

    def tokens(self, batches: Batches) -> int:
        """Count real tokens."""
        return int(sum(self.lengths_N[batch].sum() for batch in batches))

    def item(self, n: int) -> dict[str, Any]:
        """Return one review as a tokenizer gives it."""
        ids = self.encoded.piece(n).tolist()
        return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": int(self.labels_N[n])}


def chosen(batches: Batches, longest_N: np.ndarray, tokens: int, round_: int) -> Batches:
    """Choose a fair part of an epoch: batches at even steps through those sorted by width.

    Batches differ in width, and wide ones are slower; other ones are taken in each round.

    Parameters
    ----------
    batches : list of list of int
    longest_N : ndarray of int
        Tokens of each review.
    tokens : int
        Real tokens wanted; at least one batch is returned.
    round_ : int
    """
    ordered = sorted(batches, key=lambda batch: (int(longest_N[batch].max()), batch))
    average = sum(int(longest_N[batch].sum()) for batch in batches) / len(batches)
    count = max(1, min(len(batches), round(tokens / average)))
    shift = (0.5 + 0.618 * round_) % 1.0
    return [ordered[int((i + shift) * len(ordered) / count)] for i in range(count)]


def with_warm_up(plan: Batches, counted: Batches, longest_N: np.ndarray, warm_rows: int) -> Batches:
    """Put rows of the narrowest batch first: that step makes the optimiser's state, uncounted."""
    narrowest = min(plan, key=lambda batch: int(longest_N[batch].max()))
    return [narrowest[:warm_rows], *counted]


def sixteens(count: int, size: int, order: Sequence[int] | None = None) -> Batches:
    """Cut an order of rows into full batches of one size."""
    rows = list(np.random.default_rng(0).permutation(count) if order is None else order)
    size = min(size, count)
    return [[int(n) for n in rows[i : i + size]] for i in range(0, count - size + 1, size)]
