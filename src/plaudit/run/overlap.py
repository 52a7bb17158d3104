"""Rows of a test whose text training or selection has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaudit.data.cleaned import Rows
from plaudit.evaluate.scores import Scores, SetScores


@dataclass(frozen=True, slots=True)
class Overlap:
    """Rows whose text training or selection has seen.

    Attributes
    ----------
    rows : int
    without : Scores, SetScores or None
        On the other rows; None when that is all or none of them.
    """

    rows: int
    without: Scores | SetScores | None

    def to_dict(self) -> dict[str, Any]:
        """Return the section ``overlap`` of a report or an evaluation."""
        without = self.without.to_dict() if self.without else None
        return {"rows": self.rows, "test_without": without}


def overlap(
    rows: Rows, seen_prints_N: np.ndarray, unseen: Callable[[np.ndarray], Scores | SetScores]
) -> Overlap:
    """Count rows whose text training or selection has seen, and score the others.

    Parameters
    ----------
    rows : Rows
    seen_prints_N : ndarray of uint64
    unseen : callable
        Scores the rows at these places; asked only where some were seen and some were not.

    Returns
    -------
    Overlap
    """
    seen_N = np.isin(rows.prints_N, seen_prints_N)
    seen = int(seen_N.sum())
    if seen in (0, len(rows)):
        return Overlap(seen, None)
    return Overlap(seen, unseen(np.flatnonzero(~seen_N)))
