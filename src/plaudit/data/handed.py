"""Texts that a program hands over to be labelled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from plaudit.config.limits import is_whole
from plaudit.data.rows import LONGEST_TEXT
from plaudit.data.text_pairs import SEPARATOR, joined
from plaudit.errors import DataError

T = TypeVar("T")


def refuse_one(texts: object, verb: str = "predict") -> None:
    """Raise DataError for one string in place of several, whose letters would be texts."""
    if isinstance(texts, str):
        raise DataError(f"a list of texts is needed, not one text, as in {verb}([text])")


def check_chunk(chunk: int) -> None:
    """Raise DataError where so many texts at a time are none."""
    if not is_whole(chunk) or chunk < 1:
        raise DataError(f"chunk is {chunk}; it must be a whole number of 1 at least.")


def in_blocks(
    ask: Callable[[Sequence[str]], np.ndarray], cleaned: Sequence[str], chunk: int, classes: int
) -> np.ndarray:
    """Ask about so many texts at a time; return all answers, shape (N, C)."""
    check_chunk(chunk)
    refuse_one(cleaned, "probabilities")
    blocks = (cleaned[i : i + chunk] for i in range(0, len(cleaned), chunk))
    parts = [ask(block) for block in blocks]
    return np.concatenate(parts) if parts else np.zeros((0, classes))


def in_chunks(texts: Iterable[T], chunk: int) -> Iterator[list[T]]:
    """Read so many texts at a time; raise DataError for one string in place of several."""
    refuse_one(texts)
    check_chunk(chunk)
    iterator = iter(texts)
    while block := list(islice(iterator, chunk)):
        yield block


def checked(texts: Sequence[object]) -> list[str]:
    """Return texts as they are; raise DataError for what cannot be labelled."""
    found = []
    for n, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(f"text {n} is {type(text).__name__}, not a string: {text!r:.80}")
        if len(text) > LONGEST_TEXT:
            raise DataError(
                f"text {n} has {len(text):,} characters; at most {LONGEST_TEXT:,} are read. Cut "
                "it, or split it."
            )
        # Between the texts of a pair it has a meaning; in a text it has none.
        found.append(text.replace(SEPARATOR, ""))
    return found


def checked_pairs(pairs: Sequence[object]) -> list[str]:
    """Return pairs, each as one string; raise DataError for what cannot be labelled."""
    for n, pair in enumerate(pairs):
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise DataError(
                f"text {n} is {type(pair).__name__}, not two texts: {pair!r:.80}. The model was "
                "trained on pairs (data.text_pair): predict([(text, second)])"
            )
    firsts, seconds = zip(*pairs, strict=True)
    return list(map(joined, checked(firsts), checked(seconds)))
