"""A run on label sets that was interrupted ends as if it had never been."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from plaudit import run
from plaudit.errors import Interrupted
from plaudit.train.loop import StepRecord
from tests.multilabel.conftest import configured

pytestmark = pytest.mark.usefixtures("unrendered")


class Stopper:
    """Interrupts after some steps."""

    def __init__(self, after: int) -> None:
        self.after = after

    def say(self, line: str) -> None:
        pass

    def step(self, record: StepRecord) -> None:
        if record.step == self.after:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGTERM)


def test_weights_and_thresholds_are_bit_for_bit_those_of_one_go(
    tables: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    settings = ("train.epochs=1", "evaluate.baseline=false", "imbalance.method=weights")
    data = tables / "joined.csv"
    whole = run.train(configured(data, tiny_encoder, tmp_path / "a", *settings))
    with pytest.raises(Interrupted):
        run.train(
            configured(data, tiny_encoder, tmp_path / "b", *settings), watcher=Stopper(after=2)
        )
    resumed = run.resume(tmp_path / "b" / "sets")
    hashes = [
        hashlib.sha256((done.model / "model.safetensors").read_bytes()).hexdigest()
        for done in (whole, resumed)
    ]
    assert hashes[0] == hashes[1]
    assert resumed.report["decision"] == whole.report["decision"]
    assert resumed.report["training"]["resumed_after"] == [2]
