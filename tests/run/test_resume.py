"""A run that was killed or interrupted ends as if nothing had happened, or says why not."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from plaudit import artifact, run
from plaudit.config import Config, dump_toml
from plaudit.errors import ConfigError, Interrupted
from plaudit.run import lock
from plaudit.train import contrast
from tests.run.forks import dying, forked, small_run

pytestmark = [
    pytest.mark.usefixtures("unrendered", "often"),
    # In a child; the parent's threads hold nothing that it needs.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),
]


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
    "in a save, before anything is written": ("plaudit.train.durable:save_file", 5, False),
    "in a save, its tensors written": ("plaudit.train.checkpoint:write_tensors", 6, True),
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


def finished(folder: Path) -> bool:
    return (folder / "model" / "report.json").exists() and not (folder / "checkpoints").exists()


def killed_at_random(
    folder: Path, begin: Callable[[], Any], kills: int, dice: random.Random
) -> int:
    """Kill a run at random moments of its life, then let it end; return how often it was."""
    done = 0
    while not finished(folder):
        there = (folder / "started.json").exists()
        if not there:
            shutil.rmtree(folder, ignore_errors=True)
        moment_s = dice.uniform(0.0, 1.0) if done < kills else None
        ended = forked((lambda: run.resume(folder)) if there else begin, kill_after_s=moment_s)
        assert ended in (0, -signal.SIGKILL)
        done += ended == -signal.SIGKILL
    return done


@pytest.mark.promise(
    "after --resume the weights and losses equal those of an uninterrupted run, bit by bit",
    fault="SIGKILL at random moments, several in a run",
)
def test_a_run_survives_kills_at_random_moments(
    start: Start, uninterrupted: Path, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    dice = random.Random(1)
    kills = killed_at_random(tmp_path / "run", lambda: run.train(start(tmp_path)), 3, dice)
    assert same(tmp_path / "run", uninterrupted)
    record_property("kills", kills)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.promise(
    "after --resume the weights and losses equal those of an uninterrupted run, bit by bit",
    fault="SIGKILL at random moments, hundreds, in runs of every kind",
)
def test_no_weight_differs_after_hundreds_of_kills(
    start: Start, uninterrupted: Path, tmp_path: Path, record_property: Callable[..., None]
) -> None:
    """At least 200 kills, or as many as fifteen minutes hold."""
    kinds: list[tuple[str, ...]] = [
        (),
        ("optim.optimizer=adafactor",),
        ("optim.optimizer=sgd", "train.patience=3"),
        ("train.average=ema", "train.average_from=0.1", "craft.pull=0.01", "craft.rdrop=0.1"),
        ("train.average=soup", "craft.unfreeze_fraction=0.5", "craft.fgm=0.1"),
    ]
    wholes = [run.train(start(tmp_path / f"whole-{n}", *kind)) for n, kind in enumerate(kinds)]
    dice, kills, runs = random.Random(0), 0, 0
    until = time.monotonic() + 900
    while kills < 200 and time.monotonic() < until:
        kind, out = runs % len(kinds), tmp_path / f"killed-{runs}"
        config = start(out, *kinds[kind])
        kills += killed_at_random(out / "run", lambda config=config: run.train(config), 8, dice)
        assert same(out / "run", wholes[kind].folder)
        shutil.rmtree(out)
        runs += 1
    record_property("kills", kills)
    record_property("runs", runs)
    assert kills >= 200


DIFFICULT = (
    "train.average=ema", "train.average_from=0.1", "craft.pull=0.01", "craft.rdrop=0.1",
    "craft.unfreeze_fraction=0.9", "train.evaluations=2",
)  # fmt: skip


def stopping(step: int, *numbers: int) -> Any:
    """A watcher that sends this process signals at a step."""

    class Stopping:
        def say(self, line: str) -> None:
            pass

        def step(self, record: Any) -> None:
            if record.step == step:
                for number in numbers:
                    os.kill(os.getpid(), number)

    return Stopping()


@pytest.mark.promise(
    "averages, the pretrained weights that are held on to and unfreezing go on as they were",
    fault="SIGTERM in a run with averages, R-Drop, L2-SP and gradual unfreezing",
)
def test_whatever_changes_from_step_to_step_is_kept(start: Start, tmp_path: Path) -> None:
    whole = run.train(start(tmp_path / "whole", *DIFFICULT)).folder
    with pytest.raises(Interrupted):
        run.train(start(tmp_path / "cut", *DIFFICULT), watcher=stopping(5, signal.SIGTERM))
    run.resume(tmp_path / "cut" / "run")
    assert same(tmp_path / "cut" / "run", whole)


@pytest.fixture(scope="module")
def interrupted(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that SIGTERM ended at its third step; do not touch, copy."""
    out = tmp_path_factory.mktemp("cut")
    config = start(out, "train.checkpoint_seconds=0")
    with pytest.raises(Interrupted) as caught:
        run.train(config, watcher=stopping(3, signal.SIGTERM))
    assert caught.value.exit_code == 143
    assert str(caught.value) == f"SIGTERM; to go on: plaudit train --resume {out / 'run'}"
    return out / "run"


