"""Bounds that stand in more than one place."""

from __future__ import annotations

from numbers import Integral

FEWEST_TOKENS = 8
"""Of a text, special tokens included: with fewer next to nothing of it would be read."""


def is_whole(number: object) -> bool:
    """Say whether something is a whole number, numpy's too."""
    return isinstance(number, Integral)
