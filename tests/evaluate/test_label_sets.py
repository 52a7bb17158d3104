"""Metrics and thresholds of several labels a text, against scikit-learn and by brute force."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from plaudit.config import DecideConfig
from plaudit.evaluate import label_sets, label_thresholds
from plaudit.evaluate.baseline import tfidf
from plaudit.evaluate.label_sets import score

EXACT = {"rel": 1e-12, "abs": 1e-12}
LABELS = ("a", "b", "c", "d")


def sample(rows: int = 300, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = (rng.random((rows, 4)) < [0.5, 0.3, 0.1, 0.05]).astype(int)
    scores = np.clip(rng.random((rows, 4)) * 0.6 + 0.35 * targets, 0.001, 0.999)
    return (np.round(scores, 1) if ties else scores), targets


@pytest.mark.parametrize("ties", [False, True])
def test_every_metric_equals_scikit_learn(ties: bool) -> None:
    scores, targets = sample(ties=ties)
    scores = np.clip(scores, 0.01, 0.99)
    given = scores >= 0.5
    found = score(scores, given, targets, LABELS, intervals=(0, 0.95)).metrics
    expected = {
        "subset_accuracy": sk.accuracy_score(targets, given),
        "hamming_loss": sk.hamming_loss(targets, given),
        "samples_f1": sk.f1_score(targets, given, average="samples", zero_division=1),
        "macro_average_precision": sk.average_precision_score(targets, scores),
        "macro_roc_auc": sk.roc_auc_score(targets, scores),
        "label_ranking_average_precision": sk.label_ranking_average_precision_score(
            targets, scores
        ),
        "log_loss": np.mean([sk.log_loss(targets[:, c], scores[:, c]) for c in range(4)]),
        "brier": np.mean([sk.brier_score_loss(targets[:, c], scores[:, c]) for c in range(4)]),
    }
    for average in ("micro", "macro"):
        for kind in ("precision", "recall", "f1"):
            function = getattr(sk, f"{kind}_score")
            expected[f"{average}_{kind}"] = function(
                targets, given, average=average, zero_division=0
            )
    assert {name: each.value for name, each in found.items()} == pytest.approx(expected, **EXACT)


def test_per_label_values_and_confusions_equal_scikit_learn() -> None:
    scores, targets = sample()
    given = scores >= 0.5
    found = score(scores, given, targets, LABELS, intervals=(0, 0.95))
    table = sk.precision_recall_fscore_support(targets, given)
    for column, kind in enumerate(("precision", "recall", "f1", "support")):
        own = [found.per_class[label][kind].value for label in LABELS]
        assert own == pytest.approx(list(table[column]), **EXACT)
    for name, function in (("average_precision", sk.average_precision_score),
                           ("roc_auc", sk.roc_auc_score)):  # fmt: skip
        own = [found.per_class[label][name].value for label in LABELS]
        assert own == pytest.approx(list(function(targets, scores, average=None)), **EXACT)
    assert (
        np.array(found.confusion).tolist()
        == sk.multilabel_confusion_matrix(targets, given).tolist()
    )
    assert np.array(found.together).tolist() == (targets.T @ targets).tolist()
    assert found.sizes["truth"] == targets.sum() / 300
    assert found.sizes["given_none"] == (~given.any(axis=1)).sum()


def test_a_row_without_labels_that_is_given_none_is_right() -> None:
    targets = np.array([[0, 0], [1, 0]])
    found = score(np.array([[0.1, 0.2], [0.1, 0.2]]), targets == 2, targets, ("a", "b"))
    assert found.metrics["samples_f1"].value == 0.5
    assert found.metrics["subset_accuracy"].value == 0.5


def test_a_label_that_no_row_has_is_undefined_and_not_averaged() -> None:
    scores, targets = sample()
    targets[:, 3] = 0
    given = scores >= 0.5
    given[:, 3] = False
    found = score(scores, given, targets, LABELS, intervals=(50, 0.95))
    whole = score(scores[:, :3], given[:, :3], targets[:, :3], LABELS[:3], intervals=(50, 0.95))
    for name in ("macro_f1", "macro_average_precision", "macro_roc_auc"):
        assert found.metrics[name].value == whole.metrics[name].value
    document = found.to_dict()
    assert document["per_class"]["d"]["average_precision"]["value"] is None
    json.dumps(document, allow_nan=False)


def test_intervals_cover_the_value_and_narrow_with_rows() -> None:
    widths = []
    for rows in (100, 1600):
        scores, targets = sample(rows)
        found = score(scores, scores >= 0.5, targets, LABELS, intervals=(200, 0.95))
        for name, each in found.metrics.items():
            assert each.low is not None and each.high is not None, name
            assert each.low < each.value < each.high, name
        f1 = found.metrics["micro_f1"]
        widths.append(f1.high - f1.low)  # type: ignore[operator]
    assert 3 < widths[0] / widths[1] < 5  # a quarter, by the square root of the rows


def brute(scores: np.ndarray, own: np.ndarray) -> float:
    cuts = np.concatenate([np.unique(scores), [2.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return max(sk.f1_score(own, scores >= cut, zero_division=0) for cut in cuts)


@pytest.mark.parametrize("ties", [False, True])
def test_the_threshold_is_the_best_by_f1(ties: bool) -> None:
    scores, targets = sample(ties=ties)
    for place, found in enumerate(label_thresholds.fit(scores, targets)):
        own = targets[:, place] == 1
        reached = sk.f1_score(own, scores[:, place] >= found.value, zero_division=0)
        assert found.fitted
        assert found.after == pytest.approx(reached, **EXACT)
        assert reached == pytest.approx(brute(scores[:, place], own), **EXACT)


def test_with_few_rows_the_threshold_stays_at_one_half() -> None:
    scores = np.linspace(0, 0.4, 60)[:, None]
    for rows, fitted in ((9, False), (10, True)):
        targets = (np.arange(60) >= 60 - rows).astype(int)[:, None]
        found = label_thresholds.fit(scores, targets)[0]
        assert found.fitted is fitted
        assert (found.value == 0.5) is not fitted


def test_settle_can_be_told_to_keep_one_half() -> None:
    scores, targets = sample()
    logits = np.log(scores / (1 - scores)) - 1.5
    fitted = label_thresholds.settle(DecideConfig(), LABELS, logits, targets)
    half = label_thresholds.settle(DecideConfig(label_thresholds="half"), LABELS, logits, targets)
    assert half.decision.label_thresholds == (0.5,) * 4
    assert fitted.decision.label_thresholds != half.decision.label_thresholds
    assert fitted.rule is not None
    for each in fitted.rule["label_thresholds"]:
        assert each["validation"]["after"] >= each["validation"]["before"]


def test_validation_measures_the_answers_that_would_be_given() -> None:
    scores, targets = sample()
    low = scores / 4  # nothing would reach one half
    fitted = [each.value for each in label_thresholds.fit(low, targets)]
    found = label_sets.point(low, targets)
    assert found["accuracy"] == sk.accuracy_score(targets, low >= np.array(fitted))
    assert found["macro_f1"] > 0.4


def test_the_baseline_is_one_classifier_a_label() -> None:
    texts = ["good plot", "bad plot", "good", "bad", "film", "the film"] * 20
    targets = np.array([[1, 0, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]] * 20)
    found = tfidf(texts, targets, ["good plot", "a film"], 3).probabilities_NC
    assert (found > 0.5).tolist() == [[True, False, True], [False, False, False]]
    never = np.zeros_like(targets)
    never[:, 1] = 1
    assert tfidf(texts, never, ["x"], 3).probabilities_NC.tolist() == [[0.0, 1.0, 0.0]]
