"""Explanations of an encoder with a model of words beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plaudit import ngrams
from plaudit.cli.explain import heading
from plaudit.evaluate.cascade import Cascade
from plaudit.explain import explain, faithfulness
from plaudit.explain.texts import reading_of
from plaudit.predict import Classifier
from tests.conftest import NEGATIVE, POSITIVE

TEXTS = [
    "the worst plot and a dull film", "Great, great actor; the best movie!", "good but poor", ""
]  # fmt: skip
KINDS = [("negative", "positive"), ("bad", "fine", "great")]


@pytest.fixture
def both(random_classifier: Any) -> Any:
    def make(labels: tuple[str, ...], weight: float = 1.5, **text: Any) -> Classifier:
        classifier = random_classifier(labels=labels, **text)
        words = [*NEGATIVE, *POSITIVE]
        targets = np.arange(len(words)) * len(labels) // len(words)
        # The last label is the most frequent one: an empty text says so.
        words, targets = [*words, "x", "y", "z"], np.append(targets, [len(labels) - 1] * 3)
        classifier._ngrams = ngrams.fit(words, targets, len(labels))
        classifier.spec = classifier.spec.model_copy(update={"ngram_weight": weight})
        return classifier

    return make


@pytest.mark.parametrize("labels", KINDS)
def test_scores_of_both_add_up_to_the_difference(labels, both):
    classifier = both(labels)
    for found in explain(classifier, TEXTS, method="integrated-gradients", steps=300):
        total = sum(word.score for word in found.words)
        assert total == pytest.approx(found.log_odds - found.baseline_log_odds, abs=0.02)
    # Of the last text, which has no words, that is all that words say.
    shift = found.log_odds - alone(classifier, "", found.target)
    assert abs(shift) > 0.05


def alone(classifier: Classifier, text: str, target: str) -> float:
    """The encoder's log-odds."""
    logits_C = classifier.engine.logits(
        classifier.encoder.encode([text]), pad_id=classifier.encoder.pad_id
    )[0]
    others = np.delete(logits_C, classifier.labels.index(target))
    return float(logits_C[classifier.labels.index(target)] - np.logaddexp.reduce(others))


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
@pytest.mark.parametrize("labels", KINDS)
def test_the_answer_explained_is_that_of_both(method, labels, both):
    classifier = both(labels)
    predicted = classifier.predict(TEXTS)
    for found, prediction in zip(
        explain(classifier, TEXTS, method=method, steps=2), predicted, strict=True
    ):
        assert found.target == found.predicted == prediction.label
        assert found.probability == pytest.approx(prediction.probability, abs=1e-5)
    own = [alone(classifier, text, each.label) for text, each in zip(TEXTS, predicted, strict=True)]
    assert any(odds < 0 for odds in own), "or words change no label here"


@pytest.mark.parametrize("labels", KINDS)
def test_what_a_word_adds_counts_by_its_weight(labels, both):
    classifier = both(labels, weight=50.0)
    text = "the film was dull"
    [found], [encoder] = (
        explain(each, [text], target=labels[0]) for each in (classifier, both(labels, weight=0.0))
    )
    [*_, adds_C] = 50.0 * classifier.ngrams.pushes(text)[1]
    # Away from the others, in shares that follow from their logits halfway.
    away = adds_C[0] - adds_C[1:]
    score = found.words[-1].score - encoder.words[-1].score
    slack = 1e-3 if len(labels) == 2 else 2.0  # the encoder's slopes are others then
    assert away.min() - slack <= score <= away.max() + slack
    assert abs(score) > 5


def test_words_are_hidden_from_both(both, monkeypatch):
    # So few features that each is a learnt one: what were put in a word's place would count.
    few = replace(ngrams.PAIRS_OF_TOKENS, hashed=4)
    monkeypatch.setattr("plaudit.ngrams.linear.PAIRS_OF_TOKENS", few)
    classifier = both(KINDS[0], weight=30.0)
    assert len(classifier.ngrams.columns_F) == 4
    texts = ["worst bad film", "a great plot"]
    found = faithfulness(classifier, texts, hidden=[0.4])
    reading = reading_of(classifier, texts)
    every = np.ones(len(reading.spans_W2), dtype=bool)
    nothing_C = classifier.ngrams.logits([""])[0]
    assert reading.left_beside(every)[0] == pytest.approx(np.stack([nothing_C] * 2))
    assert reading.left_beside(every)[1].tolist() == [0, 0]
    whole_NC, known_N = classifier.ngrams.read(texts)
    left_NC, still_N = reading.left_beside(~every)
    assert left_NC == pytest.approx(whole_NC, abs=1e-4)
    assert still_N.tolist() == known_N.tolist()
    # A word hidden takes the pairs that it is in along, and makes no new ones.
    hidden = np.array([False, True, False] * 2)
    assert reading.left_beside(hidden)[0][0] == pytest.approx(
        alone_of(classifier, ["worst", "film"]), abs=1e-4
    )
    assert found.supportive[0] != found.supportive[-1]


