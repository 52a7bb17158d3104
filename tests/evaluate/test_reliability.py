from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from plaudit.evaluate import reliability
from plaudit.evaluate.metrics import score


def honest(rows: int, *, classes: int = 2, spread: float = 2.0, seed: int = 0):
    """Probabilities from which the truth was drawn: no model can be better calibrated."""
    rng = np.random.default_rng(seed)
    logits_NC = spread * rng.normal(size=(rows, classes))
    odds_NC = np.exp(logits_NC)
    probabilities_NC = odds_NC / odds_NC.sum(axis=1, keepdims=True)
    targets_N = (probabilities_NC.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)
    return logits_NC, probabilities_NC, targets_N.clip(0, classes - 1)


def ece(probabilities_NC, targets_N, name: str = "ece") -> float:
    return score(probabilities_NC, targets_N, list("abc")[: probabilities_NC.shape[1]],
                 bootstrap=0).metrics[name].value  # fmt: skip


@pytest.mark.parametrize("name", ["ece", "ece_equal_width"])
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_that_hold_have_an_error_near_0(classes, name):
    _, probabilities, targets = honest(60_000, classes=classes)

    assert ece(probabilities, targets, name) < 0.01
    assert ece(probabilities**3 / (probabilities**3).sum(axis=1, keepdims=True), targets) > 0.1


def test_the_error_is_the_weighted_distance_of_the_bins():
    probabilities = np.array([[0.4, 0.6]] * 10 + [[0.1, 0.9]] * 30)
    targets = np.array([1] * 5 + [0] * 5 + [1] * 24 + [0] * 6)

    assert ece(probabilities, targets) == pytest.approx((10 * 0.1 + 30 * 0.1) / 40)
    assert ece(probabilities, targets, "ece_equal_width") == pytest.approx(0.1)


def test_what_chance_alone_shows_is_what_an_honest_model_shows():
    found, expected = [], []
    for seed in range(30):
        _, probabilities, targets = honest(400, seed=seed)
        found.append(ece(probabilities, targets))
        expected.append(reliability.error_by_chance(probabilities.max(axis=1)))

    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.08)
    assert np.mean(found) > 0.02


def test_the_order_of_rows_with_equal_confidence_does_not_matter():
    probabilities = np.full((90, 2), 0.5)
    probabilities[:30] = [0.2, 0.8]
    right_first, wrong_first = np.sort(np.arange(90) % 2), np.sort(np.arange(90) % 2)[::-1]

    assert ece(probabilities[30:], right_first[30:]) == ece(probabilities[30:], wrong_first[:60])
    assert len(set(reliability.places(probabilities.max(axis=1)))) == 2


@pytest.mark.parametrize("classes", [2, 4])
def test_brier_is_scikit_learns(classes):
    _, probabilities, targets = honest(200, classes=classes)
    given = probabilities[:, 1] if classes == 2 else probabilities
    expected = brier_score_loss(targets, given, labels=range(classes))

    assert reliability.brier(probabilities, targets).mean() == pytest.approx(expected)


def test_a_diagram_has_bins_of_equally_many_rows_and_leaves_none_out():
    _, probabilities, targets = honest(3000)
    bins = reliability.diagram(probabilities, targets)

    assert [each.rows for each in bins] == [200] * reliability.BINS
    assert all(each.low < each.accuracy < each.high or each.accuracy == 1 for each in bins)
    assert all(a.confidence < b.confidence for a, b in itertools.pairwise(bins))
    inside = sum(each.low <= each.confidence <= each.high for each in bins)
    assert inside >= reliability.BINS - 2
