"""Bounds that stand in more than one place."""

from __future__ import annotations

from numbers import Integral

from plaudit.errors import ConfigError

FEWEST_TOKENS = 8
"""Of a text, special tokens included: with fewer next to nothing of it would be read."""


def is_whole(number: object) -> bool:
    """Say whether something is a whole number, numpy's too."""
    return isinstance(number, Integral)


def check_tokens(max_tokens: object) -> None:
    """Raise ConfigError where a text would have fewer tokens, or no number of them."""
    if not isinstance(max_tokens, Integral) or int(max_tokens) < FEWEST_TOKENS:
        raise ConfigError(
            f"max_tokens is {max_tokens!r}; it must be a whole number of {FEWEST_TOKENS} at least."
        )