def alone_of(classifier: Classifier, words: list[str]) -> np.ndarray:
    """What words add that have no neighbours, by hand."""
    model = classifier.ngrams
    few = replace(ngrams.PAIRS_OF_TOKENS, hashed=4)
    columns = {int(next(ngrams.count([word], np.arange(1), few)).indices[0]) for word in words}
    places = [int(np.searchsorted(model.columns_F, column)) for column in sorted(columns)]
    ratios = model.ratios_KF[0, places].astype(np.float64)
    margin = float(ratios @ model.weights_KF[0, places] / np.linalg.norm(ratios))
    margin += float(model.bias_K[0])
    return np.array([-margin / 2, margin / 2])


def test_words_that_only_one_part_reads_are_read(both):
    classifier = both(KINDS[0], max_tokens=8)
    [found] = explain(classifier, ["a film " * 10 + "worst"], target="negative")
    assert all(word.score is not None for word in found.words)
    assert found.words[-1].score > 0.1


ALONE = Cascade(lead=0.4, known=1, scale=3.0)


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
@pytest.mark.parametrize("labels", KINDS)
def test_what_words_answer_alone_is_explained_by_them_alone(method, labels, both):
    classifier = both(labels)
    classifier.spec = classifier.spec.model_copy(update={"ngram_cascade": ALONE})
    sure_N = classifier.answered_by_words(TEXTS)
    assert 0 < sure_N.sum() < len(TEXTS)
    always = both(labels)
    pairs = zip(
        TEXTS,
        sure_N,
        explain(classifier, TEXTS, method=method, steps=50),
        explain(always, TEXTS, method=method, steps=50),
        strict=True,
    )
    for text, sure, found, of_both in pairs:
        [prediction] = classifier.predict([text])
        assert found.by_words == sure
        assert (", of words alone" in heading(found)) == sure
        assert found.probability == pytest.approx(prediction.probability, abs=1e-5)
        if not sure:
            assert found.log_odds == pytest.approx(of_both.log_odds, abs=1e-4)
            continue
        assert found.log_odds != pytest.approx(of_both.log_odds, abs=1e-2)
        logits_C = 3.0 * classifier.ngrams.logits([text])[0]
        target = labels.index(found.target)
        assert found.log_odds == pytest.approx(odds(logits_C, target))
        if method == "integrated-gradients":
            empty_C = 3.0 * classifier.ngrams.logits([""])[0]
            assert found.baseline_log_odds == pytest.approx(odds(empty_C, target))
            assert found.delta == pytest.approx(0.0, abs=1e-6)
        elif len(labels) == 2:  # linear: the gradient halfway is that of the whole path
            adds_TC = 3.0 * classifier.ngrams.pushes(text)[1]
            way = 1 if target else -1
            adds_T = way * (adds_TC[:, 1] - adds_TC[:, 0])
            assert sum(word.score for word in found.words) == pytest.approx(adds_T.sum())


def odds(logits_C: np.ndarray, target: int) -> float:
    others = np.delete(logits_C, target)
    return float(logits_C[target] - np.logaddexp.reduce(others))


def test_a_text_that_loses_its_sure_words_is_asked_of_the_encoder_too(both):
    classifier = both(KINDS[0])
    classifier.spec = classifier.spec.model_copy(update={"ngram_cascade": ALONE})
    texts = ["the worst plot and a dull film", "Great, great actor; the best movie!"]
    assert classifier.answered_by_words(texts).all()
    found = faithfulness(classifier, texts, hidden=[0.4])
    predicted = [each.probability for each in classifier.predict(texts)]
    assert found.supportive[0] == pytest.approx(np.mean(predicted), abs=1e-5)
    # With every word hidden the words are sure of nothing: it is the answer of both.
    assert not classifier.answered_by_words([""]).any()
    always = both(KINDS[0])
    assert found.supportive[-1] == pytest.approx(
        faithfulness(always, texts, hidden=[0.4]).supportive[-1], abs=1e-5
    )
