"""What scripts and services do with the functions, beyond what the command line can."""

from __future__ import annotations

import copy
import inspect
import json
import logging
import pickle
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import plaudit
from plaudit.config import TextConfig
from plaudit.errors import ConfigError, DataError, Interrupted, MissingExtra, PlauditError
from plaudit.explain import attribution
from plaudit.model.build import load_tokenizer
from plaudit.text.dataset import ReviewDataset
from plaudit.text.encode import TextEncoder
from plaudit.text.encoded import Encoded
from plaudit.text.sampling import TokenBudgetSampler
from plaudit.tune.plan import Plan

MODEL = "runs/quickstart/model"


@pytest.fixture
def here(workshop: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The workshop's files as a working directory; runs go elsewhere."""
    monkeypatch.chdir(workshop)
    return tmp_path


@pytest.fixture
def encoder(workshop: Path) -> TextEncoder:
    return TextEncoder(load_tokenizer(str(workshop / "tiny-bert")), TextConfig(max_tokens=16))


def config(out: Path, *more: str) -> plaudit.Config:
    few = ["train.epochs=1", "train.max_steps=2", "evaluate.baseline=false", f"out={out}"]
    return plaudit.load_config(Path("reviews.toml"), [*few, *more])


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
def test_an_explanation_changes_no_answer_that_is_given_meanwhile(
    here: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if method == "integrated-gradients":
        pytest.importorskip("captum")
    classifier = plaudit.Classifier.load(MODEL, precision="fp32")
    asked = ["good film"]
    right = classifier.probabilities(asked)
    seen: list[np.ndarray] = []
    put = attribution.log_odds

    def asked_meanwhile(*args: Any) -> torch.Tensor:
        other = threading.Thread(
            target=lambda: seen.append(classifier.probabilities(["good film"]))
        )
        other.start()
        other.join()
        return put(*args)

    monkeypatch.setattr(attribution, "log_odds", asked_meanwhile)
    plaudit.explain(classifier, ["waste bad"], method=method)  # type: ignore[arg-type]
    assert seen
    assert all(np.array_equal(each, right) for each in seen)


def test_an_iterator_leaves_nothing_wrong_in_the_cache(encoder: TextEncoder) -> None:
    texts = ["good film", "a bad film of its own"]
    assert len(encoder.encode_cached(iter(texts))) == 2  # type: ignore[arg-type]
    assert len(encoder.encode_cached(texts)) == 2


def test_what_is_cached_of_fewer_texts_is_not_taken(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TextEncoder, "_digest", lambda self, texts: "the-same")
    assert len(encoder.encode_cached(["good"])) == 1
    assert len(encoder.encode_cached(["good", "bad"])) == 2


@pytest.mark.parametrize("wrong", ["good", [None], [float("nan")], [b"good"], ["a" * 2_000_000]])
def test_texts_that_are_none_are_refused_by_name(here: Path, wrong: Any) -> None:
    embedder, classifier = plaudit.Embedder.load("tiny-bert"), plaudit.Classifier.load(MODEL)
    for ask in (embedder.embed, embedder.tokens, classifier.predict):
        with pytest.raises(DataError, match=r"a list of texts|not a string|at most"):
            ask(wrong)
    if isinstance(wrong, str):
        for ask in (classifier.probabilities, classifier.logits):
            with pytest.raises(DataError, match="a list of texts"):
                ask(wrong)


@pytest.mark.parametrize("chunk", [0, -1, 1.5])
def test_so_many_at_a_time_are_refused(here: Path, chunk: Any) -> None:
    with pytest.raises(DataError, match="1 at least"):
        plaudit.Classifier.load(MODEL).probabilities(["a"], chunk=chunk)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError(["one", "two"]),
        DataError("a.csv:3: no"),
        MissingExtra("tuning", "tune"),
        Interrupted("SIGTERM", exit_code=143),
    ],
)
def test_an_error_arrives_whole_in_another_process(error: Exception) -> None:
    error.add_note("in the second file")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
        assert again.__notes__ == ["in the second file"]


def test_models_are_loaded_one_at_a_time_and_leave_the_process_as_it_was(here: Path) -> None:
    """transformers builds layers on no device meanwhile; overlapping loads left it so for good."""
    logger = logging.getLogger("transformers")
    before = logger.level
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: plaudit.Classifier.load(MODEL), range(12)))
    answers = {each.predict(["a good film"])[0].probability for each in found}
    assert len(answers) == 1
    assert logger.level == before
    assert torch.nn.Linear(2, 2).weight.device.type == "cpu"
    assert torch.nn.Linear(64, 64).weight.std() > 0


def test_settings_are_refused_that_are_none(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"overrides are a list, \['train\.epochs=4'\]"):
        plaudit.load_config("reviews.toml", "train.epochs=4")
    with pytest.raises(ConfigError, match="overrides are a list of strings"):
        plaudit.load_config("reviews.toml", [("train.epochs", 4)])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="5 is int: give a recipe's name"):
        plaudit.load_config(5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"not str: give plaudit\.load_config"):
        plaudit.train("quickstart")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is no run"):
        plaudit.train(config(here), resume="nowhere")


