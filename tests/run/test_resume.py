"""A run that was killed or interrupted ends as if nothing had happened, or says why not."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plaudit import run
from plaudit.config import Config
from tests.run.forks import dying, forked, small_run

pytestmark = [
    pytest.mark.usefixtures("unrendered", "often"),
    # In a child; the parent's threads hold nothing that it needs.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]
DIFFICULT = ("train.average=ema", "train.average_from=0.1", "craft.pull=0.01", "craft.rdrop=0.1")


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every step, whatever it costs; no TensorBoard."""
    monkeypatch.setattr("plaudit.train.keep.OVERHEAD", 1.0)
    monkeypatch.setattr("plaudit.train.drive._tensorboard", lambda *args: lambda record: None)


Start = Callable[..., Config]


@pytest.fixture(scope="module")
def start(reviews_file: Path, tiny_encoder: Path) -> Start:
    def configured(out: Path, *more: str) -> Config:
        return small_run(reviews_file, tiny_encoder, out, *more)

    return configured


def weights(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def losses(folder: Path) -> list[tuple[int, float, Any]]:
    lines = (folder / "history.jsonl").read_text().splitlines()
    return [(r["step"], r["loss"], r["validation"]) for r in map(json.loads, lines)]


@pytest.fixture(scope="module")
def uninterrupted(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as it is when nothing happens; it also warms this process up for its children."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plaudit.report.html.render", lambda document: "")
        patch.setattr("plaudit.report.card.render", lambda document: "")
        patch.setattr("plaudit.train.drive._tensorboard", lambda *args: lambda record: None)
        return run.train(start(tmp_path_factory.mktemp("whole"))).folder


def same(folder: Path, whole: Path) -> bool:
    return weights(folder) == weights(whole) and losses(folder) == losses(whole)


KILLED_AT = {
    "before the first step": ("plaudit.train.drive:_patience_is_out", 1, False),
    "in a step": ("torch.optim/AdamW:step", 5, False),
    "in a step, its weights changed": ("torch.optim/AdamW:step", 5, True),
    "before a save": ("plaudit.train.checkpoint/Checkpoints:save", 4, False),
    "in a save, before anything is written": ("plaudit.train.checkpoint:save_file", 5, False),
    "in a save, its tensors written": ("plaudit.train.checkpoint:_write_tensors", 6, True),
    "in a save, before the rename": ("plaudit.train.checkpoint/Checkpoints:_put", 6, False),
    "in a save, after the rename": ("plaudit.train.checkpoint/Checkpoints:_put", 6, True),
    "in a save, as old ones are removed": ("plaudit.train.checkpoint/Checkpoints:_prune", 6, False),
    "after a save": ("plaudit.train.checkpoint/Checkpoints:save", 4, True),
    "with the best state written": ("plaudit.train.checkpoint/Checkpoints:save_best", 2, True),
    "before the model is saved": ("plaudit.artifact:save", 1, False),
    "with the model saved, before its report": ("plaudit.artifact:add", 1, False),
}


@pytest.mark.promise(
    "after --resume the weights and losses equal those of an uninterrupted run, bit by bit",
    fault="SIGKILL at a hooked point, in a step or a save",
)
@pytest.mark.parametrize("point", KILLED_AT)
def test_a_killed_run_ends_as_if_it_had_not_been(
    point: str, start: Start, uninterrupted: Path, tmp_path: Path
) -> None:
    target, call, after = KILLED_AT[point]

    def killed() -> None:
        dying(pytest.MonkeyPatch(), target, call, after=after)
        run.train(start(tmp_path))

    assert forked(killed) == -signal.SIGKILL
    folder = tmp_path / "run"
    assert not (folder / "model" / "report.json").exists()
    finished = run.resume(folder)
    assert same(folder, uninterrupted)
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        p.name for p in uninterrupted.iterdir()
    ), "nothing is left over"
    assert finished.report["training"]["steps"] == 8
