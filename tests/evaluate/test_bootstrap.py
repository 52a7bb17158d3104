from __future__ import annotations

import numpy as np
import pytest

from plaudit.evaluate import bootstrap


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
