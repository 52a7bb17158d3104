from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from plaudit.evaluate.curves import LABELS, POINTS, curves
from plaudit.evaluate.predictions import Predictions


def predictions(targets: np.ndarray, probabilities: np.ndarray) -> Predictions:
    rows, labels = probabilities.shape
    return Predictions(
        tuple(f"label {c}" for c in range(labels)),
        np.arange(rows, dtype=np.uint64),
        [f"x.csv:{n}" for n in range(rows)],
        targets,
        probabilities.argmax(axis=1),
        probabilities,
        [""] * rows,
    )


def drawn(rows: int, labels: int, seed: int = 0, decimals: int = 12) -> Predictions:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, labels, size=rows)
    logits = rng.normal(size=(rows, labels))
    logits[np.arange(rows), targets] += 1.5
    odds = np.exp(logits)
    return predictions(targets, np.round(odds / odds.sum(axis=1, keepdims=True), decimals))


@pytest.mark.parametrize("decimals", [12, 1], ids=["distinct", "tied"])
def test_a_curve_of_few_rows_has_the_points_of_scikit_learn(decimals):
    some = drawn(90, 2, decimals=decimals)
    (curve,) = curves(some)
    truth, scores = some.targets_N == 1, some.probabilities_NC[:, 1]
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, _ = precision_recall_curve(truth, scores)

    assert curve["label"] == "label 1"
    assert curve["rows"] == truth.sum()
    assert curve["roc"]["false_positive_rate"] == pytest.approx(false, abs=1e-5)
    assert curve["roc"]["true_positive_rate"] == pytest.approx(true, abs=1e-5)
    # scikit-learn adds the point (0, 1), which no threshold has.
    assert curve["precision_recall"]["precision"] == pytest.approx(precision[-2::-1], abs=1e-5)
    assert curve["precision_recall"]["recall"] == pytest.approx(recall[-2::-1], abs=1e-5)


def test_a_curve_of_many_rows_is_thinned_and_keeps_its_ends_and_its_area():
    some = drawn(20_000, 2)
    (curve,) = curves(some)
    roc, ranked = curve["roc"], curve["precision_recall"]
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])

    assert POINTS / 2 < len(roc["true_positive_rate"]) <= POINTS
    assert len(ranked["recall"]) == len(ranked["precision"]) <= POINTS
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][0]) == (0.0, 0.0)
    assert (roc["false_positive_rate"][-1], roc["true_positive_rate"][-1]) == (1.0, 1.0)
    assert ranked["recall"][-1] == 1.0
    assert area == pytest.approx(
        roc_auc_score(some.targets_N, some.probabilities_NC[:, 1]), abs=1e-3
    )


def test_each_of_several_labels_has_a_curve_and_of_many_those_with_the_most_rows():
    assert [curve["label"] for curve in curves(drawn(200, 3))] == ["label 0", "label 1", "label 2"]
    many = drawn(3000, 30)
    counts = np.bincount(many.targets_N)
    shown = {curve["label"] for curve in curves(many)}

    assert len(shown) == LABELS
    assert f"label {counts.argmax()}" in shown
    assert f"label {counts.argmin()}" not in shown


def test_a_label_that_no_row_or_every_row_has_is_left_out():
    some = drawn(50, 3)
    targets = np.where(some.targets_N == 2, 0, some.targets_N)

    found = curves(predictions(targets, some.probabilities_NC))
    assert [curve["label"] for curve in found] == ["label 0", "label 1"]
    assert curves(predictions(np.ones(50, dtype=np.int64), some.probabilities_NC[:, :2])) == []
