"""Runs in children that may be killed: forked from a warm parent, they start at once."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plaudit.config import Config, load


def forked(work: Callable[[], Any], *, kill_after_s: float | None = None) -> int:
    """Do work in a child; return its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        os._exit(_exit_code(work))
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _exit_code(work: Callable[[], Any]) -> int:
    try:
        work()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def dying(patch: pytest.MonkeyPatch, target: str, call: int, *, after: bool) -> None:
    """Let a function's nth call be this process's last, before or after its work."""
    import importlib

    place, name = target.rsplit(":", 1)
    module, _, owner = place.partition("/")
    home = importlib.import_module(module)
    home = getattr(home, owner) if owner else home
    real, calls = getattr(home, name), [0]

    def last(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if calls[0] == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    patch.setattr(home, name, last)


def small_run(data: Path, encoder: Path, out: Path, *more: str) -> Config:
    """Configure a run of eight steps over a little more than an epoch, with all that is random."""
    return load(
        None,
        [
            f"data.train={data}", f"model.encoder={encoder}", f"out={out}", "name=run",
            "text.max_tokens=32", "train.batch_tokens=192", "train.accumulation=2",
            "train.max_steps=8", "train.evaluations=6", "optim.lr=5e-3", "model.dropout=0.2",
            "model.attention_dropout=0.1", "split.validation_size=16", "split.test_size=0",
            "split.train_size=80", "evaluate.baseline=false", "evaluate.bootstrap=100",
            "train.checkpoint_seconds=1e-6", *more,
        ],
    )  # fmt: skip
