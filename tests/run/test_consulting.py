"""What a model says of texts is learnt from as asked, asked for once, and leaks nothing."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from plaudit import run
from plaudit.config import Config, load
from plaudit.data.prepare import Prepared, prepare
from plaudit.errors import ArtifactError, ConfigError
from plaudit.evaluate.calibrate import softmax
from plaudit.evaluate.decide import Decision, answer
from plaudit.predict import Classifier
from plaudit.run import consulting, learning
from plaudit.run.consulting import with_pseudo_labels
from plaudit.train.distill import Soft
from tests.conftest import review
from tests.run.forks import small_run

pytestmark = pytest.mark.usefixtures("unrendered")
SURE = [0.99, 0.6, 0.951, 0.02, 0.949, 0.5]
"""Of the label "positive", for each text without a label."""


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("more") / "more.csv"
    random_ = random.Random(8)
    texts = [review(("negative", "positive")[n % 2], random_) for n in range(40)]
    path.write_text("\n".join(["text", *texts]) + "\n", encoding="utf-8")
    return path


def stub(labels: tuple[str, ...], seen_N: np.ndarray, decision: Decision | None = None) -> Any:
    """A classifier whose answers are known beforehand."""
    asked: list[str] = []

    def logits(texts: list[str]) -> np.ndarray:
        asked.extend(texts)
        positive = np.array(SURE)
        columns = {"positive": np.log(positive), "negative": np.log(1 - positive)}
        return np.stack([columns[label] for label in labels], axis=1).astype(np.float32)

    found = SimpleNamespace(
        labels=labels,
        asked=asked,
        seen_prints_N=seen_N,
        spec=SimpleNamespace(
            clean=Config().clean, text=Config().text, pooling="mean", pairs=False, ngram_weight=0.0
        ),
        logits=logits,
        calibrated=softmax,
        answers=lambda probabilities_NC: answer(probabilities_NC, decision),
    )
    found.in_full = lambda: found
    return found


@pytest.fixture
def prepared(reviews_file: Path, tmp_path: Path) -> tuple[Config, Prepared]:
    path = tmp_path / "few.csv"
    path.write_text("\n".join(["text", *(f"new text {n}" for n in range(6))]), encoding="utf-8")
    config = load(
        None,
        [f"data.train={reviews_file}", "pseudo.model=somewhere", f"pseudo.texts={path}",
         "text.cache=false"],
    )  # fmt: skip
    return config, prepare(config, lambda line: None)


def joined(
    monkeypatch: pytest.MonkeyPatch, classifier: Any, given: tuple[Config, Prepared]
) -> tuple[Prepared, list[str]]:
    said: list[str] = []
    monkeypatch.setattr(Classifier, "load", lambda *a, **k: classifier)
    monkeypatch.setattr(consulting, "weights_sha256", lambda path: "f" * 64)
    return with_pseudo_labels(*given, said.append), said


@pytest.mark.parametrize("labels", [("negative", "positive"), ("positive", "negative")])
def test_texts_join_whose_label_is_sure_enough(
    labels: tuple[str, ...], prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with the run's number for it, in whatever order the model has its labels."""
    before = prepared[1]
    found, said = joined(monkeypatch, stub(labels, np.zeros(0, np.uint64)), prepared)
    assert found.train.texts == [*before.train.texts, "new text 0", "new text 2", "new text 3"]
    assert [found.labels[t] for t in found.train.targets_N[-3:]] == [
        "positive", "positive", "negative",
    ]  # fmt: skip
    assert found.train.targets_N.dtype == before.train.targets_N.dtype
    assert found.pseudo is not None
    assert found.pseudo.joined == {"negative": 1, "positive": 2}
    assert found.pseudo.unsure == 3
    assert any("3 of 6 texts join training" in line for line in said)
    assert "1 negative, 2 positive" in "".join(said)


