from __future__ import annotations

import numpy as np
import pytest

from plaudit.compare.matching import match
from plaudit.data.fingerprint import fingerprints
from plaudit.errors import DataError
from plaudit.evaluate.predictions import Predictions


def predictions(rows, labels=("neg", "pos")):
    """Of (text, origin, truth, predicted)."""
    texts, origins, truths, predicted = zip(*rows, strict=True)
    answers = np.array([labels.index(each) for each in predicted])
    return Predictions(
        labels, fingerprints(texts), list(origins), np.array([labels.index(t) for t in truths]),
        answers, np.eye(len(labels))[answers], list(texts),
    )  # fmt: skip


FIRST = [
    ("a", "x:1", "neg", "neg"), ("b", "x:2", "neg", "pos"), ("c", "x:3", "pos", "pos"),
]  # fmt: skip


def test_rows_are_matched_by_their_text_and_not_by_their_position():
    second = [("c", "y:1", "pos", "neg"), ("d", "y:2", "pos", "pos"), ("a", "y:3", "neg", "neg")]
    one, other = match([("1", predictions(FIRST)), ("2", predictions(second))])

    assert one.excerpts == other.excerpts == ["a", "c"]
    assert one.predicted_N.tolist() == [0, 1]
    assert other.predicted_N.tolist() == [0, 0]


def test_copies_of_a_text_are_told_apart_by_their_origin():
    twice = [("a", "x:1", "neg", "neg"), ("a", "x:2", "neg", "pos")]
    one, other = match([("1", predictions(twice)), ("2", predictions(twice[::-1]))])

    assert one.origins == other.origins == ["x:1", "x:2"]
    assert one.predicted_N.tolist() == other.predicted_N.tolist() == [0, 1]


def test_of_copies_only_those_with_a_partner_match():
    once = [("a", "x:2", "neg", "pos"), ("b", "x:9", "neg", "neg")]
    twice = [("a", "x:1", "neg", "neg"), *once]
    one, other = match([("1", predictions(twice)), ("2", predictions(once))])

    assert one.origins == other.origins == ["x:2", "x:9"]


def test_labels_in_another_order_are_turned():
    turned = predictions(FIRST, labels=("pos", "neg"))
    one, other = match([("1", predictions(FIRST)), ("2", turned)])

    assert other.labels == one.labels == ("neg", "pos")
    assert other.targets_N.tolist() == one.targets_N.tolist()


def test_no_common_row_is_refused_with_what_to_do():
    other = predictions([("z", "x:1", "neg", "neg")])
    with pytest.raises(DataError, match=r"1 has 3 rows, 2 has 1 rows.*--data DATA"):
        match([("1", predictions(FIRST)), ("2", other)])


def test_another_truth_for_the_same_text_is_refused():
    other = predictions([("a", "y:7", "pos", "pos")])
    with pytest.raises(DataError, match="y:7 is 'pos' there, x:1 is 'neg' here"):
        match([("1", predictions(FIRST)), ("2", other)])


def test_other_labels_are_refused_by_name():
    other = predictions([("a", "y:7", "bad", "bad")], labels=("bad", "good"))
    with pytest.raises(DataError, match=r"^2 and 1: the labels are bad, good here"):
        match([("1", predictions(FIRST)), ("2", other)])
