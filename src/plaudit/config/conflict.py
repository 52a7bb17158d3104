"""What a rule over several settings finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Conflict:
    """Settings that do not go together.

    Attributes
    ----------
    keys : tuple of str
        The settings, the one to change first.
    message : str
        One sentence.
    """

    keys: tuple[str, ...]
    message: str
