from __future__ import annotations

import numpy as np
import pytest

from plaudit.evaluate import bootstrap
from plaudit.evaluate.metrics import score


def test_a_confusion_draw_has_the_moments_of_resampled_rows():
    confusion = np.array([[50, 10], [0, 40]])
    rng = np.random.default_rng(0)
    draws = np.concatenate(list(bootstrap.confusions(confusion, 4000, rng)))

    assert (draws.sum(axis=(1, 2)) == 100).all()
    assert (draws[:, 1, 0] == 0).all()
    assert draws[:, 0, 0].mean() == pytest.approx(50, abs=0.4)
    assert draws[:, 0, 0].var() == pytest.approx(25, rel=0.1)
    assert np.cov(draws[:, 0, 0], draws[:, 1, 1])[0, 1] == pytest.approx(-20, rel=0.15)


def test_confusions_of_many_classes_come_in_small_chunks():
    confusion = np.eye(1000, dtype=np.int64)
    chunks = list(bootstrap.confusions(confusion, 5, np.random.default_rng(0)))

    assert [len(chunk) for chunk in chunks] == [2, 2, 1]


def test_row_counts_sum_to_the_rows_and_differ():
    draws = list(bootstrap.row_counts(50, 20, np.random.default_rng(0)))

    assert len(draws) == 20
    assert all(draw.shape == (50,) and draw.sum() == 50 for draw in draws)
    assert len({tuple(draw) for draw in draws}) == 20


def test_an_interval_takes_the_percentiles_and_leaves_out_the_undefined():
    values = np.append(np.arange(1001.0), [np.nan] * 10)

    assert bootstrap.interval(values, 0.9) == pytest.approx((50.0, 950.0))


@pytest.mark.parametrize(
    "values", [[], [np.nan] * 3, [0.5] * 10, [0.1, 0.2, np.nan, np.nan, np.nan]]
)
def test_no_interval_is_claimed_without_evidence(values):
    assert bootstrap.interval(np.array(values, dtype=float), 0.95) == (None, None)


def test_an_interval_of_a_share_keeps_within_its_bounds_and_leans_away_from_them():
    draws = 0.97 + 0.012 * np.random.default_rng(0).normal(size=2000)

    low, high = bootstrap.bounded_interval(0.97, draws, 0.95)
    assert 0 < low < 0.97 < high < 1
    assert 0.97 - low > 1.5 * (high - 0.97)
    low, high = bootstrap.bounded_interval(-0.6, draws - 1.57, 0.95, -1.0)
    assert -1 < low < -0.6 < high


@pytest.mark.parametrize(("value", "draws"), [(1.0, [1.0] * 9), (0.5, [0.5] * 9), (0.5, [])])
def test_no_interval_of_a_share_is_claimed_without_evidence(value, draws):
    assert bootstrap.bounded_interval(value, np.array(draws), 0.95) == (None, None)


def draw(rows: int, skill: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    targets_N = rng.integers(0, 2, size=rows)
    logits_NC = rng.normal(size=(rows, 2))
    logits_NC[np.arange(rows), targets_N] += skill
    odds_NC = np.exp(2 * logits_NC)
    return odds_NC / odds_NC.sum(axis=1, keepdims=True), targets_N


@pytest.mark.parametrize(("rows", "skill"), [(300, 1.2), (400, 2.2)])
def test_intervals_of_95_percent_cover_the_truth_as_often_as_they_say(rows, skill):
    """The truth is what very many rows of the same source show.

    The bounds are what so few sets can tell, whatever the seed: three standard errors and a bit.
    benchmarks/coverage.py measures it more closely.
    """
    rng = np.random.default_rng(11)
    names = ("accuracy", "macro_f1", "roc_auc")
    truth = score(*draw(400_000, skill, rng), ["a", "b"], bootstrap=0).metrics
    covered = dict.fromkeys(names, 0)
    sets = 400
    for seed in range(sets):
        found = score(*draw(rows, skill, rng), ["a", "b"], bootstrap=100, seed=seed).metrics
        for name in names:
            one = found[name]
            covered[name] += one.low is not None and one.low <= truth[name].value <= one.high

    for name in names:
        assert 0.915 <= covered[name] / sets <= 0.985, covered


def test_the_interval_of_a_calibration_error_is_that_of_the_error_without_noise():
    """Percentiles would lie above it as a whole: resampling adds noise, which only enlarges it."""
    rng = np.random.default_rng(5)
    truth = score(*draw(400_000, 1.5, rng), ["a", "b"], bootstrap=0).metrics["ece"].value
    sets, covered = 60, 0
    for seed in range(sets):
        one = score(*draw(900, 1.5, rng), ["a", "b"], bootstrap=100, seed=seed).metrics["ece"]
        covered += one.low <= truth <= one.high

    assert covered >= 0.8 * sets