@pytest.fixture
def cut(interrupted: Path, tmp_path: Path) -> Path:
    return shutil.copytree(interrupted, tmp_path / "run")


@pytest.mark.promise(
    "the run is saved, the command that resumes it named, and the exit code 143 or 130",
    fault="SIGTERM or Ctrl-C",
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_leaves_with_its_code(
    number: int,
    code: int,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from plaudit import progress
    from plaudit.cli import app

    monkeypatch.setattr(
        progress, "watch", lambda quiet: contextlib.nullcontext(stopping(3, number))
    )
    config = tmp_path / "run.toml"
    config.write_text(dump_toml(start(tmp_path, "train.checkpoint_seconds=0")))
    with pytest.raises(SystemExit) as left:
        app(["train", str(config)])
    assert left.value.code == code
    folder = tmp_path / "run"
    assert f"to go on: plaudit train --resume {folder}" in capfd.readouterr().err
    assert len(list(folder.glob("checkpoints/step-00000003-*"))) == 1
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_what_was_interrupted_ends_as_if_it_had_not_been(cut: Path, uninterrupted: Path) -> None:
    finished_run = run.resume(cut)
    assert same(cut, uninterrupted)
    training = finished_run.report["training"]
    assert training["resumed_after"] == [3]
    assert [record["step"] for record in training["history"]] == list(range(1, 9))


def decided(folder: Path) -> Any:
    return json.loads((folder / "model" / "plaudit.json").read_text())["decision"]


@pytest.mark.parametrize("step", [5, 7])
def test_a_resumed_run_is_calibrated_on_the_state_that_was_kept(
    step: int, start: Start, tmp_path: Path
) -> None:
    """Also where only validations of other states came after it was taken up again."""
    few = ("train.evaluations=8", "optim.lr=1e-2")
    whole = run.train(start(tmp_path / "whole", *few))
    best = whole.report["training"]["best_step"]
    assert best < 8
    with pytest.raises(Interrupted):
        run.train(start(tmp_path / "cut", *few), watcher=stopping(step, signal.SIGTERM))
    run.resume(tmp_path / "cut" / "run")
    assert decided(tmp_path / "cut" / "run") == decided(whole.folder)


@pytest.mark.promise(
    "training is kept: the run resumed does what came after it, and ends the same",
    fault="SIGTERM after the last step, in a run without checkpoints",
)
@pytest.mark.parametrize("kind", [(), ("train.average=ema",), ("lora.rank=2",)])
def test_what_is_interrupted_after_training_is_not_trained_again(
    kind: tuple[str, ...], start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tested(*args: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)

    settings = (*kind, "train.checkpoint_seconds=0", "train.evaluations=3")
    whole = run.train(start(tmp_path / "whole", *settings)).folder
    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="to go on"):
        patch.setattr("plaudit.run.training.examine", tested)
        run.train(start(tmp_path / "cut", *settings))
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *args: pytest.fail("trained again"))
    run.resume(tmp_path / "cut" / "run")
    assert same(tmp_path / "cut" / "run", whole)
    assert decided(tmp_path / "cut" / "run") == decided(whole)
    assert not (tmp_path / "cut" / "run" / "checkpoints").exists()


def cut_while_tested(config: Config, patch: pytest.MonkeyPatch) -> None:
    def tested(*args: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)

    with patch.context() as tests, pytest.raises(Interrupted, match="to go on"):
        tests.setattr("plaudit.run.training.examine", tested)
        run.train(config)


@pytest.mark.parametrize("seconds", [0, 1e-3])
def test_a_run_that_broke_and_was_cut_afterwards_is_not_trained_on(
    seconds: float, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plaudit.train import loop

    check = loop._check

    def broken(step: int, loss: float, norm: float) -> None:
        check(step, float("nan") if step == 6 else loss, norm)

    monkeypatch.setattr(loop, "_check", broken)
    settings = ("train.evaluations=8", f"train.checkpoint_seconds={seconds}")
    whole = run.train(start(tmp_path / "whole", *settings))
    assert whole.report["training"]["steps"] < 6
    cut_while_tested(start(tmp_path / "cut", *settings), monkeypatch)
    resumed = run.resume(tmp_path / "cut" / "run")
    assert same(tmp_path / "cut" / "run", whole.folder)
    for fact in ("stopped", "best_step", "broken"):
        assert resumed.report["training"].get(fact) == whole.report["training"].get(fact)


@pytest.mark.parametrize("more", ["train.max_steps=12", "train.epochs=9", "train.max_seconds=none"])
def test_training_that_has_ended_is_given_no_more(
    more: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("train.max_steps=8", "train.epochs=1", "train.max_seconds=900",
                "train.checkpoint_seconds=0")  # fmt: skip
    cut_while_tested(start(tmp_path, *settings), monkeypatch)
    with pytest.raises(ConfigError, match=r"trained to its end \(all planned steps"):
        run.resume(tmp_path / "run", [more])
    run.resume(tmp_path / "run", ["evaluate.baseline=false"])


@pytest.mark.parametrize("seconds", [0, 1e-3])
def test_patience_that_was_out_ends_the_same_when_resumed(
    seconds: float, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("train.patience=1", "train.evaluations=8", "optim.lr=1e-2",
                f"train.checkpoint_seconds={seconds}")  # fmt: skip
    whole = run.train(start(tmp_path / "whole", *settings)).folder
    cut_while_tested(start(tmp_path / "cut", *settings), monkeypatch)
    run.resume(tmp_path / "cut" / "run")
    assert same(tmp_path / "cut" / "run", whole)
    assert decided(tmp_path / "cut" / "run") == decided(whole)


@pytest.mark.parametrize("killed", [False, True])
def test_a_run_that_ends_while_its_checkpoints_are_removed_has_finished(
    killed: bool, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its model would be made again, perhaps from another state."""
    remove, config, asked = shutil.rmtree, start(tmp_path), []

    def removed(path: Any, **kwargs: Any) -> None:
        if Path(path).name == ".checkpoints" and Path(path).exists() and not asked:
            asked.append(path)
            os.kill(os.getpid(), signal.SIGKILL if killed else signal.SIGTERM)
        remove(path, **kwargs)

    def work() -> None:
        monkeypatch.setattr(shutil, "rmtree", removed)
        run.train(config)

    if killed:
        assert forked(work) == -signal.SIGKILL
    else:
        with monkeypatch.context() as patch, pytest.raises(Interrupted, match="has finished: "):
            patch.setattr(shutil, "rmtree", removed)
            run.train(config)
    model = weights(tmp_path / "run")
    with pytest.raises(ConfigError, match="has finished; there is nothing to resume"):
        run.resume(tmp_path / "run")
    assert weights(tmp_path / "run") == model
    assert not list((tmp_path / "run").glob("*checkpoints"))


@pytest.mark.parametrize("after", [False, True])
def test_a_run_killed_as_its_pages_are_entered_is_not_taken_for_finished(
    after: bool, start: Start, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = start(tmp_path)

    def work() -> None:
        dying(monkeypatch, "plaudit.artifact.manifest:write", 2, after=after)
        run.train(config)

    assert forked(work) == -signal.SIGKILL
    model = tmp_path / "run" / "model"
    assert (model / "report.json").exists()
    assert not (model / "README.md").exists()
    run.resume(tmp_path / "run")
    assert same(tmp_path / "run", uninterrupted)
    assert (model / "README.md").exists()
    assert "report.json" in artifact.files_of(model)


def test_an_error_after_training_keeps_it_too(
    start: Start, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tested(*args: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr("plaudit.run.training.examine", tested)
        run.train(start(tmp_path, "train.checkpoint_seconds=0"))
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *args: pytest.fail("trained again"))
    run.resume(tmp_path / "run")
    assert same(tmp_path / "run", uninterrupted)


def test_what_was_done_about_memory_is_told_after_a_resume_too(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plaudit.train import loop

    backward, calls = loop._backward, []

    def full(*args: Any) -> torch.Tensor:
        calls.append(args)
        if len(calls) == 3:
            raise MemoryError("no room")
        return backward(*args)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_backward", full)
        cut_while_tested(start(tmp_path, "train.checkpoint_seconds=0"), monkeypatch)
    assert "memory ran out" in run.resume(tmp_path / "run").report["training"]["memory"]


def test_a_signal_ends_a_contrast_at_once_and_it_is_not_done_twice(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = contrast.draw

    def interrupting(*args: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return drawn(*args)

    settings = ("contrast.steps=3", "train.checkpoint_seconds=0")
    with monkeypatch.context() as patch:
        patch.setattr(contrast, "draw", interrupting)
        patch.setattr(contrast, "fit_head", lambda *args, **kwargs: pytest.fail("went on"))
        with pytest.raises(Interrupted, match="to go on"):
            run.train(start(tmp_path / "at-once", *settings))
    whole = run.train(start(tmp_path / "whole", *settings)).folder
    with pytest.raises(Interrupted):
        run.train(start(tmp_path / "cut", *settings), watcher=stopping(3, signal.SIGTERM))
    monkeypatch.setattr(contrast, "draw", lambda *args: pytest.fail("contrasted again"))
    run.resume(tmp_path / "cut" / "run")
    assert same(tmp_path / "cut" / "run", whole)


@pytest.mark.promise("it leaves at once, without another save", fault="a second Ctrl-C")
def test_a_second_interrupt_leaves_at_once(start: Start, tmp_path: Path) -> None:
    twice = stopping(3, signal.SIGINT, signal.SIGINT)
    with pytest.raises(Interrupted) as caught:
        run.train(start(tmp_path, "train.checkpoint_seconds=0"), watcher=twice)
    assert caught.value.exit_code == 130
    assert not (tmp_path / "run" / "checkpoints").exists() or not list(
        (tmp_path / "run" / "checkpoints").glob("step-*")
    )


@pytest.mark.promise(
    "the second is refused, and told which process is there",
    fault="two processes in one run's folder",
)
def test_two_processes_never_share_a_folder(cut: Path) -> None:
    with lock.held(cut), pytest.raises(ConfigError, match=rf"in use by .*\({os.getpid()}\)"):
        run.resume(cut)
    assert not (cut / "lock").exists()


def test_the_lock_of_a_dead_process_is_no_obstacle(cut: Path) -> None:
    def dies() -> None:
        with lock.held(cut):
            os.kill(os.getpid(), signal.SIGKILL)

    assert forked(dies) == -signal.SIGKILL
    assert (cut / "lock").exists()
    with lock.held(cut):
        pass


@pytest.mark.promise(
    "resuming is refused with a diff; more epochs, steps or seconds are welcome",
    fault="the configuration was changed",
)
def test_other_settings_are_refused_with_a_diff(cut: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        run.resume(cut, ["optim.lr=1e-3", "train.max_steps=7", "evaluate.bootstrap=200"])
    assert caught.value.problems[0] == f"{cut} was started with other settings:"
    assert caught.value.problems[1:3] == [
        "optim.lr: 0.005 → 0.001",
        "train.max_steps: 8 → 7",
    ]
    assert "train.epochs" in caught.value.problems[-1]
    assert len(caught.value.problems) == 4


def test_more_of_the_same_is_welcome(cut: Path) -> None:
    longer = run.resume(cut, ["train.max_steps=10", "evaluate.bootstrap=200"])
    assert longer.report["training"]["steps"] == 10
    assert "max_steps = 10" in (cut / "config.toml").read_text()


@pytest.mark.promise("resuming is refused with a diff", fault="the data was changed")
def test_other_data_are_refused_with_a_diff(cut: Path, reviews_file: Path) -> None:
    before = reviews_file.read_bytes()
    try:
        reviews_file.write_bytes(before[: before[:-1].rindex(b"\n") + 1])
        with pytest.raises(ConfigError) as caught:
            run.resume(cut)
    finally:
        reviews_file.write_bytes(before)
    assert caught.value.problems[0] == f"{cut} was started with other data or on another device:"
    assert any(line.startswith("file reviews.jsonl: ") for line in caught.value.problems)


def test_a_finished_run_has_nothing_to_resume(uninterrupted: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has finished; there is nothing to resume"):
        run.resume(uninterrupted)
    with pytest.raises(ConfigError, match="is no run"):
        run.resume(tmp_path)


@pytest.mark.promise(
    "the file is named, the checkpoint before it used, and the weights come out the same",
    fault="the newest checkpoint is damaged when a run is resumed",
)
def test_a_damaged_checkpoint_costs_only_time(
    start: Start, uninterrupted: Path, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        run.train(start(tmp_path), watcher=stopping(5, signal.SIGTERM))
    folder, lines = tmp_path / "run", []
    [newest] = folder.glob("checkpoints/step-00000005-*/tensors.safetensors")
    os.truncate(newest, 100)

    class Listening:
        def say(self, line: str) -> None:
            lines.append(line)

        def step(self, record: Any) -> None:
            pass

    run.resume(folder, watcher=Listening())
    assert f"damaged: {newest} is cut off: 100 of" in "\n".join(lines)
    assert f"{folder} goes on after step 4." in lines
    assert same(folder, uninterrupted)
