"""Checkpoints are whole or not there; damage is found, named, and stepped over."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from plaudit.errors import ArtifactError, ConfigError, TrainingError
from plaudit.train.checkpoint import Checkpoints
from plaudit.train.durable import extent_of
from plaudit.train.state import RandomStates, State, joined, split
from tests.run.forks import forked


def state_at(step: int) -> dict[str, Any]:
    return {"model": {"weight": torch.full((300,), float(step))}, "clock": {"step": step}}


def model_at(step: int) -> nn.Module:
    model = nn.Linear(4, 2)
    nn.init.constant_(model.weight, step)
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Checkpoints:
    """Checkpoints of the steps 1 to 4, a history that grew, a best state of step 2, then of 4."""
    checkpoints = Checkpoints(tmp_path)
    history = tmp_path / "history.jsonl"
    for step in range(1, 5):
        with history.open("ab") as file:
            file.write(b'{"step": %d}\n' % step)
        if step in (2, 4):
            name, extent = checkpoints.save_best(model_at(step), step)
        needs = {"history.jsonl": extent_of(history.read_bytes())}
        checkpoints.save(step, state_at(step), needs | ({name: extent} if step > 1 else {}))
    return checkpoints


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name.rpartition("-")[0] for path in checkpoints.folder.iterdir())


def test_what_was_saved_comes_back(saved: Checkpoints) -> None:
    found = saved.newest()
    assert found is not None
    assert (found.step, found.damaged, found.without_best) == (4, [], False)
    assert torch.equal(found.state["model"]["weight"], state_at(4)["model"]["weight"])


@pytest.mark.promise(
    "the last two and the best states that they build on are kept, no more",
    fault="many checkpoints",
)
def test_few_are_kept(saved: Checkpoints) -> None:
    assert names(saved) == ["best-00000002", "best-00000004", "step-00000003", "step-00000004"]
    for step in range(5, 20):
        saved.save_best(model_at(step), step)
    assert len(list(saved.folder.glob("best-*"))) == 3


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[random.Random(path.name).randrange(len(content))] ^= 1
    path.write_bytes(content)


@pytest.mark.promise(
    "the file is named, and the checkpoint before it is used",
    fault="a byte of a checkpoint's file is flipped, cut off, or the file is gone",
)
@pytest.mark.parametrize("damage", [truncated, flipped, Path.unlink])
@pytest.mark.parametrize(
    "pattern",
    ["step-00000004*/tensors.safetensors", "step-00000004*/state.json", "best-00000004*"],
)
def test_damage_is_named_and_the_last_good_one_is_used(
    damage: Callable[[Path], None], pattern: str, saved: Checkpoints
) -> None:
    [path] = saved.folder.glob(pattern)
    damage(path)
    found = saved.newest()
    assert found is not None
    assert found.step == 3
    [line] = found.damaged
    assert line.startswith(str(path))
    assert "step-00000004" not in names(saved), "it would be taken for the newest again"


def test_a_history_that_was_changed_is_damage_too(saved: Checkpoints) -> None:
    history = saved.run_folder / "history.jsonl"
    history.write_bytes(history.read_bytes().replace(b'"step": 4', b'"step": 5'))
    found = saved.newest()
    assert found is not None
    assert (found.step, found.damaged) == (3, [f"{history} was changed since it was saved"])


def test_a_history_may_go_on_after_the_checkpoint(saved: Checkpoints) -> None:
    with (saved.run_folder / "history.jsonl").open("ab") as file:
        file.write(b'{"step": 5')
    found = saved.newest()
    assert found is not None
    assert found.step == 4


def test_the_run_is_not_lost_with_its_best_state(saved: Checkpoints) -> None:
    for path in saved.folder.glob("best-*"):
        flipped(path)
    found = saved.newest()
    assert found is not None
    assert (found.step, found.without_best, len(found.damaged)) == (4, True, 2)


def test_when_none_is_whole_all_that_is_damaged_is_named(saved: Checkpoints) -> None:
    for path in saved.folder.glob("step-*/tensors.safetensors"):
        truncated(path)
    with pytest.raises(ArtifactError, match=r"(?s)step-00000004.*cut off.*step-00000003.*resume"):
        saved.newest()


def test_a_best_state_that_was_damaged_is_not_taken(saved: Checkpoints) -> None:
    name, extent = saved.save_best(model_at(5), 5)
    flipped(saved.run_folder / name)
    with pytest.raises(ArtifactError, match=r"best-00000005.*was changed"):
        saved.load_best(model_at(0), name, extent)


def no_space(*args: object, **settings: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.promise(
    "a clean error that says what to do; the last good checkpoint stays", fault="the disk is full"
)
@pytest.mark.parametrize("place", ["os.fsync", "pathlib.Path.mkdir", "pathlib.Path.rename"])
def test_a_full_disk_leaves_the_last_one(
    place: str, saved: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(TrainingError) as caught:
        patch.setattr(place, no_space)
        saved.save(5, state_at(5), {})
    assert "step 5: no checkpoint can be written" in str(caught.value)
    assert "No space left" in str(caught.value)
    assert "step-00000004" in str(caught.value)
    assert f"plaudit train --resume {saved.run_folder}" in str(caught.value)
    assert saved.newest().step == 4  # type: ignore[union-attr]
    assert not list(saved.folder.glob(".*"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="files are named by /proc")
def test_every_file_of_a_checkpoint_is_synced(
    saved: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, synced = os.fsync, set()

    def recording(handle: int) -> None:
        synced.add(Path(f"/proc/self/fd/{handle}").readlink().name)
        own(handle)

    monkeypatch.setattr("os.fsync", recording)
    saved.save(5, state_at(5), {})
    [folder] = saved.folder.glob("step-00000005-*")
    names = {path.name for path in folder.iterdir()}
    assert len(names) > 1
    assert names <= synced


def failing_save(checkpoints: Checkpoints, said: str) -> None:
    """Save, in a child; leave with 0 if that fails as it should."""
    with pytest.raises(TrainingError, match=said):
        checkpoints.save(5, state_at(5), {})


@pytest.mark.promise(
    "a clean error that says what to do; the last good checkpoint stays",
    fault="RLIMIT_FSIZE is reached",
)
def test_a_limit_on_file_size_leaves_the_last_one(saved: Checkpoints) -> None:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
        failing_save(saved, "step 5: .*File too large.*step-00000004")

    assert forked(limited) == 0
    assert saved.newest().step == 4  # type: ignore[union-attr]


@pytest.mark.promise(
    "a clean error that says what to do; the last good checkpoint stays",
    fault="the folder became read-only",
)
def test_a_read_only_folder_leaves_the_last_one(
    saved: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(saved.run_folder)
    saved.run_folder.chmod(0o755)
    saved.folder.chmod(0o555)

    def unprivileged() -> None:
        if os.geteuid() == 0:  # who may write everywhere
            os.seteuid(65534)
        failing_save(Checkpoints(Path()), "step 5: .*Permission denied.*step-00000004")

    assert forked(unprivileged) == 0
    assert saved.newest().step == 4  # type: ignore[union-attr]


def test_what_a_crash_left_behind_is_removed(saved: Checkpoints) -> None:
    staged = saved.folder / ".staged"
    staged.mkdir()
    (staged / "tensors.safetensors").write_bytes(b"half")
    saved.save(5, state_at(5), {})
    assert not staged.exists()
    assert saved.newest().step == 5  # type: ignore[union-attr]


def test_a_state_survives_json_and_back() -> None:
    state = {"optimizer": {"state": {0: {"step": torch.tensor(3.0), "none": None}}}, "x": [1.5]}
    tree, tensors = split(state)
    again = joined(json.loads(json.dumps(tree)), tensors.__getitem__)
    assert again == state


def test_random_numbers_go_on_where_they_were() -> None:
    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(1))]

    np.random.randn()  # leaves half of a pair behind
    tree, tensors = split(RandomStates().state_dict())
    expected = drawn(), np.random.randn()
    RandomStates().load_state_dict(joined(json.loads(json.dumps(tree)), tensors.__getitem__))
    assert (drawn(), np.random.randn()) == expected


def test_a_part_goes_on_from_what_was_kept_of_it() -> None:
    kept, fresh = nn.Linear(2, 2), nn.Linear(2, 2)
    state = State()
    state.hold(model=kept)
    State(state.take()).hold(model=fresh)
    assert torch.equal(kept.weight, fresh.weight)


def test_a_state_that_fits_no_longer_says_what_to_do() -> None:
    def optimizer(*sizes: int) -> torch.optim.Optimizer:
        groups = [{"params": [torch.nn.Parameter(torch.zeros(size))]} for size in sizes]
        return torch.optim.AdamW(groups)

    kept = {"optimizer": optimizer(3, 4).state_dict()}
    with pytest.raises(ConfigError, match=r"state of the optimizer does not fit.*begin the run"):
        State(kept).hold(optimizer=optimizer(3))
