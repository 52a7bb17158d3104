"""The report's explanations: there, bounded in cost, and never worth a run."""

from __future__ import annotations

import numpy as np
import pytest

from plaudit.data.cleaned import Rows
from plaudit.predict import Classifier
from plaudit.run import explaining


@pytest.fixture(scope="module")
def classifier(workshop):
    return Classifier.load(workshop / "runs/quickstart/model", device="cpu")


def rows(count: int) -> Rows:
    texts = [f"the film {n} was {('bad', 'great')[n % 2]} and a plot" for n in range(count)]
    nothing = np.zeros(count, dtype=np.uint64)
    return Rows(texts, np.arange(count) % 2, texts, nothing)


def explained(classifier, count=12, mistakes=(), say=lambda line: None):
    return explaining.explanation(classifier, rows(count), mistakes, (0, 0.9), say)


def test_a_run_explains_its_mistakes_and_a_sample_of_its_test_texts(workshop):
    import json

    report = json.loads((workshop / "runs/quickstart/model/report.json").read_text())
    section = report["explanation"]
    assert section["failed"] is None
    assert len(section["mistakes"]) == len(report["mistakes"])
    assert section["faithfulness"]["confidence"] == report["test"]["interval"]["confidence"]
    assert section["global"]["texts"] == 24
    assert set(section["global"]["words"]) == set(report["data"]["labels"])


def test_each_mistake_has_the_words_of_its_text(classifier):
    mistakes = [{"text": "great, but dull"}, {"text": "a film " * 60}]
    section = explained(classifier, mistakes=mistakes)
    one, long = section["mistakes"]
    assert [mistakes[0]["text"][w["start"] : w["end"]] for w in one] == [
        "great", ",", "but", "dull",
    ]  # fmt: skip
    assert None in [word["score"] for word in long]


def test_cost_is_bounded_by_tokens_whatever_the_texts(classifier, monkeypatch):
    monkeypatch.setattr(type(classifier.engine.compute), "tokens_at_once", 40)
    section = explained(classifier, 100)
    tokens = len(classifier.encoder.encode([rows(1).texts[0]]).ids)
    assert section["global"]["texts"] <= explaining.EXPLAINED_TOKENS * 40 / tokens
    assert section["faithfulness"]["texts"] <= explaining.HIDDEN_TOKENS * 40 / tokens
    monkeypatch.setattr(type(classifier.engine.compute), "tokens_at_once", 1)
    assert explained(classifier, 100)["global"]["texts"] == 1
    monkeypatch.setattr(type(classifier.engine.compute), "tokens_at_once", 10**6)
    monkeypatch.setattr(explaining, "HIDDEN_TEXTS", 5)
    assert explained(classifier, 30)["faithfulness"]["texts"] == 5


def test_the_sample_follows_the_seed(classifier):
    one, same = (explaining.explanation(classifier, rows(60), [], (0, 0.9), print) for _ in "ab")
    other = explaining.explanation(classifier, rows(60), [], (1, 0.9), print)
    assert one == same
    assert one["faithfulness"] != other["faithfulness"]


def test_a_failure_is_told_and_loses_nothing(classifier, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setattr(explaining, "measure", broken)
    said = []
    assert explained(classifier, say=said.append) == {"failed": "RuntimeError: out of memory"}
    assert "The run goes on without." in said[-1]


def test_what_json_cannot_hold_is_a_failure_too(classifier, monkeypatch):
    monkeypatch.setattr(explaining, "_words", lambda each: [{"score": float("nan")}])
    assert "not JSON compliant" in explained(classifier, mistakes=[{"text": "dull"}])["failed"]
