"""Scores of pairs, and shares of failures."""

from __future__ import annotations

import numpy as np
import pytest

from plaudit.evaluate.reliability import share
from plaudit.evaluate.robustness import pair_scores


def test_a_pair_is_consistent_when_both_of_its_texts_are_right() -> None:
    original = np.array([True, True, True, False])
    edited = np.array([True, False, False, True])
    scores = pair_scores(original, edited)
    assert scores.pairs == 4
    assert scores.original.value == 0.75
    assert scores.edited.value == 0.5
    assert scores.consistent.value == 0.25
    assert scores.difference.value == -0.25
    assert set(scores.to_dict()) == {"pairs", "original", "edited", "consistent", "difference"}


def test_pairs_are_resampled_whole() -> None:
    """Where both sides always agree, their difference cannot vary, though accuracy does."""
    right = np.arange(200) % 4 > 0
    scores = pair_scores(right, right)
    assert scores.difference.low is None
    assert scores.original.low is not None
    assert scores.original.low < 0.75
    assert (scores.original.low, scores.original.high) == (scores.edited.low, scores.edited.high)


def test_intervals_are_reproducible_and_widen_with_confidence() -> None:
    rng = np.random.default_rng(1)
    sides = rng.random((2, 300)) < 0.8
    narrow, wide = (pair_scores(*sides, confidence=c) for c in (0.8, 0.99))
    assert pair_scores(*sides, confidence=0.8) == narrow
    for name in ("original", "edited", "consistent", "difference"):
        a, b = getattr(narrow, name), getattr(wide, name)
        assert b.low < a.low < a.value < a.high < b.high, name


def test_intervals_of_consistency_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(300):
        both = rng.random(200) < 0.7
        scores = pair_scores(both, both | (rng.random(200) < 0.3), bootstrap=300, seed=seed)
        assert scores.consistent.low is not None
        assert scores.consistent.high is not None
        covered += scores.consistent.low <= 0.7 <= scores.consistent.high
    assert 0.92 <= covered / 300 <= 0.98


def test_sides_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="two sides"):
        pair_scores(np.ones(3, dtype=bool), np.ones(2, dtype=bool))
    with pytest.raises(ValueError, match="two sides"):
        pair_scores(np.ones(0, dtype=bool), np.ones(0, dtype=bool))


def test_the_end_of_an_interval_at_all_is_all() -> None:
    assert share(48, 48).high == 1.0
    assert share(0, 48).low == 0.0


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 0.037), (100, 0.963, 1.0)])
def test_none_or_all_of_a_hundred_is_not_certainty(count: int, low: float, high: float) -> None:
    found = share(count, 100)
    assert found.low == pytest.approx(low, abs=1e-3)
    assert found.high == pytest.approx(high, abs=1e-3)