def test_data_may_be_a_path_and_the_result_is_json(here: Path) -> None:
    data = Path("reviews.csv")
    found: list[Any] = [
        plaudit.evaluate(MODEL, data),
        plaudit.bench(Path(MODEL), data, rows=8, rounds=1),
    ]
    found.append(plaudit.audit(data, encoder="tiny-bert", label_errors=False).to_dict())
    assert json.loads(json.dumps(found))[0]["data"]["asked"] == "reviews.csv"


def test_verbs_can_be_sent_to_another_process_and_say_what_they_take() -> None:
    assert pickle.loads(pickle.dumps(plaudit.train)) is plaudit.train
    assert copy.deepcopy({"verb": plaudit.predict})["verb"] is plaudit.predict
    assert list(inspect.signature(plaudit.predict).parameters) == ["model", "texts", "device"]
    assert list(inspect.signature(plaudit.train).parameters) == ["config", "watcher", "resume"]


def drawn() -> list[float]:
    return [random.random(), float(np.random.random()), float(torch.rand(1))]


@pytest.mark.parametrize("verb", ["train", "lr", "ablate", "tune"])
def test_a_run_leaves_random_numbers_and_gradients_as_the_caller_has_them(
    here: Path, verb: str
) -> None:
    settings = config(here)
    if verb == "tune":
        pytest.importorskip("optuna")
    few = ["train.max_steps=2", "evaluate.baseline=false", f"out={here}"]
    work: dict[str, Callable[[], Any]] = {
        "train": lambda: plaudit.train(settings),
        "lr": lambda: plaudit.lr(settings, steps=3),
        "ablate": lambda: plaudit.ablate("reviews.toml", {"optim.lr": ["1e-4"]}, few),
        "tune": lambda: plaudit.tune("reviews.toml", few, plan=Plan(trials=1, pruner="none")),
    }

    def seeded() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    seeded()
    expected = drawn()
    seeded()
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():  # of ablate and tune the second finds all made
            work[verb]()
            assert not torch.is_grad_enabled()
    assert drawn() == expected


def test_an_explanation_needs_no_gradients_of_the_callers(here: Path) -> None:
    with torch.inference_mode():
        assert plaudit.explain(MODEL, ["a good film"])[0].words


@pytest.mark.parametrize(
    ("choices", "more", "said"),
    [
        ({"optim.lr": ["1e-4"]}, {"seeds": 0}, "1 run at least"),
        ({"optim.lr": ["1e-4"]}, {"budget": "minutes"}, "allowed are steps, own"),
        ({}, {}, "a mapping of keys to values"),
        (["optim.lr=1,2"], {}, "a mapping of keys to values"),
    ],
)
def test_an_ablation_of_nothing_is_refused(here: Path, choices: Any, more: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        plaudit.ablate("reviews.toml", choices, [f"out={here}"], **more)
    assert not list(here.iterdir())


@pytest.mark.parametrize("most", [7, 16.5, "16", 0])
def test_tokens_that_are_no_number_are_refused(here: Path, most: Any) -> None:
    for ask in (
        lambda: plaudit.Embedder.load(MODEL, max_tokens=most),
        lambda: plaudit.Embedder.load("tiny-bert", max_tokens=most),
        lambda: plaudit.audit("reviews.csv", encoder="tiny-bert", max_tokens=most),
    ):
        with pytest.raises(PlauditError, match="whole number of 8 at least"):
            ask()


def test_a_seed_and_a_label_that_are_none_are_refused(here: Path) -> None:
    with pytest.raises(ConfigError, match="seed is -1"):
        plaudit.audit("reviews.csv", encoder="tiny-bert", seed=-1)
    with pytest.raises(ConfigError, match="no label '1'"):
        plaudit.explain(MODEL, ["a film"], target=1)  # type: ignore[arg-type]


def test_pieces_for_loops_by_hand_check_what_they_are_given(encoder: TextEncoder) -> None:
    texts: Encoded = encoder.encode(["good film", "a bad film", "the film"])
    whole = ReviewDataset(texts, np.array([1, 0, 1]))
    assert whole[-1]["input_ids"].tolist() == whole[2]["input_ids"].tolist()
    assert int(whole[-1]["row"]) == 2
    for beyond in (3, -4):
        with pytest.raises(IndexError, match=f"no text {beyond}"):
            whole[beyond]
    with pytest.raises(DataError, match="3 texts and 2 labels"):
        ReviewDataset(texts, np.array([1, 0]))
    with pytest.raises(ConfigError, match="batch_tokens is 0"):
        TokenBudgetSampler(texts, 0)
    with pytest.raises(ConfigError, match="batch_examples is 0"):
        TokenBudgetSampler(texts, 64, batch_examples=0)
