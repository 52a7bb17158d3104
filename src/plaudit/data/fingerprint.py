"""Sixty-four bits that stand for a text, so that equal texts are found without holding them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_NO_ASCII_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())
# Beside what is no letter: Latin letters with accents, which copies lose, and the accents alone.
_LOST = re.compile("[\\W_\u00aa-\u024f\u0300-\u036f\u1e00-\u1eff]+")


def fingerprint(text: str) -> int:
    """Return a number that equal texts share, on every machine and in every run.

    Parameters
    ----------
    text : str
        Cleaned text, so that texts that differ only in mark-up count as equal.

    Returns
    -------
    int
        From 0 up to 2**64. Among ten million different texts, the chance that any two share
        theirs is about 3 in a million.

    Examples
    --------
    >>> fingerprint("A triumph.") == fingerprint("A triumph!")
    False
    """
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def fingerprints(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return the fingerprint of each text.

    Parameters
    ----------
    texts : iterable of str
        Cleaned texts; read once, one at a time.

    Returns
    -------
    ndarray of uint64, shape (N,)
    """
    return np.fromiter(map(fingerprint, texts), dtype=np.uint64)


def loose_fingerprints(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return numbers that texts share when they differ in case, spacing and punctuation only.

    Published pairs of original and edited reviews are copies in which quotes were doubled, spaces
    moved and letters with accents lost. The numbers are of another kind than those of
    :func:`fingerprints`: none of the ones equals one of the others, so a set can hold both.

    Parameters
    ----------
    texts : iterable of str
        Cleaned texts.

    Returns
    -------
    ndarray of uint64, shape (N,)

    Examples
    --------
    >>> a, b, c = loose_fingerprints(["A protégé's  triumph.", '"A protgs triumph"', "A triumph"])
    >>> a == b, a == c
    (np.True_, np.False_)
    """
    return fingerprints("\0" + _folded(text) for text in texts)


def _folded(text: str) -> str:
    """Keep letters and digits, but for Latin letters with accents; of other scripts, all."""
    lower = text.casefold()
    if lower.isascii():  # ten times as fast as a regular expression
        return lower.encode().translate(None, _NO_ASCII_LETTERS).decode() or text
    return _LOST.sub("", lower) or text


def finalised(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit of numbers over all of them: two rounds of multiply and shift.

    Notes
    -----
    Source: Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", the
    finaliser of SplitMix64; a bijection.
    """
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))
