"""Drive the loop: write the history, keep the best state, stop early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from plaudit.config import TrainConfig
from plaudit.errors import TrainingError
from plaudit.model.classifier import ReviewClassifier
from plaudit.train.averaging import Average
from plaudit.train.keep import Best, Keeper
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
    resumed_after : list of int
        Steps after which it was taken up again.
    checkpoints : int
        How many were written, since it was last taken up.
    memory : str or None
        What was done when memory ran out.
    broken : bool
        Training could not go on; an earlier state was kept.
    """

    history: list[StepRecord]
    best_step: int
    stopped: str
    resumed_after: list[int]
    checkpoints: int
    memory: str | None = None
    broken: bool = False


def drive(
    steps: Iterator[StepRecord],
    model: ReviewClassifier,
    keeper: Keeper,
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
    keeper : Keeper
        Writes the history, the best state and checkpoints; it may know where the run goes on.
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
        Training broke before there was a validated state to fall back on, or nothing can be
        written.
    Interrupted
        Someone wants the run to end; it is saved.
    """
    if keeper.ended:  # what was interrupted came after it
        return _trained(keeper)
    best = Best(keeper.checkpoints, config.select, average)
    keeper.state.hold(best=best)
    history = keeper.history
    board = _tensorboard(keeper.folder, len(history.records))
    stopped, broken = _patience_is_out(best, config), False
    while not stopped:
        try:
            record = next(steps, None)
        except TrainingError as error:
            if not best.step:
                raise
            broken, stopped = True, f"{error} The state after step {best.step} was kept."
            break
        if record is None:
            break
        history.add(record)
        board(record)
        best.offer(record, model)
        watch(record)
        keeper.look(record.step, best)
        stopped = _patience_is_out(best, config)
    last = history.records[-1]
    if broken or best.step not in (0, last.step):
        best.load_into(model)
    elif average:
        average.copy()
    why = stopped or _ended(last)
    keeper.end({"best_step": best.step or last.step, "stopped": why, "broken": broken})
    return _trained(keeper)


def _trained(keeper: Keeper) -> Trained:
    return Trained(
        history=keeper.history.records,
        resumed_after=keeper.resumed_after,
        checkpoints=keeper.saved,
        **(keeper.ended or {}),
    )


def _patience_is_out(best: Best, config: TrainConfig) -> str:
    if config.patience and best.since >= config.patience:
        return f"{config.select} did not improve in {best.since} evaluations"
    return ""


def _ended(last: StepRecord) -> str:
    if last.step < last.steps:
        return f"train.max_seconds was used up after {last.step} of {last.steps} steps"
    return ALL_STEPS


def _tensorboard(folder: Path, after: int) -> Callable[[StepRecord], None]:
    """Return a writer for TensorBoard where it is installed, else one that does nothing."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return lambda record: None
    # Of a run that goes on, steps that will be taken again are hidden.
    writer = SummaryWriter(str(folder / "tensorboard"), purge_step=after + 1 if after else None)

    def write(record: StepRecord) -> None:
        for name in ("loss", "lr", "grad_norm", "tokens_per_s"):
            writer.add_scalar(f"train/{name}", getattr(record, name), record.step)
        for name, value in (record.validation or {}).items():
            writer.add_scalar(f"validation/{name}", value, record.step)
        if record.validation or record.step == record.steps:
            writer.flush()

    return write
