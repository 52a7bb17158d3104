"""Runs and models side by side on the same rows: which is better, and where they differ."""

from plaudit.compare.comparing import compare

__all__ = ["compare"]
