"""What is kept of a text that is longer than the encoder reads."""

from __future__ import annotations

from itertools import pairwise

from plaudit.config import TextConfig
from plaudit.errors import ConfigError


def head(ids: list[int], limit: int) -> list[int]:
    """Keep the first ``limit`` tokens."""
    return ids[:limit]


def tail(ids: list[int], limit: int) -> list[int]:
    """Keep the last ``limit`` tokens."""
    return ids[max(0, len(ids) - limit) :]


def head_tail(ids: list[int], limit: int, head_fraction: float = 0.25) -> list[int]:
    """Keep the beginning and the end of a long review, where the verdict usually stands.

    Parameters
    ----------
    ids : list of int
        Token ids without special tokens.
    limit : int
        Tokens to keep; at least 2, where the text has more.
    head_fraction : float, in (0, 1)
        Share of ``limit`` taken from the beginning.

    Raises
    ------
    ConfigError
        The text has to be cut, and ``limit`` cannot hold a head and a tail.

    Notes
    -----
    Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", section 5.3.1.

    Examples
    --------
    >>> head_tail(list(range(10)), 4)
    [0, 7, 8, 9]
    """
    if len(ids) <= limit:
        return ids
    if limit < 2:
        raise ConfigError(f"text.max_tokens leaves {limit} tokens; head_tail needs at least 2")
    first = min(limit - 1, max(1, round(limit * head_fraction)))
    return ids[:first] + ids[first - limit :]


def windows(ids: list[int], limit: int, stride: int = 32, most: int = 8) -> list[list[int]]:
    """Cut a text into overlapping windows; the last one ends where the text ends.

    Parameters
    ----------
    ids : list of int
        Token ids without special tokens.
    limit : int
        Tokens of a window.
    stride : int
        Tokens that neighbours share.
    most : int
        Windows at most. When the text needs more, the first ``most - 1`` and the last are kept.

    Raises
    ------
    ConfigError
        ``stride`` leaves no step forward.

    Examples
    --------
    >>> windows(list(range(7)), limit=4, stride=1)
    [[0, 1, 2, 3], [3, 4, 5, 6]]
    """
    starts = window_starts(len(ids), limit, stride, most)
    return [ids[start : start + limit] for start in starts]


def window_starts(length: int, limit: int, stride: int, most: int) -> list[int]:
    """Return where the windows over a text of ``length`` tokens begin; see :func:`windows`."""
    step = limit - stride
    if step < 1:
        raise ConfigError(f"text.stride is {stride}; it must be below the window's {limit} tokens")
    if length <= limit:
        return [0]
    return [*list(range(0, length - limit, step))[: most - 1], length - limit]


def shares(first: int, second: int, limit: int) -> tuple[int, int]:
    """Divide the tokens that an encoder reads between the two texts of a pair.

    The longer text gives way: it has what the shorter leaves, and at least half. Where both are
    longer than half, the longer has the odd token. So cut tokenizers too ("longest_first").

    Parameters
    ----------
    first, second : int
        Tokens of either text.
    limit : int
        Tokens of both, special ones not counted.

    Examples
    --------
    >>> shares(3, 100, 10), shares(100, 3, 10), shares(20, 100, 11), shares(4, 4, 10)
    ((3, 7), (7, 3), (5, 6), (4, 6))
    """
    short = min(first, second, limit // 2)
    return (short, limit - short) if first <= second else (limit - short, short)


def kept(length: int, limit: int, config: TextConfig) -> int:
    """Return how many distinct tokens of a text the configured policy keeps.

    Parameters
    ----------
    length : int
        Tokens of the text, special tokens not counted.
    limit : int
        Tokens of a piece, special tokens not counted.
    config : TextConfig
    """
    if config.policy != "windows":
        return min(length, limit)
    starts = window_starts(length, limit, config.stride, config.max_windows)
    shared = sum(max(0, left + limit - right) for left, right in pairwise(starts))
    return min(length, len(starts) * limit - shared)


def pieces(ids: list[int], limit: int, config: TextConfig) -> list[list[int]]:
    """Apply the configured policy.

    Parameters
    ----------
    ids : list of int
        Token ids without special tokens.
    limit : int
        Tokens of a piece, special tokens not counted.
    config : TextConfig

    Returns
    -------
    list of list of int
        One piece, or several under ``windows``.
    """
    match config.policy:
        case "head":
            return [head(ids, limit)]
        case "tail":
            return [tail(ids, limit)]
        case "head_tail":
            return [head_tail(ids, limit, config.head_fraction)]
        case "windows":
            return windows(ids, limit, config.stride, config.max_windows)
