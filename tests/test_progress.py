import io
import sys
from dataclasses import dataclass, replace

import pytest

from plaudit import progress


@dataclass(frozen=True)
class Record:
    """As plaudit.train.loop.StepRecord, which would import torch."""

    step: int = 1
    steps: int = 560
    epoch: float = 0.14
    loss: float = 0.31234
    lr: float = 8.1e-5
    grad_norm: float = 1.0
    tokens: int = 9000
    tokens_per_s: float = 2940.4
    seconds: float = 1.0
    eta_s: float = 192.0
    validation: dict | None = None


def test_the_stand_in_has_the_fields_of_the_real_record():
    from dataclasses import fields

    from plaudit.train.loop import StepRecord

    assert [f.name for f in fields(Record)] == [f.name for f in fields(StepRecord)]


def test_a_step_is_one_line():
    assert progress.step_line(Record(step=40)) == (
        "step 40/560 · epoch 0.14 · loss 0.312 · lr 8.1e-05 · 2,940 tokens/s · 3:12 left"
    )
    evaluated = Record(validation={"accuracy": 0.91234, "mcc": 0.8})
    line = progress.step_line(evaluated)
    assert line.endswith("left · validation: accuracy 0.9123, mcc 0.8000")


def test_a_log_gets_the_first_step_each_evaluation_and_a_line_every_ten_seconds(capsys):
    with progress.watch(quiet=False) as watcher:
        for step, seconds in enumerate([1.0, 5.0, 10.9, 11.0, 15.0, 21.0], start=1):
            validation = {"accuracy": 0.5} if step == 2 else None
            watcher.step(Record(step=step, seconds=seconds, validation=validation))
    shown = [line.split("/")[0] for line in capsys.readouterr().err.splitlines()]
    assert shown == ["step 1", "step 2", "step 5"]


def test_quiet_shows_nothing(capsys):
    with progress.watch(quiet=True) as watcher:
        assert watcher is None
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    stream = Terminal()  # not in a fixture: pytest's own capture would take its place
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    return stream


def test_a_terminal_gets_a_bar_and_a_line_at_each_evaluation(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress.watch(quiet=False) as watcher:
        watcher.say("served by [bold]us\x1b[2J")
        watcher.step(Record(step=10))
        watcher.step(replace(Record(step=20), validation={"accuracy": 0.75}))
    shown = terminal.getvalue()
    assert "served by [bold]us\\x1b[2J" in shown
    assert "20/560" in shown
    assert "validation: accuracy 0.7500" in shown
    assert "step 10/560 ·" not in shown


@pytest.mark.parametrize("last", [560, 200])  # the end, and patience at an end
def test_what_is_said_after_training_stands_below_a_finished_bar(monkeypatch, last):
    terminal = on_terminal(monkeypatch)
    with progress.watch(quiet=False) as watcher:
        watcher.step(Record(step=10))
        watcher.step(replace(Record(step=last), validation={"accuracy": 0.75}))
        watcher.say("the test set is opened")
        watcher.say("the baseline")
    shown = terminal.getvalue()
    assert f"{last}/560" in shown.rpartition("validation: accuracy 0.7500")[2]
    after = shown.partition("the test set is opened")[2]
    assert "/560" not in after
    assert "the baseline" in after


def test_the_bar_is_closed_when_the_last_step_is_done(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress.watch(quiet=False) as watcher:
        watcher.step(Record(step=560))
        assert terminal.getvalue().endswith("\x1b[?25h")  # the cursor is given back


def test_a_step_after_a_remark_is_drawn_again(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress.watch(quiet=False) as watcher:
        watcher.step(Record(step=10))
        watcher.say("by the way")
        watcher.step(Record(step=20))
    assert "20/560" in terminal.getvalue().partition("by the way")[2]


def test_a_dumb_terminal_gets_lines(monkeypatch):
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    with progress.watch(quiet=False) as watcher:
        watcher.step(Record(step=3))
    assert terminal.getvalue() == progress.step_line(Record(step=3)) + "\n"
