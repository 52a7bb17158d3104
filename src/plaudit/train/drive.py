"""Drive the loop: write the history, keep the best state, stop early."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plaudit.config import TrainConfig
from plaudit.model.classifier import ReviewClassifier
from plaudit.train.checkpoint import load_weights, save_weights
from plaudit.train.loop import StepRecord


@dataclass(frozen=True, slots=True)
class Trained:
    """How training went.

    Attributes
    ----------
    history : list of StepRecord
    best_step : int
        The step whose weights the model now has.
    stopped : str
        Why training ended, in words.
    """

    history: list[StepRecord]
    best_step: int
    stopped: str


def drive(
    steps: Iterator[StepRecord],
    model: ReviewClassifier,
    folder: Path,
    config: TrainConfig,
    watch: Callable[[StepRecord], None],
) -> Trained:
    """Run the loop to its end; the model then has the best state by ``train.select``.

    Parameters
    ----------
    steps : iterator of StepRecord
        As :func:`plaudit.train.loop.fit` yields them.
    model : ReviewClassifier
        The model that is being trained.
    folder : Path
        The run's folder: ``history.jsonl`` and ``checkpoints/best.safetensors`` go there.
    config : TrainConfig
    watch : callable
        Called with each record.

    Returns
    -------
    Trained
    """
    best = folder / "checkpoints" / "best.safetensors"
    board = _tensorboard(folder)
    history: list[StepRecord] = []
    top, best_step, since = -float("inf"), 0, 0
    stopped = "all planned steps were taken"
    with (folder / "history.jsonl").open("w", encoding="utf-8") as file:
        for record in steps:
            history.append(record)
            file.write(json.dumps(asdict(record)) + "\n")
            file.flush()
            board(record)
            if record.validation is not None:
                value = goodness(record.validation, config.select)
                if value > top:
                    top, best_step, since = value, record.step, 0
                    save_weights(model, best)
                else:
                    since += 1
            watch(record)
            if config.patience and since >= config.patience:
                stopped = f"{config.select} did not improve in {since} evaluations"
                break
    if best_step and best_step != history[-1].step:
        load_weights(model, best)
    return Trained(history, best_step or history[-1].step, stopped)


def goodness(validation: Any, select: str) -> float:
    """Return a validation metric so that more is better."""
    value = float(validation[select])
    return -value if select == "log_loss" else value


def _tensorboard(folder: Path) -> Callable[[StepRecord], None]:
    """Return a writer for TensorBoard where it is installed, else one that does nothing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return lambda record: None
    writer = SummaryWriter(str(folder / "tensorboard"))

    def write(record: StepRecord) -> None:
        for name in ("loss", "lr", "grad_norm", "tokens_per_s"):
            writer.add_scalar(f"train/{name}", getattr(record, name), record.step)
        for name, value in (record.validation or {}).items():
            writer.add_scalar(f"validation/{name}", value, record.step)
        if record.validation or record.step == record.steps:
            writer.flush()

    return write
