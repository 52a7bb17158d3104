from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from plaudit.evaluate import bootstrap, confusion, ranking
from plaudit.evaluate.brief import brief
from plaudit.evaluate.metrics import point, score

EXACT = {"rel": 1e-12, "abs": 1e-12}


def sample(rows: int, classes: int, *, seed: int = 0, ties: bool = False, absent: int = 0):
    """Probabilities that know something, and targets without the last ``absent`` classes."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes - absent, size=rows)
    logits = rng.normal(size=(rows, classes))
    logits[np.arange(rows), targets] += 1.0
    if ties:
        logits = np.round(logits)
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True), targets


def values(scores) -> dict[str, float]:
    return {name: estimate.value for name, estimate in scores.metrics.items()}


def names(classes: int) -> list[str]:
    return [f"class {index}" for index in range(classes)]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_every_metric_equals_scikit_learn(classes, ties):
    probabilities, targets = sample(200, classes, ties=ties)
    predicted = probabilities.argmax(axis=1)
    found = values(score(probabilities, targets, names(classes), bootstrap=0))

    expected = {
        "accuracy": sk.accuracy_score(targets, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(targets, predicted),
        "mcc": sk.matthews_corrcoef(targets, predicted),
        "log_loss": sk.log_loss(targets, probabilities, labels=range(classes)),
    }
    for average in ("macro", "weighted"):
        for kind in ("precision", "recall", "f1"):
            function = getattr(sk, f"{kind}_score")
            expected[f"{average}_{kind}"] = function(
                targets, predicted, average=average, zero_division=0
            )
    if classes == 2:
        expected["roc_auc"] = sk.roc_auc_score(targets, probabilities[:, 1])
        expected["average_precision"] = sk.average_precision_score(targets, probabilities[:, 1])
    else:
        expected["roc_auc"] = sk.roc_auc_score(targets, probabilities, multi_class="ovr")
        expected["average_precision"] = sk.average_precision_score(
            np.eye(classes)[targets], probabilities
        )
    # Brier's scores and calibration errors: test_reliability.py
    assert {name: found[name] for name in expected} == pytest.approx(expected, **EXACT)
    assert set(found) - set(expected) == {"brier", "ece", "ece_equal_width"}


def test_per_class_values_and_confusion_equal_scikit_learn():
    probabilities, targets = sample(150, 4)
    predicted = probabilities.argmax(axis=1)
    scores = score(probabilities, targets, names(4), bootstrap=0)

    table = sk.precision_recall_fscore_support(targets, predicted)
    for column, kind in enumerate(("precision", "recall", "f1", "support")):
        found = [scores.per_class[label][kind].value for label in names(4)]
        assert found == pytest.approx(list(table[column]), **EXACT)
    assert scores.confusion == tuple(map(tuple, sk.confusion_matrix(targets, predicted)))


def test_a_label_that_the_data_lacks_leaves_ranks_undefined_and_recall_empty():
    probabilities, targets = sample(80, 3, absent=1)
    predicted = probabilities.argmax(axis=1)
    assert 2 in predicted
    scores = score(probabilities, targets, names(3), bootstrap=50)
    found = values(scores)

    assert math.isnan(found["roc_auc"])
    assert math.isnan(found["average_precision"])
    assert math.isnan(scores.per_class["class 2"]["recall"].value)
    assert scores.per_class["class 2"]["precision"].value == 0.0
    assert found["macro_f1"] == pytest.approx(
        sk.f1_score(targets, predicted, average="macro", zero_division=0), **EXACT
    )
    recalls = sk.recall_score(targets, predicted, average=None, labels=[0, 1])
    assert found["balanced_accuracy"] == pytest.approx(np.mean(recalls), **EXACT)


def test_a_label_neither_present_nor_predicted_does_not_lower_macro_averages():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0]])
    targets = np.array([0, 1, 1])
    found = values(score(probabilities, targets, names(3), bootstrap=0))

    assert found["macro_f1"] == pytest.approx(2 / 3, **EXACT)


def test_a_model_that_ignores_a_class_gains_nothing():
    probabilities = np.tile([0.9, 0.1], (10, 1))
    targets = np.array([0] * 6 + [1] * 4)
    scores = score(probabilities, targets, names(2), bootstrap=0)

    assert scores.metrics["macro_precision"].value == pytest.approx(0.3, **EXACT)
    assert scores.metrics["mcc"].value == 0.0
    assert math.isnan(scores.per_class["class 1"]["precision"].value)
    assert scores.metrics["roc_auc"].value == 0.5


def test_one_row_has_values_where_defined_and_hardly_an_interval():
    scores = score(np.array([[0.3, 0.7]]), np.array([1]), names(2), bootstrap=100)

    accuracy = scores.metrics["accuracy"]
    assert (accuracy.value, accuracy.low, accuracy.high) == (
        1.0,
        pytest.approx(0.2065, abs=1e-4),
        1,
    )
    assert scores.metrics["macro_f1"].low is None
    assert scores.metrics["log_loss"].value == pytest.approx(-math.log(0.7))
    assert scores.metrics["log_loss"].low is None
    assert math.isnan(scores.metrics["roc_auc"].value)


def test_a_faultless_result_claims_no_certainty():
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9]] * 10)
    scores = score(probabilities, np.array([0, 1] * 10), names(2), bootstrap=100)

    accuracy = scores.metrics["accuracy"]
    assert (accuracy.value, accuracy.high) == (1.0, 1.0)
    assert accuracy.low < 1.0


def test_probability_zero_on_the_truth_costs_a_finite_loss():
    probabilities = np.array([[1.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    found = point(probabilities, np.array([1, 1]), ["log_loss"])

    assert found["log_loss"] == pytest.approx(
        sk.log_loss([1, 1], probabilities, labels=[0, 1]), rel=1e-6
    )


def test_large_counts_do_not_overflow():
    a, b, c, d = 4_000_000_000, 300_000_000, 500_000_000, 3_500_000_000
    found = confusion.derive(np.array([[[a, b], [c, d]]])).metrics["mcc"][0]

    assert found == pytest.approx(
        (a * d - b * c) / math.sqrt((a + b) * (c + d) * (a + c) * (b + d))
    )


def test_intervals_hold_the_value_and_narrow_with_more_rows():
    small = score(*sample(300, 2), names(2), bootstrap=300)
    large = score(*sample(4800, 2), names(2), bootstrap=300)
    for scores in (small, large):
        for name, estimate in scores.metrics.items():
            # That of a calibration error may lie below it: see bootstrap.error_interval.
            assert name.startswith("ece") or estimate.low < estimate.value < estimate.high
    for name in set(small.metrics) - {"ece", "ece_equal_width"}:
        before, after = small.metrics[name], large.metrics[name]
        assert (before.high - before.low) / (after.high - after.low) == pytest.approx(4, rel=0.35)


def test_higher_confidence_is_wider():
    data = sample(300, 2)
    narrow = score(*data, names(2), bootstrap=300, confidence=0.8).metrics["roc_auc"]
    wide = score(*data, names(2), bootstrap=300, confidence=0.99).metrics["roc_auc"]

    assert wide.low < narrow.low < narrow.high < wide.high


def test_intervals_cover_the_truth_as_often_as_they_say():
    truth, rows, covered, simulations = 0.85, 400, 0, 400
    for seed in range(simulations):
        rng = np.random.default_rng(seed)
        right = rng.binomial(rows, truth)
        matrix = np.array([[right, rows - right], [0, 0]])
        (draws,) = bootstrap.confusions(matrix, 400, rng)
        low, high = bootstrap.interval(confusion.derive(draws).metrics["accuracy"], 0.95)
        covered += low <= truth <= high
    assert 0.93 <= covered / simulations <= 0.97


@pytest.mark.parametrize("ties", [False, True])
def test_ranks_of_a_resample_equal_scikit_learn_with_weights(ties):
    probabilities, targets = sample(120, 2, ties=ties)
    scores, member = probabilities[:, 1], targets == 1
    ranked = ranking.rank(scores, member)
    for counts in bootstrap.row_counts(120, 20, np.random.default_rng(0)):
        area, precision = ranking.measure(ranked, counts)
        assert area == pytest.approx(
            sk.roc_auc_score(member, scores, sample_weight=counts), **EXACT
        )
        assert precision == pytest.approx(
            sk.average_precision_score(member, scores, sample_weight=counts), **EXACT
        )


def test_the_seed_decides_the_intervals():
    data = sample(100, 3)
    first, again, other = (score(*data, names(3), bootstrap=100, seed=s) for s in (1, 1, 2))

    assert first == again
    assert first.metrics != other.metrics


def test_many_classes_still_get_rank_values_without_intervals():
    probabilities, targets = sample(600, 60)
    targets[:60] = np.arange(60)
    scores = score(probabilities, targets, names(60), bootstrap=20)

    assert scores.metrics["roc_auc"].value == pytest.approx(
        sk.roc_auc_score(targets, probabilities, multi_class="ovr"), **EXACT
    )
    assert scores.metrics["roc_auc"].low is None
    assert scores.metrics["accuracy"].low is not None


def test_json_holds_null_for_the_undefined_and_the_promised_keys():
    probabilities, targets = sample(40, 3, absent=1)
    document = json.loads(
        json.dumps(score(probabilities, targets, names(3)).to_dict(), allow_nan=False)
    )

    assert document["metrics"]["roc_auc"] == {"value": None, "low": None, "high": None}
    assert set(document["metrics"]["accuracy"]) == {"value", "low", "high"}
    assert document["rows"] == 40
    assert document["labels"] == names(3)
    assert sum(map(sum, document["confusion"])) == 40
    assert document["per_class"]["class 0"]["support"]["value"] == (targets == 0).sum()
    assert document["interval"]["confidence"] == 0.95
    assert document["interval"]["resamples"] == 1000


def test_point_agrees_with_score_and_keeps_the_order_asked_for():
    data = sample(90, 3)
    wanted = ["mcc", "log_loss", "accuracy", "macro_f1"]
    found = point(*data, wanted)

    assert list(found) == wanted
    whole = values(score(*data, names(3), bootstrap=0))
    assert found == {name: whole[name] for name in wanted}


@pytest.mark.parametrize(
    ("probabilities", "targets", "labels", "message"),
    [
        (np.zeros((0, 2)), np.zeros(0, int), ["a", "b"], "at least one row"),
        (np.ones((3, 1)), np.zeros(3, int), ["a"], "two labels"),
        (np.ones((3, 2)), np.zeros(2, int), ["a", "b"], "shape"),
        (np.ones((3, 2)), np.full(3, 2), ["a", "b"], r"0\.\.1"),
        (np.full((3, 2), np.nan), np.zeros(3, int), ["a", "b"], "NaN"),
        (np.ones((3, 2)), np.zeros(3, int), ["a", "a"], "different labels"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(probabilities, targets, labels, message):
    with pytest.raises(ValueError, match=message):
        score(probabilities, targets, labels)


@pytest.mark.parametrize(
    ("probabilities", "targets", "predicted", "message"),
    [
        ([[0.3, 0.7], [0.6, 0.4]], [1, 0], [0], "predicted must be"),
        ([[0.3, 0.7], [0.6, 0.4]], [1, 0], [-1, 0], r"predicted must lie in 0\.\.1"),
        ([[0.3, 0.7], [0.6, 0.4]], [1, 0], [2, 0], r"predicted must lie in 0\.\.1"),
        ([[-3.0, 4.0], [2.0, -1.0]], [1, 0], None, "may be logits"),
        ([[0.9, 0.9], [0.6, 0.4]], [1, 0], None, "sum to 1"),
        ([[np.inf, 0.0], [0.5, 0.5]], [1, 0], None, "sum to 1"),
        ([[0.3, 0.7], [0.6, 0.4]], [1.0, 0.0], None, "whole numbers"),
        ([[0.3, 0.7], [0.6, 0.4]], [True, False], None, "whole numbers"),
    ],
)
def test_answers_that_are_none_are_refused(probabilities, targets, predicted, message):
    answers = None if predicted is None else np.array(predicted)
    with pytest.raises(ValueError, match=message):
        score(np.array(probabilities), np.array(targets), ("n", "p"), predicted_N=answers)
    with pytest.raises(ValueError, match="numpy array"):
        score([[0.3, 0.7]], np.array([1]), ("n", "p"))


@pytest.mark.parametrize("classes", [3, 20, 150])
def test_rounded_probabilities_are_taken(classes):
    raw = np.random.default_rng(0).dirichlet(np.ones(classes), size=50).round(2)
    labels = [str(n) for n in range(classes)]
    assert score(raw, np.arange(50) % classes, labels, bootstrap=0).rows == 50


def test_an_unknown_metric_is_named_with_those_allowed():
    with pytest.raises(ValueError, match=r"\['acuracy'\].*accuracy.*log_loss"):
        point(np.ones((2, 2)), np.zeros(2, int), ["acuracy"])


@pytest.mark.parametrize("right", [True, False])
def test_all_or_none_right_is_not_certainty(right):
    targets = np.repeat([0, 1], 8)
    probabilities = np.eye(2)[targets if right else 1 - targets] * 0.8 + 0.1
    found = score(probabilities, targets, names(2), bootstrap=100).metrics["accuracy"]
    answers = probabilities.argmax(axis=1)
    few = brief(answers, targets, 2, intervals=(100, 0.95))["accuracy"]
    low, high = (0.806, 1.0) if right else (0.0, 0.194)
    for each in (found, few):
        assert each.value == float(right)
        assert (each.low, each.high) == pytest.approx((low, high), abs=1e-3)
    assert score(probabilities, targets, names(2), bootstrap=0).metrics["accuracy"].low is None


@settings(max_examples=40)
@given(
    rows=st.integers(2, 40),
    classes=st.integers(2, 5),
    seed=st.integers(0, 10_000),
    ties=st.booleans(),
)
def test_values_stay_in_range_whatever_the_data(rows, classes, seed, ties):
    probabilities, targets = sample(rows, classes, seed=seed, ties=ties)
    scores = score(probabilities, targets, names(classes), bootstrap=20, seed=seed)
    for name, estimate in scores.metrics.items():
        if math.isnan(estimate.value):
            assert estimate.low is None
            continue
        low, high = {
            "mcc": (-1.0, 1.0),
            "log_loss": (0.0, 40.0),
            # All classes' squares together; with two labels, those of the positive one alone.
            "brier": (0.0, 1.0 if classes == 2 else 2.0),
        }.get(name, (0.0, 1.0))
        assert low - 1e-12 <= estimate.value <= high + 1e-12
