"""An encoder that is trained further is kept whole, shared, and the same after any interruption."""

from __future__ import annotations

import json
import math
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import plaudit
from plaudit import run
from plaudit.ablate.trial import Bench
from plaudit.config import Config, dump_toml, load
from plaudit.model import graphed, heap
from plaudit.model.device import Compute, plan
from plaudit.run import encoders, lock, pretraining
from plaudit.run.material import Ready
from plaudit.run.watching import Silent
from tests.conftest import review
from tests.model.test_graphed import as_recorded
from tests.run.forks import dying, forked, small_run

pytestmark = [
    pytest.mark.usefixtures("unrendered"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]
Start = Callable[..., Config]


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture(scope="module")
def start(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Start:
    more = tmp_path_factory.mktemp("more") / "more.txt"
    random_ = random.Random(8)
    labels = ("negative", "positive")
    more.write_text("\n".join(review(labels[n % 2], random_) for n in range(30)), encoding="utf-8")

    def configured(out: Path, *settings: str) -> Config:
        return small_run(
            reviews_file, tiny_encoder, out, "pretrain.epochs=0.5", "train.max_steps=4",
            f"pretrain.texts={more}", "pretrain.lr=5e-3", *settings,
        )  # fmt: skip

    return configured


@pytest.fixture(scope="module")
def whole(start: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[run.Run, Notes]:
    notes = Notes()
    with pytest.MonkeyPatch.context() as patch:
        for page in ("plaudit.report.html.render", "plaudit.report.card.render"):
            patch.setattr(page, lambda document: "")
        return run.train(start(tmp_path_factory.mktemp("whole")), watcher=notes), notes


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def test_the_report_says_what_was_done(whole: tuple[run.Run, Notes]) -> None:
    finished, notes = whole
    about = finished.report["pretraining"]
    assert about["texts"] == 110 == about["more"]["rows"] + finished.report["data"]["rows"]["train"]
    assert about["head"] == "new"
    assert about["epochs"] == pytest.approx(0.5, abs=0.2)
    assert 0.1 < about["guessed"] / about["tokens"] < 0.2
    assert about["loss"]["end"] < about["loss"]["start"]
    for moment in ("before", "after"):
        loss = about["validation_loss"][moment]
        assert about["validation_perplexity"][moment] == pytest.approx(math.exp(loss))
    assert about["history"][-1]["step"] == about["steps"]
    assert finished.report["data"]["unlabelled"]["pretrain"]["rows"] == 30
    told = [line for line in notes.lines if line.startswith("pretraining: step")]
    assert len(told) == min(about["steps"], pretraining.LINES)
    assert "pretrain" in finished.report["seconds"]


def test_fine_tuning_starts_from_the_encoder_that_is_kept(
    whole: tuple[run.Run, Notes], start: Start, tiny_encoder: Path, tmp_path: Path
) -> None:
    """And another run may: it ends with the same weights."""
    kept = whole[0].folder / "encoder"
    before = transformers.AutoModel.from_pretrained(tiny_encoder).state_dict()
    after = transformers.AutoModel.from_pretrained(kept).state_dict()
    assert set(before) == set(after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    # Guessing has no use for the pooler, and leaves it as it is in the checkpoint.
    assert changed == {name for name in before if not name.startswith("pooler.")}
    again = run.train(start(tmp_path, "pretrain.epochs=0", f"model.encoder={kept}"))
    assert weights(again.folder) == weights(whole[0].folder)
    assert again.report["pretraining"] is None


def test_texts_that_were_learnt_from_count_as_seen(whole: tuple[run.Run, Notes]) -> None:
    prints = np.load(next((whole[0].model).glob("*.npy")))
    # Exact and loose, of 80 to train on, 16 to validate, and 30 without labels.
    assert len(prints) == 2 * (80 + 16 + 30)


KILLED_AT = {
    "in a step of guessing": ("torch.optim/AdamW:step", 2, True),
    "as the encoder is written": ("plaudit.run.encoders:sync", 1, True),
    "with the encoder in its place": ("plaudit.run.encoders:write", 1, True),
    "in a step of fine-tuning": ("plaudit.train.drive/Keeper:look", 2, True),
}


@pytest.mark.parametrize("point", KILLED_AT)
def test_a_killed_run_ends_as_if_it_had_not_been(
    point: str,
    start: Start,
    whole: tuple[run.Run, Notes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target, call, after = KILLED_AT[point]

    def killed() -> None:
        dying(pytest.MonkeyPatch(), target, call, after=after)
        run.train(start(tmp_path))

    assert forked(killed) == -signal.SIGKILL
    folder = tmp_path / "run"
    done = "step of fine" in point or "place" in point
    assert (folder / "encoder").exists() == done
    if done:
        monkeypatch.setattr(pretraining, "pretrain", lambda *a: pytest.fail("trained again"))
    finished = run.resume(folder)
    assert weights(folder) == weights(whole[0].folder)
    assert {path.name for path in folder.iterdir()} == {
        path.name for path in whole[0].folder.iterdir()
    }
    steps = [each.report["pretraining"]["steps"] for each in (finished, whole[0])]
    assert steps[0] == steps[1]


def test_a_damaged_encoder_is_trained_anew(
    start: Start, whole: tuple[run.Run, Notes], tmp_path: Path
) -> None:
    def killed() -> None:
        dying(pytest.MonkeyPatch(), "plaudit.run.encoders:write", 1, after=True)
        run.train(start(tmp_path))

    assert forked(killed) == -signal.SIGKILL
    file = tmp_path / "run" / "encoder" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    notes = Notes()
    run.resume(tmp_path / "run", watcher=notes)
    assert any(line.startswith(f"damaged: {file}") for line in notes.lines)
    assert weights(tmp_path / "run") == weights(whole[0].folder)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A mark for each time that an encoder was trained further."""
    real, calls = pretraining.pretrain, list[int]()

    def counting(*args: Any) -> Iterator[Any]:
        calls.append(1)
        return real(*args)

    monkeypatch.setattr(pretraining, "pretrain", counting)
    return calls


def test_seeds_share_it_and_one_of_them_can_be_trained_again_alone(
    start: Start, counted: list[int], tmp_path: Path
) -> None:
    family = run.train(start(tmp_path, "seeds=2", "seed=4"))
    assert counted == [1]
    assert family.report["pretraining"]["steps"] > 0
    assert not (family.folder / "seed-5" / "encoder").exists()
    own = load(str(family.folder / "seed-5" / "config.toml"), [f"out={tmp_path}/alone"])
    alone = run.train(own)
    assert counted == [1, 1]
    assert weights(alone.folder) == weights(family.folder / "seed-5")


def test_an_ablation_trains_it_once_for_all_seeds(
    start: Start, counted: list[int], tmp_path: Path
) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(dump_toml(start(tmp_path / "runs", "split.test_size=0")), encoding="utf-8")
    found = plaudit.ablate(str(recipe), {"pretrain.epochs": ["0", "1"]}, seeds=2)
    assert counted == [1]
    assert [arm["name"] for arm in found["arms"]] == ["pretrain.epochs=0", "pretrain.epochs=1"]
    places = list(Path(found["folder"]).glob("*-seed*/predictions.parquet"))
    assert len({path.read_bytes() for path in places}) == len(places) == 4


@pytest.mark.parametrize(
    "settings",
    [
        ("train.packed=true", "model.attention_dropout=0"),
        (
            "text.policy=windows",
            "text.max_tokens=12",
            "text.stride=3",
            "imbalance.method=oversample",
        ),
        ("train.batch_examples=5", "optim.optimizer=adafactor", "craft.pull=0.1"),
    ],
)
def test_it_goes_with_other_options(
    settings: tuple[str, ...], start: Start, tmp_path: Path
) -> None:
    finished = run.train(start(tmp_path, "train.max_steps=1", *settings))
    assert finished.report["pretraining"]["loss"]["end"] > 0


def test_both_stages_keep_the_heap_one_after_the_other(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    @contextmanager
    def kept(compute: Compute) -> Iterator[None]:
        seen.append(f"kept in {compute.precision}")
        yield
        seen.append("given back")

    monkeypatch.setattr(heap, "kept", kept)
    run.train(start(tmp_path / "out", "train.precision=bf16"), watcher=Notes())
    assert seen == ["kept in bf16", "given back"] * 2


def test_both_stages_take_the_recorded_encoder_where_there_is_one(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording needs a GPU; here what would be recorded stands in for it, in both stages."""
    made: list[graphed.RowGraph] = []
    rows: list[int] = []

    def recorded(
        config: Config, stock: Any, sampler: Any, form: Any, *_: Any
    ) -> graphed.RowGraph | None:
        assert form.packed
        assert stock.training
        shape = graphed.Shape(sampler.batch_tokens, 64, int(sampler.longest_N.max()))
        graph = as_recorded(stock, shape)
        inner = graph._encode
        assert inner

        def encode(ids_1S: torch.Tensor, bounds_P1: torch.Tensor) -> torch.Tensor:
            rows.append(len(made))
            return inner(ids_1S, bounds_P1)

        graph._encode = encode
        made.append(graph)
        return graph

    def trained(out: Path) -> run.Run:
        # Dropout would draw other numbers for a row of another length.
        still = ("model.dropout=0", "model.attention_dropout=0", "train.accumulation=1")
        return run.train(start(out, "train.packed=true", *still), watcher=Notes())

    plain = trained(tmp_path / "plain")
    monkeypatch.setattr(graphed, "recorded", recorded)
    replayed = trained(tmp_path / "replayed")
    assert len(made) == 2
    assert set(rows) == {1, 2}  # steps of guessing, then of training
    one, other = (
        plaudit.Classifier.load(each.model).predict(["a"])[0] for each in (plain, replayed)
    )
    assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)


def test_values_that_do_not_touch_it_share_it(
    start: Start, counted: list[int], tmp_path: Path
) -> None:
    recipe = tmp_path / "small.toml"
    recipe.write_text(dump_toml(start(tmp_path / "runs", "split.test_size=0")), encoding="utf-8")
    plaudit.ablate(str(recipe), {"optim.lr": ["1e-3", "2e-3"]})
    assert counted == [1]


def test_what_trials_have_trained_serves_the_run_of_the_best(
    start: Start, whole: tuple[run.Run, Notes], counted: list[int], tmp_path: Path
) -> None:
    found = whole[0].folder / "encoder"
    name = json.loads((found / encoders.RECORD).read_text())["key"]
    shutil.copytree(found, tmp_path / encoders.SHELF / name)
    done = run.train(start(tmp_path))
    assert counted == []
    assert weights(done.folder) == weights(whole[0].folder)


def test_another_encoder_under_the_same_name_is_trained_anew(
    start: Start, counted: list[int], tmp_path: Path
) -> None:
    config = start(tmp_path / "first", "split.test_size=0")
    encoder = tmp_path / "encoder"
    shutil.copytree(config.model.encoder, encoder)
    recipe = tmp_path / "small.toml"
    named = [f"model.encoder={encoder}", "split.test_size=0"]
    recipe.write_text(dump_toml(start(tmp_path / "runs", *named)), encoding="utf-8")
    choice = {"optim.lr": ["1e-3", "2e-3"]}
    plaudit.ablate(str(recipe), choice)
    weights_ = safetensors.torch.load_file(encoder / "model.safetensors")
    halved = {key: value / 2 for key, value in weights_.items()}
    safetensors.torch.save_file(halved, encoder / "model.safetensors", {"format": "pt"})
    plaudit.ablate(str(recipe), choice)
    assert counted == [1, 1]


def test_two_workers_train_it_once(start: Start, counted: list[int], tmp_path: Path) -> None:
    config = start(tmp_path / "runs", "split.test_size=0")
    begun, places, said = threading.Barrier(2), list[Path](), Notes()

    def work() -> None:
        data, encoder = Bench(tmp_path, Silent()).data(config)
        ready = Ready(plan("cpu", "fp32"), encoder, data)
        begun.wait()
        made = pretraining.shared(config, ready, tmp_path, said)
        assert made is not None
        places.append(made.folder)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert len(places) == 2
    assert places[0] == places[1]
    assert counted == [1]
    assert any("its end is waited for" in line for line in said.lines)


def test_of_two_workers_one_waits_for_what_the_other_trains(tmp_path: Path) -> None:
    order: list[str] = []

    def work(name: str) -> None:
        with lock.held(tmp_path, "key.lock", waiting=lambda: None):
            order.append(name)
            time.sleep(0.05)
            order.append(name)

    workers = [threading.Thread(target=work, args=(name,)) for name in "ab"]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])
    assert list(tmp_path.iterdir()) == []
