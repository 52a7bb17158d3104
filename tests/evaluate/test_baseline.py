from __future__ import annotations

import numpy as np
import pytest

from plaudit.evaluate import baseline
from plaudit.ngrams import counting

GOOD = ["a wonderful warm film", "warm and wonderful acting", "wonderful", "a warm delight"]
BAD = ["a dreadful dull film", "dull and dreadful acting", "dreadful", "a dull bore"]


def targets(*classes: int) -> np.ndarray:
    return np.repeat(classes, 4)


def test_it_learns_words_and_gives_probabilities():
    result = baseline.tfidf(BAD + GOOD, targets(0, 1), ["warm", "dull", "dreadful film"], 2)

    assert result.probabilities_NC.argmax(axis=1).tolist() == [1, 0, 0]
    assert result.probabilities_NC.sum(axis=1) == pytest.approx([1, 1, 1])
    assert result.name == "TF-IDF + logistic regression"
    assert result.fit_s > 0
    assert result.predict_s > 0


def test_it_reads_pairs_of_words():
    texts = ["not good", "very bad", "good", "bad"] * 10
    wanted = np.array([0, 0, 1, 1] * 10)
    pairs = ["not good", "good not"]
    result = baseline.tfidf(texts, wanted, pairs, 2)

    assert result.probabilities_NC[0, 0] > result.probabilities_NC[1, 0]


def test_a_class_absent_from_training_keeps_its_column():
    result = baseline.tfidf(BAD + GOOD, targets(0, 2), ["warm", "dull"], 4)

    assert result.probabilities_NC.shape == (2, 4)
    assert result.probabilities_NC.argmax(axis=1).tolist() == [2, 0]
    assert (result.probabilities_NC[:, [1, 3]] == 0).all()


def test_one_class_in_training_is_predicted_with_certainty():
    result = baseline.tfidf(GOOD, targets(1), ["anything"], 2)

    assert result.probabilities_NC.tolist() == [[0.0, 1.0]]


def test_texts_without_words_get_the_shares_of_the_classes():
    result = baseline.tfidf(["!", "?", "…", "."], np.array([0, 1, 1, 1]), ["!!"], 2)

    assert result.probabilities_NC[0] == pytest.approx([0.25, 0.75], abs=0.01)


def test_no_test_text_is_no_row():
    assert baseline.tfidf(BAD + GOOD, targets(0, 1), [], 2).probabilities_NC.shape == (0, 2)


def test_it_is_deterministic():
    first, again = (baseline.tfidf(BAD + GOOD, targets(0, 1), ["warm"], 2) for _ in range(2))

    assert (first.probabilities_NC == again.probabilities_NC).all()


def test_rows_beyond_the_cap_are_left_out_evenly_and_the_name_says_so(monkeypatch):
    monkeypatch.setattr(counting, "MAX_ROWS", 4)
    result = baseline.tfidf(BAD + GOOD, targets(0, 1), ["warm", "dull"], 2)

    assert result.name.endswith("on 4 of the 8 training rows")
    assert result.probabilities_NC.argmax(axis=1).tolist() == [1, 0]


def test_blocks_are_put_back_in_order(monkeypatch):
    whole = baseline.tfidf(BAD + GOOD, targets(0, 1), BAD + GOOD, 2)
    monkeypatch.setattr(counting, "ROWS_AT_ONCE", 3)
    blocks = baseline.tfidf(BAD + GOOD, targets(0, 1), BAD + GOOD, 2)

    assert blocks.probabilities_NC == pytest.approx(whole.probabilities_NC)


def test_words_seen_once_are_dropped_when_there_are_enough_rows():
    texts = [f"dull unique{index}" for index in range(100)]
    texts += [f"warm unique{index}" for index in range(100, 200)]
    result = baseline.tfidf(texts, np.repeat([0, 1], 100), ["unique3", "nothing"], 2)

    assert result.probabilities_NC[0] == pytest.approx(result.probabilities_NC[1])


def test_targets_must_fit_the_texts():
    with pytest.raises(ValueError, match="4 texts and 1 targets"):
        baseline.tfidf(GOOD, np.zeros(1, dtype=int), [], 2)
