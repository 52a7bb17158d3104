from __future__ import annotations

import numpy as np
import pytest

from plaudit.data.cleaned import Rows
from plaudit.data.fingerprint import fingerprints
from plaudit.evaluate.decide import answer
from plaudit.evaluate.metrics import score
from plaudit.evaluate.predictions import of_rows
from plaudit.evaluate.slices import deduplicated, slices

INTERVALS = (200, 0.95)


def answered(texts, targets, right, sure=0.8):
    targets = np.asarray(targets)
    answers = np.where(right, targets, 1 - targets)
    probabilities = np.where(np.eye(2)[answers] == 1, sure, 1 - sure)
    rows = Rows(list(texts), targets, [str(n) for n in range(len(texts))], fingerprints(texts))
    return of_rows(rows, answer(probabilities, None), ("neg", "pos"))


def test_each_part_has_the_accuracy_of_its_own_rows():
    """Short texts are all right, of the long ones half; genre a is that of the short ones."""
    texts = [f"short {n}" for n in range(60)] + [f"{'long ' * 40}{n}" for n in range(60)]
    right = np.array([True] * 60 + [True, False] * 30)
    predictions = answered(texts, [0, 1] * 60, right)
    found = slices(predictions, texts, {"genre": ["a"] * 60 + ["b"] * 60}, INTERVALS)

    assert [(cut["kind"], cut["by"]) for cut in found] == [
        ("length", "words"), ("confidence", "confidence"), ("column", "genre"),
    ]  # fmt: skip
    for cut in (found[0], found[2]):
        short, long = cut["groups"]
        assert (short["rows"], short["accuracy"]["value"]) == (60, 1.0)
        assert (long["rows"], long["accuracy"]["value"]) == (60, 0.5)
        assert long["accuracy"]["low"] < 0.5 < long["accuracy"]["high"]
        assert long["macro_f1"]["low"] <= long["macro_f1"]["value"] <= long["macro_f1"]["high"]
    assert found[1]["groups"][0]["value"] == "80% to 90%"


def test_confidence_is_that_of_the_label_that_was_given():
    texts = [f"t{n}" for n in range(4)]
    found = slices(answered(texts, [0, 1, 0, 1], [False] * 4, sure=0.97), texts, {}, INTERVALS)

    assert [cut["kind"] for cut in found] == ["confidence"]
    assert [group["value"] for group in found[0]["groups"]] == ["95% to 99%"]


def test_equal_texts_count_once():
    """The three copies are wrong: 3 of 6 rows, but 1 of 4 texts."""
    texts = ["copy", "copy", "copy", "a", "b", "c"]
    right = [False, False, False, True, True, True]
    found = deduplicated(answered(texts, [1, 1, 1, 0, 1, 0], right), INTERVALS)

    assert (found["rows"], found["repeated"], found["test"]["rows"]) == (4, 2, 4)
    assert found["test"]["metrics"]["accuracy"]["value"] == pytest.approx(0.75)


def test_without_copies_there_is_nothing_to_say_twice():
    found = deduplicated(answered(["a", "b"], [0, 1], [True, True]), INTERVALS)

    assert found == {"rows": 2, "repeated": 0, "test": None}


def test_a_part_that_is_all_rows_has_the_interval_of_the_whole():
    texts = [f"t{n}" for n in range(50)]
    predictions = answered(texts, [0, 1] * 25, [True] * 40 + [False] * 10)
    (cut,) = [each for each in slices(predictions, texts, {"x": ["a"] * 50}, INTERVALS)
              if each["kind"] == "column"]  # fmt: skip
    whole = score(
        predictions.probabilities_NC, predictions.targets_N, predictions.labels, bootstrap=200
    ).to_dict()

    assert cut["groups"][0]["accuracy"] == whole["metrics"]["accuracy"]
    assert cut["groups"][0]["macro_f1"] == whole["metrics"]["macro_f1"]
