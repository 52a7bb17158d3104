from __future__ import annotations

from plaudit.report.summary import headline


def accuracy(value: float, low: float | None = None, high: float | None = None) -> dict:
    return {"accuracy": {"value": value, "low": low, "high": high}}


def test_it_states_rows_interval_and_baseline(document):
    document["test"]["metrics"] = accuracy(0.9213, 0.9101, 0.9312)
    document["baseline"]["scores"]["metrics"] = accuracy(0.8893)

    assert headline(document) == (
        "On 2,498 texts kept apart from training the model labels 92.1% correctly "
        "(95% interval 91.0 to 93.1); the TF-IDF baseline labels 88.9%."
    )


def test_without_baseline_or_interval_it_mentions_neither(document):
    document["test"]["metrics"] = accuracy(1.0)
    document["baseline"] = None
    document["test"]["rows"] = 1

    assert headline(document) == (
        "On 1 text kept apart from training the model labels 100% correctly."
    )


def test_the_level_of_confidence_is_the_one_used(document):
    document["test"]["interval"]["confidence"] = 0.995

    assert "(99.5% interval" in headline(document)


def test_test_texts_that_stand_in_training_are_not_called_kept_apart(document):
    document["overlap"] = {"rows": 123, "test_without": {"metrics": accuracy(0.915)}}
    sentence = headline(document)

    assert "kept apart" not in sentence
    assert sentence.endswith(
        "123 of them were also seen in training or selection; without them it labels 91.5% "
        "correctly."
    )


def test_without_a_test_the_validation_result_is_called_favourable(document):
    document["test"] = document["baseline"] = None
    document["training"]["best_step"] = 80
    kept = next(r for r in document["training"]["history"] if r["step"] == 80)
    kept["validation"]["accuracy"] = 0.876

    sentence = headline(document)
    assert sentence.startswith("The model has not been evaluated on test data.")
    assert "87.6% of the 500 texts of validation data" in sentence
    assert "too favourable" in sentence
    decision = {"threshold": {"by": "f1"}, "abstain": None, "test": None}
    ruled = headline(document | {"decision": decision})
    assert "Without the threshold that it decides by, it labels" in ruled


def test_without_any_evaluation_it_claims_nothing(document):
    document["test"] = document["baseline"] = None
    document["training"]["history"] = []

    assert headline(document) == (
        "The model was trained on 8,000 texts and has not been evaluated."
    )


def test_without_a_test_the_words_beside_the_encoder_count(document):
    document["test"] = None
    best = document["training"]["history"][-1]
    best["validation"] = {"accuracy": 0.5}
    document["training"]["best_step"] = best["step"]
    assert "It labels 50.0% of" in headline(document)
    document["ngrams"] = {"validation": {"both": {"accuracy": 0.875}}}
    assert "It labels 87.5% of" in headline(document)
