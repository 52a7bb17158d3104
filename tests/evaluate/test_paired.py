"""Two models on the same rows, against tables worked by hand and simulated truth."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from plaudit.evaluate.metrics import score
from plaudit.evaluate.paired import FEW, differences, holm, mcnemar
from plaudit.evaluate.predictions import Predictions

LABELS = ("negative", "positive")


def predictions(targets, predicted, sure=0.8):
    """Answers that are equally sure everywhere."""
    targets, predicted = np.asarray(targets), np.asarray(predicted)
    probabilities = np.full((len(targets), 2), 1 - sure)
    probabilities[np.arange(len(targets)), predicted] = sure
    rows = len(targets)
    return Predictions(
        LABELS, np.arange(rows, dtype=np.uint64), [f"r.csv:{n}" for n in range(rows)],
        targets, predicted, probabilities, ["text"] * rows,
    )  # fmt: skip


def test_mcnemar_of_a_table_worked_by_hand():
    """Rows that tell them apart: 2 and 8. By hand: 2 (1 + 10 + 45) / 1024, less 45 / 1024."""
    found = mcnemar(2, 8)

    assert found.exact == pytest.approx(112 / 1024)
    assert found.mid_p == pytest.approx(67 / 1024)
    assert (found.p, found.method) == (found.exact, "exact")


def test_mcnemar_does_not_care_which_is_first():
    assert mcnemar(8, 2).p == mcnemar(2, 8).p


def test_mcnemar_takes_the_mid_p_test_where_rows_are_many():
    found = mcnemar(20, 40)
    at_most = sum(comb(60, k) for k in range(21)) / 2**60

    assert found.method == "mid-p"
    assert found.p == found.mid_p == pytest.approx(2 * at_most - comb(60, 20) / 2**60)
    assert mcnemar(0, FEW - 1).method == "exact"
    assert mcnemar(0, FEW).method == "mid-p"


@pytest.mark.parametrize("each", [0, 1, 7, 60])
def test_mcnemar_sees_no_difference_between_equals(each):
    found = mcnemar(each, each)

    assert found.exact == 1.0
    assert found.mid_p == 1.0 if each == 0 else 0.7 < found.mid_p < 1.0


def test_holm_orders_by_p_and_never_lets_a_larger_one_overtake():
    assert holm([0.04, 0.001, 0.03, 0.9]) == pytest.approx([0.09, 0.004, 0.09, 0.9])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_the_difference_is_the_first_minus_the_second():
    """30 of 100 rows are right only for the first, 10 only for the second."""
    targets = np.zeros(100, dtype=np.int64)
    first, second = targets.copy(), targets.copy()
    second[:30], first[30:40] = 1, 1
    found = differences(
        predictions(targets, first), predictions(targets, second), resamples=400, confidence=0.95
    )

    assert found["accuracy"].value == pytest.approx(0.2)
    assert 0.0 < found["accuracy"].low < 0.2 < found["accuracy"].high < 0.4
    assert found["macro_f1"].value > 0
    assert found["log_loss"].value == pytest.approx(-0.2 * np.log(0.8 / 0.2))
    assert found["log_loss"].low < found["log_loss"].value < found["log_loss"].high < 0


def test_each_difference_is_that_of_the_scores():
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 2, 200)
    pair = [predictions(targets, np.where(rng.random(200) < p, targets, 1 - targets))
            for p in (0.9, 0.8)]  # fmt: skip
    found = differences(*pair, resamples=100, confidence=0.9)
    one, other = (score(p.probabilities_NC, targets, LABELS, bootstrap=0).metrics for p in pair)

    for name, estimate in found.items():
        assert estimate.value == pytest.approx(one[name].value - other[name].value)


def test_models_with_the_same_answers_have_no_interval():
    targets = np.array([0, 1] * 20)
    same = predictions(targets, targets)

    assert differences(same, same, resamples=100, confidence=0.95)["accuracy"].low is None


def test_pairing_makes_the_interval_narrower_than_chance_on_separate_rows():
    """Both miss the same 200 of 1,000 rows, and each ten of its own."""
    targets = np.zeros(1000, dtype=np.int64)
    first, second = targets.copy(), targets.copy()
    first[:210], second[:200], second[210:220] = 1, 1, 1
    pair = (predictions(targets, first), predictions(targets, second))
    found = differences(*pair, resamples=500, confidence=0.95)["accuracy"]

    assert found.high - found.low < 0.02  # separate rows: 2 x 1.96 sqrt(2 x .21 x .79 / 1000) = .07


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says():
    """The truth: 0.9 and 0.86 right, together on three of four rows; 400 sets of 300 rows."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(400):
        targets = rng.integers(0, 2, 300)
        shared = rng.random(300) < 0.75
        draws = np.stack([rng.random(300), rng.random(300)])
        draws[1] = np.where(shared, draws[0], draws[1])
        pair = [predictions(targets, np.where(draw < right, targets, 1 - targets))
                for draw, right in zip(draws, (0.9, 0.86), strict=True)]  # fmt: skip
        found = differences(*pair, resamples=200, confidence=0.95)["accuracy"]
        covered += found.low <= 0.04 <= found.high

    assert 0.92 <= covered / 400 <= 0.975
