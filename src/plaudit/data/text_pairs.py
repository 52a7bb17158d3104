"""Two texts that are labelled together, such as a premise and a hypothesis, as one string.

A pair goes through the house as its two texts with a NUL between: the one character that no text
can hold, since readers refuse it. So all that compares, divides, caches or counts texts does the
same with pairs, on both halves at once. It is taken apart where the halves differ: to be cleaned,
to become tokens, and to be shown.
"""

from __future__ import annotations

from plaudit.config import CleanConfig
from plaudit.data.clean import clean

SEPARATOR = "\0"
SHOWN = " ⟷ "


def joined(first: str, second: str) -> str:
    """Make one string of two texts, neither of which holds a NUL."""
    return f"{first}{SEPARATOR}{second}"


def halves(text: str) -> tuple[str, str]:
    """Take a pair apart; the second half of a single text is empty.

    Examples
    --------
    >>> halves(joined("A man eats.", "Someone eats."))
    ('A man eats.', 'Someone eats.')
    >>> halves("A man eats.")
    ('A man eats.', '')
    """
    first, _, second = text.partition(SEPARATOR)
    return first, second


def cleaned(text: str, config: CleanConfig) -> str:
    """Clean a text, or both halves of a pair."""
    return SEPARATOR.join(clean(half, config) for half in text.split(SEPARATOR))


def says_nothing(given: str | tuple[str, str], config: CleanConfig) -> bool:
    """Tell whether cleaning leaves nothing of what a user asks about, or of one of two texts.

    Examples
    --------
    >>> says_nothing("<br />", CleanConfig()), says_nothing(("A man eats.", " "), CleanConfig())
    (True, True)
    >>> says_nothing("A man eats.", CleanConfig())
    False
    """
    parts = (given,) if isinstance(given, str) else given
    return not all(clean(part.replace(SEPARATOR, ""), config) for part in parts)


def shown(text: str) -> str:
    """Write a text for a reader; between the halves of a pair stands a sign.

    Examples
    --------
    >>> shown(joined("A man eats.", "Someone eats.")), shown("A man eats.")
    ('A man eats. ⟷ Someone eats.', 'A man eats.')
    """
    return text.replace(SEPARATOR, SHOWN)
