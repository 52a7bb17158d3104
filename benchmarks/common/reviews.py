"""The texts that every side gets: the bundled IMDB reviews, cleaned, the same rows each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Reviews:
    """Reviews that were cleaned before any side sees them.

    Attributes
    ----------
    texts : list of str
    labels_N : ndarray of int64
        0 negative, 1 positive.
    """

    texts: list[str]
    labels_N: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | np.ndarray) -> Reviews:
        """Return some of them."""
        return Reviews([self.texts[int(i)] for i in rows], self.labels_N[np.asarray(rows, int)])


def bundled(count: int | None = None) -> Reviews:
    """Read the bundled reviews; they stand by label and film, so ``count`` are evenly spaced."""
    from plaudit.data.clean import clean
    from plaudit.data.sources import read, resolve
    from plaudit.errors import MissingExtra

    try:
        rows = read(resolve("bundled"), None).rows
    except MissingExtra as error:
        raise SystemExit(str(error)) from error
    spaced = np.arange(len(rows))
    if count is not None and count < len(rows):
        spaced = np.linspace(0, len(rows) - 1, count).astype(int)
    chosen = rows.select(spaced)
    return Reviews([clean(text) for text in chosen["text"]], np.asarray(chosen["label"], np.int64))


def encode(texts: Sequence[str], max_tokens: int) -> Any:
    """Encode with the bundled tokenizer; a longer text keeps its beginning, as the peers have it.

    Returns
    -------
    plaudit.text.encode.Encoded
    """
    from plaudit.config import TextConfig
    from plaudit.model.build import load_tokenizer
    from plaudit.text.encode import TextEncoder

    config = TextConfig(max_tokens=max_tokens, policy="head")
    return TextEncoder(load_tokenizer("bundled"), config).encode_cached(list(texts))


def mean_length(lengths_N: np.ndarray) -> float:
    """Return the length of the text that the average token stands in.

    Attention's cost per token grows with its own text's length, so long texts count more.
    """
    lengths = np.asarray(lengths_N, dtype=np.float64)
    return float((lengths**2).sum() / lengths.sum())
