"""A text's words, as a reader sees them, whatever pieces a tokenizer cuts them into.

Axes: T tokens.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

_RUN = re.compile(r"\S+")
# Between letters or digits they belong to the word: don't, must-see, 8/10, 7.5.
_JOINERS = frozenset("'’-/.")


def spans(text: str) -> list[tuple[int, int]]:
    """Find the words of a text.

    A word is a run of letters and digits; an apostrophe, hyphen, slash or full stop inside it
    belongs to it. Any other sign is a word of its own, the same one in a row counted once; so is
    each Chinese character, as BERT's tokenizers have it.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of (int, int)
        First character, and one past the last; ascending, without overlap.

    Examples
    --------
    >>> text = "Don't miss it: a must-see, 8/10..."
    >>> [text[start:end] for start, end in spans(text)]
    ["Don't", 'miss', 'it', ':', 'a', 'must-see', ',', '8/10', '...']
    """
    return [span for run in _RUN.finditer(text) for span in _split(text, run.start(), run.end())]


def shares(
    text: str, words: list[tuple[int, int]], offsets_T2: np.ndarray
) -> list[list[tuple[int, float]]]:
    """Share each token of a text among the words that its characters belong to.

    Parameters
    ----------
    text : str
    words : list of (int, int)
        From :func:`spans`.
    offsets_T2 : ndarray of int
        The characters of each token.

    Returns
    -------
    list of list of (int, float)
        For each token its words, and the part that falls to each.
    """
    if not words:
        return [[] for _ in offsets_T2]
    word_at = np.full(len(text), -1)
    for word, (start, end) in enumerate(words):
        word_at[start:end] = word
    starts = np.asarray([start for start, _ in words])
    found = []
    for start, end in offsets_T2.tolist():
        covered = word_at[start:end]
        covered = covered[covered >= 0]
        if not len(covered):
            # Only white space, as SentencePiece has it before a word.
            covered = np.asarray([min(int(np.searchsorted(starts, start)), len(words) - 1)])
        own, counts = np.unique(covered, return_counts=True)
        found.append(list(zip(own.tolist(), (counts / len(covered)).tolist(), strict=True)))
    return found


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = start + 1
        match _kind(text[start]):
            case "letter":
                while stop < end and _continues(text, stop, end):
                    stop += 1
            case "sign":
                while stop < end and (text[stop] == text[start] or _kind(text[stop]) == "mark"):
                    stop += 1
            case _:
                pass
        yield start, stop
        start = stop


def _continues(text: str, at: int, end: int) -> bool:
    if text[at] in _JOINERS:
        return at + 1 < end and _kind(text[at + 1]) == "letter"
    return _kind(text[at]) in ("letter", "mark")


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    if "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U0003ffff":
        return "ideograph"
    match unicodedata.category(character)[0]:
        case "P" | "S":
            return "sign"
        case "M" | "C":
            return "mark"
        case _:
            return "letter"
