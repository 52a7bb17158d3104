"""Sixty-four bits that stand for a text, so that equal texts are found without holding them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


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
