from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plaudit.errors import ConfigError, DataError
from plaudit.model.infer import TorchEngine
from plaudit.predict import Classifier
from tests.test_artifact import make


@pytest.fixture(scope="module")
def classifier(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier.load(make(tmp_path_factory.mktemp("m") / "model", tiny_encoder), device="cpu")


def test_answers_come_in_the_order_of_the_texts(classifier: Classifier) -> None:
    texts = [f"{'good ' * (n % 7)}film {'bad ' * (n % 5)}" for n in range(40)]
    together = classifier.predict(texts)
    alone = [classifier.predict([text])[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert one.label == other.label
        assert one.probability == pytest.approx(other.probability, abs=1e-5)


def test_a_prediction_names_the_likeliest_label(classifier: Classifier) -> None:
    for prediction in classifier.predict(["a good film", "awful"]):
        assert sum(prediction.probabilities.values()) == pytest.approx(1.0)
        assert prediction.probabilities[prediction.label] == prediction.probability
        assert prediction.probability == max(prediction.probabilities.values())


def test_texts_are_cleaned_as_in_training(classifier: Classifier) -> None:
    # Each alone: two rows of one batch a processor may sum in another order.
    (dirty,) = classifier.predict(["good<br /><br />film &amp; plot"])
    (plain,) = classifier.predict(["good film & plot"])
    assert dirty == plain


def test_a_stream_answers_before_all_texts_are_read(classifier: Classifier) -> None:
    read: list[str] = []

    def texts() -> Iterator[str]:
        for text in ("a good film", "bad", "fine"):
            read.append(text)
            yield text

    answers = classifier.stream(texts(), chunk=1)
    next(answers)
    assert len(read) == 1
    assert len(list(answers)) == 2


def test_one_string_is_not_a_list_of_texts(classifier: Classifier) -> None:
    with pytest.raises(DataError, match=r"predict\(\[text\]\)"):
        classifier.predict("A triumph.")
    with pytest.raises(DataError, match="a list of texts is needed"):
        next(classifier.stream("A triumph."))
    with pytest.raises(DataError, match="chunk is 0"):
        next(classifier.stream(["A triumph."], chunk=0))
    with pytest.raises(DataError, match="text 1 is NoneType"):
        classifier.predict(["good", None])  # type: ignore[list-item]


def test_a_model_reported_in_fp32_answers_in_fp32(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a machine that would choose bf16, or the reported numbers would not hold."""
    monkeypatch.setattr("plaudit.model.device._bf16", lambda device: (True, "test"))
    folder = make(tmp_path / "model", tiny_encoder)
    chosen, asked = Classifier.load(folder), Classifier.load(folder, precision="bf16")
    engines = [each._engine for each in (chosen, asked)]
    assert [
        (e.compute.precision, e.quick is not None) for e in engines if isinstance(e, TorchEngine)
    ] == [("fp32", False), ("bf16", True)]


def test_chunks_do_not_change_answers(classifier: Classifier) -> None:
    texts = [f"film {'good ' * (n % 9)}" for n in range(30)]
    np.testing.assert_allclose(
        classifier.probabilities(texts, chunk=7), classifier.probabilities(texts), atol=1e-6
    )


def test_no_text_no_answer(classifier: Classifier) -> None:
    assert classifier.predict([]) == []
    assert classifier.probabilities([]).shape == (0, 2)


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "🎬" * 50, "a" * 100_000, "<b>"])
def test_odd_texts_are_answered(classifier: Classifier, text: str) -> None:
    assert classifier.predict([text])[0].label in classifier.labels


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_mode_of_the_model_is_kept(
    tiny_encoder: Path, tmp_path: Path, training: bool
) -> None:
    classifier = Classifier.load(make(tmp_path / "model", tiny_encoder, dropout=0.5), device="cpu")
    before = classifier.probabilities(["a good film"])
    assert isinstance(classifier._engine, TorchEngine)
    model = classifier._engine.model.train(training)
    np.testing.assert_array_equal(classifier.probabilities(["a good film"]), before)
    assert {module.training for module in model.modules()} == {training}


@pytest.mark.parametrize("asked", [{"precision": "fp16"}, {"device": "gpu"}])
def test_a_device_or_precision_that_is_none_is_refused(
    asked: dict[str, str], tiny_encoder: Path, tmp_path: Path
) -> None:
    model = make(tmp_path / "model", tiny_encoder)
    with pytest.raises(ConfigError, match=r"'fp16'; it can be|'gpu'.*not on this"):
        Classifier.load(model, **asked)
