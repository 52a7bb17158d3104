"""Over many texts: does the answer hang on the words named, and which words drive each label."""

from __future__ import annotations

import random

import numpy as np
import pytest

from plaudit.errors import DataError
from plaudit.explain import explain_cleaned, faithfulness, global_words
from plaudit.explain.deletion import measure
from plaudit.explain.drivers import collect
from plaudit.explain.records import Explanation, Word
from tests.conftest import NEGATIVE, POSITIVE, review


@pytest.fixture(scope="module")
def texts():
    random_ = random.Random(11)
    return [review(("negative", "positive")[n % 2], random_) for n in range(40)]


@pytest.fixture(scope="module")
def explained(trained, texts):
    return explain_cleaned(trained, texts)


def test_hiding_the_words_named_costs_more_than_hiding_others(trained, explained):
    found = measure(trained, explained)
    assert found.texts == 40
    assert found.hidden[0] == 0.0
    assert found.hidden[-1] == 1.0
    assert found.supportive[0] == found.random[0] == found.reverse[0] > 0.9
    assert found.supportive[-1] == found.random[-1] == found.reverse[-1]
    assert found.below_random.low > 0.0
    assert found.below_reverse.value > found.below_random.value > 0.1


def test_explanations_that_say_nothing_are_found_out(trained, explained):
    """Scores of chance: the interval of the area against random order holds 0."""
    rng = np.random.default_rng(0)
    void = [
        Explanation(
            **{
                **{name: getattr(each, name) for name in ("text", "target", "predicted", "method")},
                "probability": each.probability, "log_odds": each.log_odds,
                "words": tuple(
                    Word(w.text, w.start, w.end, float(rng.normal())) for w in each.words
                ),
            }
        )
        for each in explained
    ]  # fmt: skip
    found = measure(trained, void)
    assert found.below_random.low < 0.0 < found.below_random.high
    assert found.below_random.value < 0.25 * measure(trained, explained).below_random.value


def test_explanations_of_the_other_label_are_turned(trained, texts):
    """The label that is watched is the predicted one, whichever was explained."""
    towards = measure(trained, explain_cleaned(trained, texts, target="positive"))
    assert towards.below_random.low > 0.0
    assert towards == faithfulness(trained, texts, hidden=towards.hidden[1:-1])


def test_the_shares_hidden_are_those_asked_for(trained, explained):
    few = measure(trained, explained[:4], (0.25,))
    assert few.hidden == (0.0, 0.25, 1.0)
    assert len(few.supportive) == 3


def test_texts_without_words_cannot_be_measured(trained):
    with pytest.raises(DataError, match="nothing to hide"):
        faithfulness(trained, ["", " "])


def test_the_words_that_decide_labels_are_in_their_lists(trained, texts):
    found = global_words(trained, texts, most=8)
    listed = {label: [each.text for each in words] for label, words in found.words.items()}
    assert found.texts == 40
    assert listed["positive"][0] in POSITIVE
    assert len(set(listed["positive"]) & set(POSITIVE)) >= 4
    assert len(set(listed["negative"]) & set(NEGATIVE)) >= 4
    assert not set(listed["positive"]) & set(NEGATIVE)
    assert not set(listed["negative"]) & set(POSITIVE)


def of(text: str, target: str, *scores: float | None) -> Explanation:
    words, at = [], 0
    for word, score in zip(text.split(), scores, strict=True):
        words.append(Word(word, at, at + len(word), score))
        at += len(word) + 1
    return Explanation(text, target, target, 0.9, "gradient", tuple(words), 2.2)


def test_counts_means_and_intervals_are_over_occurrences_and_texts():
    found = collect(
        [
            of("Good good film", "pos", 1.0, 2.0, 0.0),
            of("good plot", "pos", 3.0, 0.1),
            of("good", "neg", -2.0),
            of("plot good", "pos", 0.1, None),
        ],
        ("neg", "pos"),
        min_texts=3,
    )
    assert [each.text for each in found.words["pos"]] == ["good"]
    [good] = found.words["pos"]
    # A push away from neg is one towards pos; the word that was not read does not count.
    assert (good.count, good.texts, good.push.value) == (4, 3, 2.0)
    assert good.push.low < 2.0 < good.push.high
    assert good.push.high - 2.0 == pytest.approx(2.0 - good.push.low)
    # Sums 3, 3, 2 over 2, 1, 1 occurrences: residuals -1, 1, 0; t of 2 degrees 4.303.
    assert good.push.high - 2.0 == pytest.approx(4.3027 * np.sqrt(2 * 3 / 2) / 4, rel=1e-3)
    assert found.words["neg"] == ()


def test_a_phrase_is_listed_when_it_adds_to_its_words():
    found = collect(
        [of("not bad the film", "pos", 1.0, 1.0, 0.0, 0.01)] * 3
        + [of("the film , bad", "pos", 0.5, 0.01, 0.0, 1.0)] * 3,
        ("neg", "pos"),
        min_texts=3,
    )
    assert [each.text for each in found.phrases["pos"]] == ["not bad"]
    assert found.phrases["pos"][0].push.value == pytest.approx(2.0)


def test_with_many_labels_a_label_has_the_words_of_its_texts():
    found = collect(
        [of("fine", "b", 1.0)] * 3 + [of("fine", "c", -1.0)] * 3, ("a", "b", "c"), min_texts=2
    )
    assert [each.text for each in found.words["b"]] == ["fine"]
    assert found.words["b"][0].count == 3
    assert found.words["a"] == found.words["c"] == ()


def test_what_pushes_surely_comes_before_what_pushes_by_luck():
    steady = [of("steady", "pos", 1.0 + 0.01 * n) for n in range(3)]
    lucky = [of("lucky", "pos", score) for score in (0.1, 0.1, 9.0)]
    found = collect(steady + lucky, ("neg", "pos"), min_texts=3)
    assert [each.text for each in found.words["pos"]] == ["steady", "lucky"]
