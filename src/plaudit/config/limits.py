"""Bounds that stand in more than one place."""

FEWEST_TOKENS = 8
"""Of a text, special tokens included: with fewer next to nothing of it would be read."""
