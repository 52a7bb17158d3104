"""How far answers hold when texts are changed: pairs of texts, and shares of checks that fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate import bootstrap as resampling
from plaudit.evaluate.scores import Estimate, plain

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PairScores:
    """Accuracy on pairs of an original and an edited text.

    Attributes
    ----------
    pairs : int
    original, edited : Estimate
        Accuracy on each side.
    consistent : Estimate
        Share of pairs of which both are right.
    difference : Estimate
        Accuracy on the edited texts less that on the originals.
    """

    pairs: int
    original: Estimate
    edited: Estimate
    consistent: Estimate
    difference: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        names = ("original", "edited", "consistent", "difference")
        return {"pairs": self.pairs} | {name: plain(getattr(self, name)) for name in names}


def pair_scores(
    original_N: Bools,
    edited_N: Bools,
    *,
    bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairScores:
    """Score pairs; a pair is drawn as a whole, since its two texts are all but the same.

    Parameters
    ----------
    original_N, edited_N : ndarray of bool, shape (N,)
        Whether each side of each pair was labelled rightly.
    bootstrap : int
        Resamples behind the intervals.
    confidence : float, in (0, 1)
    seed : int

    Returns
    -------
    PairScores

    Raises
    ------
    ValueError
        The two do not belong together, or are empty.

    Examples
    --------
    >>> scores = pair_scores(np.array([True, True, False]), np.array([True, False, False]))
    >>> round(scores.original.value, 2), round(scores.consistent.value, 2)
    (0.67, 0.33)
    """
    if original_N.shape != edited_N.shape or not original_N.size:
        raise ValueError(f"pairs need two sides, found {original_N.shape} and {edited_N.shape}")
    counts_22 = np.zeros((2, 2), dtype=np.int64)
    np.add.at(counts_22, (original_N.astype(int), edited_N.astype(int)), 1)
    rng = np.random.default_rng(seed)
    draws_R22 = np.concatenate([*resampling.confusions(counts_22, bootstrap, rng)])
    exact, drawn = _measures(counts_22[None]), _measures(draws_R22)
    estimates = {
        name: Estimate(float(exact[name][0]), *resampling.interval(values_R, confidence))
        for name, values_R in drawn.items()
    }
    return PairScores(len(original_N), **estimates)


def _measures(counts_R22: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Return the measures of each table; rows are the original (wrong, right), columns the edit."""
    total_R = counts_R22.sum(axis=(1, 2))
    original_R = counts_R22[:, 1].sum(axis=1) / total_R
    edited_R = counts_R22[:, :, 1].sum(axis=1) / total_R
    return {
        "original": original_R,
        "edited": edited_R,
        "consistent": counts_R22[:, 1, 1] / total_R,
        "difference": edited_R - original_R,
    }
