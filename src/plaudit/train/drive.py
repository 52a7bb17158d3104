"""Drive the loop: write the history, keep the best state, stop early."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plaudit.config import TrainConfig
from plaudit.errors import TrainingError
from plaudit.model.classifier import ReviewClassifier
from plaudit.train.averaging import Average
from plaudit.train.checkpoint import load_weights, save_weights
from plaudit.train.loop import StepRecord

ALL_STEPS = "all planned steps were taken"


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
    average: Average | None = None,
) -> Trained:
    """Run the loop to its end; the model then has the best state by ``train.select``.

    Parameters
    ----------
    steps : iterator of StepRecord
        As :func:`plaudit.train.loop.fit` yields them.
    model : ReviewClassifier
        The model that is being trained.
    folder : Path
        The run's folder: ``history.jsonl`` goes there, and, until the end, the best state.
    config : TrainConfig
    watch : callable
        Called with each record.
    average : Average, optional
        Whose weights are kept in place of the model's own.

    Returns
    -------
    Trained

    Raises
    ------
    TrainingError
        Training broke before there was a validated state to fall back on.
    """
    best = _Best(folder / ".best.safetensors", config.select, average)
    board = _tensorboard(folder)
    history: list[StepRecord] = []
    stopped = ALL_STEPS
    broken = False
    with (folder / "history.jsonl").open("w", encoding="utf-8") as file:
        try:
            for record in steps:
                history.append(record)
                file.write(json.dumps(asdict(record)) + "\n")
                file.flush()
                board(record)
                best.offer(record, model)
                watch(record)
                if config.patience and best.since >= config.patience:
                    stopped = f"{config.select} did not improve in {best.since} evaluations"
                    break
        except TrainingError as error:
            if not best.step:
                raise
            broken, stopped = True, f"{error} The state after step {best.step} was kept."
    last = history[-1].step
    if stopped == ALL_STEPS and last < history[-1].steps:
        stopped = f"train.max_seconds was used up after {last} of {history[-1].steps} steps"
    if broken or best.step not in (0, last):
        load_weights(model, best.path)
    elif average:
        average.copy()
    best.path.unlink(missing_ok=True)
    return Trained(history, best.step or last, stopped)


@dataclass(slots=True)
class _Best:
    """The best state so far, on disk."""

    path: Path
    select: str
    average: Average | None = None
    value: float = -float("inf")
    step: int = 0
    since: int = 0

    def offer(self, record: StepRecord, model: ReviewClassifier) -> None:
        """Keep the model's state if it was validated and is better than all before."""
        if record.validation is None:
            return
        value = goodness(record.validation, self.select)
        if value > self.value:
            self.value, self.step, self.since = value, record.step, 0
            with self.average.in_place() if self.average else contextlib.nullcontext():
                save_weights(model, self.path)
        else:
            self.since += 1


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
