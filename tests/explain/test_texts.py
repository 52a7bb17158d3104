"""Explanations: complete, of the right label, on the path that predictions take."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import plaudit
from plaudit import artifact
from plaudit.errors import ConfigError, DataError, MissingExtra
from plaudit.explain import explain, explain_cleaned
from tests.conftest import NEGATIVE, POSITIVE

LONG = "good plot and a great film with the best actor but it was dull to saw and poor in the movie"
KINDS = [
    *((family, "mean") for family in (
        "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet",
        "roberta", "xlm-roberta",
    )),
    ("bert", "cls"), ("bert", "pooler"), ("bert", "max"), ("modernbert", "cls"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "pooling"), KINDS)
def test_scores_add_up_to_the_difference_from_the_baseline(family, pooling, random_classifier):
    classifier = random_classifier(family, pooling)
    [found] = explain(
        classifier, ["A good film, but unwatchable"], method="integrated-gradients", steps=300
    )
    total = sum(word.score for word in found.words)
    difference = found.log_odds - found.baseline_log_odds
    assert abs(difference) > 0.01
    # Maxima and ReLU have corners, at which quadrature is less exact.
    assert total == pytest.approx(difference, abs=0.03 * max(1.0, abs(difference)))
    assert found.delta == pytest.approx(total - difference, abs=1e-6)


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
@pytest.mark.parametrize("labels", [("negative", "positive"), ("bad", "fine", "great")])
def test_the_answer_explained_is_the_classifiers_own(method, labels, random_classifier):
    classifier = random_classifier(labels=labels)
    texts = ["the <br />worst &amp; dull plot", LONG, "great", ""]
    for found, prediction in zip(
        explain(classifier, texts, method=method, steps=2), classifier.predict(texts), strict=True
    ):
        assert found.target == found.predicted == prediction.label
        assert found.probability == pytest.approx(prediction.probability, abs=1e-5)
        odds = prediction.probability / (1 - prediction.probability)
        assert found.log_odds == pytest.approx(np.log(odds), abs=1e-3)


def test_the_gradient_is_the_slope_halfway_along_the_path(random_classifier):
    """Finite differences by hand, in the embedding table, for one word."""
    classifier = random_classifier()
    [found] = explain(classifier, ["a triumph"], target="positive")
    engine = classifier.engine
    table = engine.model.stock.get_input_embeddings().weight
    encoder = classifier.encoder
    article, triumph, mask = encoder.tokenizer.convert_tokens_to_ids(["a", "triumph", "[MASK]"])
    encoded, step = encoder.encode(["a triumph"]), 1e-2
    before = table.detach().clone()
    odds = []
    for way in (1, -1):
        with torch.no_grad():
            for word, share in ((article, 0.5), (triumph, 0.5 + way * step)):
                table[word] = before[mask] + share * (before[word] - before[mask])
        logits_C = engine.logits(encoded, pad_id=0)[0]
        odds.append(float(logits_C[1] - logits_C[0]))
        with torch.no_grad():
            table.copy_(before)
    assert found.words[1].text == "triumph"
    assert found.words[1].score == pytest.approx((odds[0] - odds[1]) / (2 * step), rel=0.02)


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
def test_telling_words_push_towards_the_label_that_they_tell(method, trained):
    texts = [f"the film was {word} and it is a plot" for word in (*POSITIVE, *NEGATIVE)]
    found = explain(trained, texts, target="positive", method=method)
    for word, explanation in zip((*POSITIVE, *NEGATIVE), found, strict=True):
        [telling] = [each for each in explanation.words if each.text == word]
        assert (telling.score > 0) == (word in POSITIVE)
        if method == "integrated-gradients":
            assert abs(telling.score) == max(abs(each.score) for each in explanation.words)


def test_with_two_labels_a_push_towards_one_is_a_push_away_from_the_other(random_classifier):
    classifier = random_classifier()
    one, other = (explain(classifier, [LONG], target=label)[0] for label in classifier.labels)
    np.testing.assert_allclose(
        [word.score for word in one.words], [-word.score for word in other.words], atol=1e-5
    )


def test_each_of_many_labels_is_pushed_in_its_own_way(random_classifier):
    classifier = random_classifier(labels=("bad", "fine", "great"))
    scores = [
        [word.score for word in explain(classifier, [LONG], target=label)[0].words]
        for label in classifier.labels
    ]
    assert np.abs(np.diff(scores, axis=0)).max() > 0.01


def test_batches_do_not_change_scores(random_classifier):
    classifier = random_classifier()
    texts = ["a triumph", LONG, "", "the worst film"]
    together = explain(classifier, texts)
    for text, found in zip(texts, together, strict=True):
        [alone] = explain(classifier, [text])
        assert alone.text == found.text
        np.testing.assert_allclose(
            [word.score for word in alone.words], [word.score for word in found.words], atol=1e-4
        )


@pytest.mark.parametrize(
    ("policy", "read"),
    [
        ("head", ["good", "plot", "and", "a", "great", "film"]),
        ("tail", ["saw", "and", "poor", "in", "the", "movie"]),
        ("head_tail", ["good", "plot", "poor", "in", "the", "movie"]),
        ("windows", LONG.split()),
    ],
)
@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
def test_words_that_the_policy_cut_are_shown_as_not_read(policy, read, method, random_classifier):
    classifier = random_classifier(policy=policy, max_tokens=8, stride=2)
    [found] = explain(classifier, [LONG], method=method, steps=2)
    assert [word.text for word in found.words] == LONG.split()
    assert [word.text for word in found.words if word.score is not None] == read


@pytest.mark.parametrize("window_pooling", ["mean", "max"])
def test_windows_are_explained_together(window_pooling, random_classifier):
    """The answer is one of all windows, so scores add up over all of them."""
    classifier = random_classifier(
        policy="windows", max_tokens=8, stride=2, window_pooling=window_pooling
    )
    [found] = explain(classifier, [LONG], method="integrated-gradients", steps=400)
    assert found.log_odds == pytest.approx(
        np.log(1 / (1 / classifier.predict([LONG])[0].probability - 1)), abs=1e-3
    )
    assert abs(found.delta) < 0.03 * max(1.0, abs(found.log_odds - found.baseline_log_odds))


def test_steps_are_taken_in_batches_that_fit(random_classifier, monkeypatch):
    classifier = random_classifier()
    whole = explain(classifier, [LONG], method="integrated-gradients", steps=20)
    seen = []
    kind = type(classifier.engine.model)
    forward = kind.forward
    monkeypatch.setattr(type(classifier.engine.compute), "tokens_at_once", 100)
    monkeypatch.setattr(kind, "forward", lambda *on: seen.append(on[1].numel()) or forward(*on))
    parts = explain(classifier, [LONG], method="integrated-gradients", steps=20)
    assert len(seen) > 4
    assert max(seen) <= 100
    for one, other in zip(whole[0].words, parts[0].words, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)


def test_explaining_leaves_the_model_as_it_was(random_classifier):
    classifier = random_classifier()
    model = classifier.engine.model.train()
    explain(classifier, ["a good film"])
    explain(classifier, ["a good film"], method="integrated-gradients", steps=2)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.stock.get_input_embeddings()._forward_hooks


def test_offsets_are_those_of_the_cleaned_text(random_classifier):
    [found] = explain(random_classifier(), ["  The <b>CAFÉ</b>&nbsp;was   good!<br />"])
    assert found.text == "The CAFÉ was good!"
    assert [found.text[word.start : word.end] for word in found.words] == [
        word.text for word in found.words
    ] == ["The", "CAFÉ", "was", "good", "!"]  # fmt: skip


def test_records_cannot_be_changed(random_classifier):
    [found] = explain(random_classifier(), ["good"])
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.words[0].score = 1.0


def test_mistakes_are_the_users(random_classifier):
    classifier = random_classifier()
    with pytest.raises(ConfigError, match=r"no label 'positiv' .*did you mean 'positive'"):
        explain(classifier, ["good"], target="positiv")
    with pytest.raises(DataError, match="text 1 is NoneType"):
        explain(classifier, ["good", None])
    with pytest.raises(DataError, match=r"explain\(model, \[text\]\)"):
        explain(classifier, "good")
    with pytest.raises(ConfigError, match="steps = 0"):
        explain(classifier, ["good"], steps=0)


def test_without_captum_the_fast_way_still_works(random_classifier, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "captum.attr", None)
    classifier = random_classifier()
    assert explain(classifier, ["good"])[0].words
    with pytest.raises(MissingExtra, match=r"plaudit\[explain\]"):
        explain(classifier, ["good"], method="integrated-gradients")


def test_no_text_no_explanation(random_classifier):
    classifier = random_classifier()
    assert explain(classifier, []) == []
    assert explain_cleaned(classifier, [], method="integrated-gradients") == []


def test_an_exported_model_names_its_original(workshop, tmp_path):
    import shutil

    original = shutil.copytree(workshop / "runs/quickstart/model", tmp_path / "model")
    exported = shutil.copytree(original, tmp_path / "model-onnx")
    spec = artifact.read_spec(original)
    origin = artifact.Origin(weights_sha256=artifact.weights_sha256(original))
    artifact.add(exported, {}, spec=spec.model_copy(update={"exported": origin}))
    with pytest.raises(ConfigError, match=rf"no gradients.*exported from: {original}$"):
        plaudit.explain(exported, ["good"])
    shutil.rmtree(original)
    with pytest.raises(ConfigError, match=origin.weights_sha256):
        plaudit.explain(exported, ["good"])


def test_a_method_that_is_none_is_refused(random_classifier):
    with pytest.raises(ConfigError, match="method is 'lime'; it can be gradient or integrated"):
        explain(random_classifier("bert", "mean"), ["a film"], method="lime")