def test_an_answer_that_the_model_is_unsure_of_does_not_join(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, given = prepared
    loose = config.model_copy(
        update={"pseudo": config.pseudo.model_copy(update={"confidence": 0.0})}
    )
    every, _ = joined(monkeypatch, stub(given.labels, np.zeros(0, np.uint64)), (loose, given))
    assert every.pseudo is not None
    assert sum(every.pseudo.joined.values()) == 6
    careful = stub(given.labels, np.zeros(0, np.uint64), Decision(abstain="error", least=0.9))
    some, said = joined(monkeypatch, careful, (loose, given))
    assert some.pseudo is not None
    assert "or called them unsure (2)" in "".join(said)
    assert sum(some.pseudo.joined.values()) == 4


def test_what_the_model_has_seen_of_validation_is_said(
    prepared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen_N = prepared[1].validation.prints_N[:5]
    found, said = joined(monkeypatch, stub(prepared[1].labels, seen_N), prepared)
    assert found.consulted["pseudo.model"].seen_validation == 5
    assert any(line.startswith("ATTENTION: pseudo.model has seen 5 of") for line in said)


def test_other_labels_are_refused(prepared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other = stub(("bad", "good"), np.zeros(0, np.uint64))
    with pytest.raises(
        ConfigError,
        match=r"pseudo\.model = somewhere: .*'bad', 'good'.*'negative', 'positive'.*data\.labels",
    ):
        joined(monkeypatch, other, prepared)


@pytest.mark.parametrize("key", ["distill.teacher", "pseudo.model"])
def test_a_model_that_is_not_there_is_told_by_the_setting_that_names_it(
    key: str, start: Any, more: Path
) -> None:
    texts = f"{key.partition('.')[0]}.texts={more}"
    with pytest.raises(ArtifactError, match=rf"^{re.escape(key)}: nowhere is not there"):
        run.train(start(f"{key}=nowhere", texts))


@pytest.fixture(scope="module")
def teacher(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        for page in ("plaudit.report.html.render", "plaudit.report.card.render"):
            patch.setattr(page, lambda document: "")
        out = tmp_path_factory.mktemp("teacher")
        # Of all rows: it has seen what its students are tested on.
        config = small_run(
            reviews_file, tiny_encoder, out, "split.train_size=none", "train.max_steps=40"
        )
        return run.train(config).model


@pytest.fixture
def start(reviews_file: Path, tiny_encoder: Path, teacher: Path, more: Path, tmp_path: Path) -> Any:
    def configured(*settings: str) -> Config:
        return small_run(
            reviews_file, tiny_encoder, tmp_path, "train.max_steps=4", "split.seed=9",
            "split.test_size=40", "imbalance.method=oversample", *settings,
        )  # fmt: skip

    return configured


def test_a_student_follows_its_teacher_and_says_so(
    start: Any, teacher: Path, more: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = consulting._logits

    def counting(classifier: Any, *rest: Any) -> np.ndarray:
        engine = classifier.engine

        def logits(encoded: Any, *, pad_id: int) -> np.ndarray:
            asked.append(len(encoded))
            found: np.ndarray = engine.logits(encoded, pad_id=pad_id)
            return found

        classifier._engine = SimpleNamespace(logits=logits)
        return real(classifier, *rest)

    monkeypatch.setattr(consulting, "_logits", counting)
    settings = (f"distill.teacher={teacher}", f"distill.texts={more}", "distill.weight=0.7")
    first = run.train(start(*settings))
    assert asked == [80 + 40]
    consulted = first.report["data"]["consulted"]["distill.teacher"]
    assert consulted["path"] == str(teacher)
    assert consulted["seen_validation"] > 0
    assert first.report["data"]["unlabelled"]["distill"]["rows"] == 40
    assert first.report["data"]["rows"]["train"] == 80
    # What the teacher was trained on is no unseen text for the student either.
    assert first.report["overlap"]["rows"] > 30
    again = run.train(start(*settings, "distill.temperature=3", "train.packed=true",
                            "model.attention_dropout=0"))  # fmt: skip
    assert asked == [80 + 40], "the answers are kept by content"
    assert again.report["training"]["packed"]
    facts = json.loads((first.folder / "started.json").read_text())["facts"]
    assert facts["distill.teacher"] == consulted["weights_sha256"][:16]


def test_a_teachers_answers_are_followed_as_calibrated(
    start: Any, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[torch.Tensor] = []

    def kept(logits_NC: torch.Tensor, *rest: float) -> Soft:
        followed.append(logits_NC)
        return Soft(logits_NC, *rest)

    monkeypatch.setattr(learning, "Soft", kept)
    config = start(f"distill.teacher={teacher}")
    run.train(config)
    classifier = Classifier.load(teacher)
    assert classifier.temperature != 1
    texts = prepare(config, lambda line: None).train.texts
    expected = classifier.probabilities(texts)
    np.testing.assert_allclose(followed[0].softmax(dim=1).numpy(), expected, atol=1e-5)


def test_pseudo_labels_are_in_the_report_and_in_training(
    start: Any, teacher: Path, more: Path
) -> None:
    found = run.train(
        start(f"pseudo.model={teacher}", f"pseudo.texts={more}", "pseudo.confidence=0.6")
    ).report
    pseudo = found["data"]["pseudo"]
    count = sum(pseudo["joined"].values())
    assert count + pseudo["unsure"] == 40
    assert count > 0
    assert found["data"]["rows"]["train"] == 80 + count
    assert sum(found["training"]["imbalance"]["counts"]) == 80 + count


def test_a_teacher_reads_texts_as_it_was_trained_to(
    teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own steps of cleaning, its own long-text policy."""
    classifier = Classifier.load(teacher)
    bare = {"html": False, "entities": False, "whitespace": False}
    config = Config(clean=bare, text={"cache": False})
    raw = ["A good<br />film  &amp; plot", "bad"]
    found = consulting._logits(classifier, str(teacher), raw, config)
    expected = classifier.probabilities(["A good film & plot", "bad"])
    np.testing.assert_allclose(classifier.calibrated(found), expected, atol=1e-6)
