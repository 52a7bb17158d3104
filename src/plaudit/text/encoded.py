"""Token ids of many texts, in flat arrays that a file can hold and memory can map.

Axes: N texts, P pieces (N of them, or more under the policy ``windows``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of many texts, special tokens included.

    Attributes
    ----------
    ids : ndarray of int32, shape (total tokens,)
        All pieces, one after the other.
    starts_P : ndarray of int64, shape (P + 1,)
        Piece ``p`` is ``ids[starts_P[p]:starts_P[p + 1]]``.
    first_N : ndarray of int64, shape (N + 1,)
        Text ``n`` owns the pieces ``first_N[n]`` to ``first_N[n + 1] - 1``.
    full_N : ndarray of int64, shape (N,)
        Tokens that each text had before the long-text policy, special tokens not counted.
    kept_N : ndarray of int64, shape (N,)
        Distinct tokens of it that were kept, special tokens not counted.
    second_P : ndarray of int64, shape (P,), or None
        Of pairs: where in a piece the token type turns from 0 to 1. None: all types are 0, as of
        single texts, or the encoder reads none.
    """

    ids: np.ndarray
    starts_P: np.ndarray
    first_N: np.ndarray
    full_N: np.ndarray
    kept_N: np.ndarray
    second_P: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.full_N)

    def piece(self, p: int) -> np.ndarray:
        """Return the ids of piece ``p``, shape (tokens,)."""
        return self.ids[self.starts_P[p] : self.starts_P[p + 1]]

    def pieces_of(self, n: int) -> list[np.ndarray]:
        """Return the pieces of text ``n``."""
        return [self.piece(p) for p in range(self.first_N[n], self.first_N[n + 1])]

    def longest_N(self) -> np.ndarray:
        """Return the length of each text's longest piece, shape (N,), special tokens included."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        return np.maximum.reduceat(np.diff(self.starts_P), self.first_N[:-1])

    def count_N(self) -> np.ndarray:
        """Return how many pieces each text has, shape (N,)."""
        return np.diff(self.first_N)


def joined(first: Encoded, second: Encoded) -> Encoded:
    """Return texts, and others after them.

    Parameters
    ----------
    first, second : Encoded
        By one encoder.

    Returns
    -------
    Encoded
        In memory.
    """
    both = (first.second_P, second.second_P)
    seconds = None if both[0] is None or both[1] is None else (both[0], both[1])
    return Encoded(
        ids=np.concatenate([first.ids, second.ids]),
        starts_P=np.concatenate([first.starts_P, second.starts_P[1:] + len(first.ids)]),
        first_N=np.concatenate([first.first_N, second.first_N[1:] + first.first_N[-1]]),
        full_N=np.concatenate([first.full_N, second.full_N]),
        kept_N=np.concatenate([first.kept_N, second.kept_N]),
        second_P=None if seconds is None else np.concatenate(seconds),
    )
