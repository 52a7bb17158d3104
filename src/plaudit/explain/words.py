"""A text's words, as a reader sees them, whatever pieces a tokenizer cuts them into."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

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
