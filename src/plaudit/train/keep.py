"""What a run keeps of itself on the disk while it trains."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

from plaudit.errors import Interrupted, TrainingError
from plaudit.train.averaging import Average
from plaudit.train.checkpoint import Checkpoints
from plaudit.train.durable import Extent
from plaudit.train.loop import StepRecord
from plaudit.train.state import State

OVERHEAD = 0.01
"""Share of the time that checkpoints may take: where one takes long, the next comes later."""


class Keeper:
    """Writes the history, the best state and checkpoints.

    Parameters
    ----------
    folder : Path
        The run's.
    state : State, optional
        What goes into a checkpoint, and what the run goes on from.
    every_s : float
        Seconds between checkpoints; 0: none but the one of an interruption.
    interruption : callable, optional
        Returns what to raise, once all is saved, when someone wants the run to end.

    Attributes
    ----------
    history : History
    resumed_after : list of int
        Steps after which the run was taken up again.
    saved : int
        Checkpoints written.
    ended : mapping or None
        How training ended; None while it has not.
    """

    def __init__(
        self,
        folder: Path,
        state: State | None = None,
        *,
        every_s: float = 0.0,
        interruption: Callable[[], Interrupted | None] = lambda: None,
    ) -> None:
        self.folder = folder
        self.state = state or State()
        self.checkpoints = Checkpoints(folder)
        self.resumed_after: list[int] = []
        self.saved = 0
        self.history = History(folder / "history.jsonl")
        self._interruption = interruption
        self._every_s = every_s
        self._cost_s = 0.0
        self._saved_at = time.perf_counter()
        self._best: Best | None = None
        self._saved_step = 0
        self.ended: Mapping[str, Any] | None = None
        self.state.hold(history=self.history, keeper=self)

    def state_dict(self) -> dict[str, Any]:
        """Return how often the run was taken up again, and how training ended, if it has."""
        return {"resumed_after": self.resumed_after, "ended": self.ended}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on; it is now taken up once more."""
        self.ended = state.get("ended")
        self.resumed_after = [*state["resumed_after"], len(self.history.records)]

    def look(self, step: int, best: Best) -> None:
        """Save if it is time to, or if someone wants the run to end.

        Raises
        ------
        Interrupted
            Someone does.
        TrainingError
            It cannot be saved.
        """
        self._best = best
        interruption = self._interruption()
        if interruption or self._due():
            self._save(step, best)
        if interruption:
            raise interruption

    def end(self, outcome: Mapping[str, Any]) -> None:
        """Take note that training is over, and its best state in the model."""
        self.ended = outcome

    def leave(self) -> None:
        """Save where training ended, so that the run can be taken up there and finished later.

        Does nothing where it has not ended, is saved already, or no longer needs to be.

        Raises
        ------
        TrainingError
            It cannot be saved.
        """
        step = len(self.history.records)
        if self.ended and self._best is not None and self._saved_step != step:
            self._save(step, self._best)

    def clear(self) -> None:
        """Remove all checkpoints: the run has what it was made for."""
        self.ended = None
        self.checkpoints.clear()

    def _due(self) -> bool:
        if not self._every_s:
            return False
        wait_s = max(self._every_s, self._cost_s * (1 / OVERHEAD - 1))
        return time.perf_counter() - self._saved_at >= wait_s

    def _save(self, step: int, best: Best) -> None:
        started = time.perf_counter()
        needs = {self.history.path.name: self.history.kept()}
        if best.file:
            needs[best.file] = best.extent
        self.checkpoints.save(step, self.state.take(), needs)
        self.saved += 1
        self._saved_step = step
        self._saved_at = time.perf_counter()
        self._cost_s = self._saved_at - started


class History:
    """Every step's record, one a line, in memory and in a file.

    Parameters
    ----------
    path : Path
        Begun anew with the first record, unless it goes on from a state.

    Attributes
    ----------
    records : list of StepRecord
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[StepRecord] = []
        self._size = 0
        self._digest = hashlib.sha256()

    def state_dict(self) -> dict[str, Any]:
        """Return how much of the file counts."""
        return {"bytes": self._size}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on after what counted; later steps will be taken again."""
        with self.path.open("rb") as file:
            content = file.read(state["bytes"])
        self._size, self._digest = len(content), hashlib.sha256(content)
        self.records = [StepRecord(**json.loads(line)) for line in content.splitlines()]

    def add(self, record: StepRecord) -> None:
        """Write a record.

        Raises
        ------
        TrainingError
            It cannot be written.
        """
        line = json.dumps(asdict(record)).encode() + b"\n"
        try:
            with self.path.open("r+b" if self._size else "wb") as file:
                file.truncate(self._size)
                file.seek(self._size)
                file.write(line)
        except OSError as error:
            raise TrainingError(
                f"step {record.step}: {self.path} cannot be written: {error.strerror}. Make room "
                f"there, then: plaudit train --resume {self.path.parent}"
            ) from error
        self.records.append(record)
        self._size += len(line)
        self._digest.update(line)

    def kept(self) -> Extent:
        """Sync the file to the disk; return what counts of it."""
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as file:
            os.fsync(file.fileno())
        return Extent(self._size, self._digest.hexdigest())


class Best:
    """The best state so far, on disk.

    Parameters
    ----------
    checkpoints : Checkpoints
    select : str
        By which validation metric.
    average : Average, optional
        Whose weights are kept in place of the model's own.

    Attributes
    ----------
    step : int
        0: there is none yet.
    since : int
        Evaluations since then.
    file : str
        As seen from the run's folder.
    extent : Extent
    """

    def __init__(
        self, checkpoints: Checkpoints, select: str, average: Average | None = None
    ) -> None:
        self.step = self.since = 0
        self.file = ""
        self.extent = Extent(0, "")
        self._checkpoints, self._select, self._average = checkpoints, select, average
        self._value = -float("inf")

    def state_dict(self) -> dict[str, Any]:
        """Return which it is."""
        return {
            "step": self.step,
            "since": self.since,
            "value": self._value,
            "file": self.file,
            "extent": asdict(self.extent),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with that one."""
        self.step, self.since, self._value = state["step"], state["since"], state["value"]
        self.file, self.extent = state["file"], Extent(**state["extent"])

    def offer(self, record: StepRecord, model: nn.Module) -> None:
        """Keep the model's state if it was validated and is better than all before."""
        if record.validation is None:
            return
        value = goodness(record.validation, self._select)
        if value > self._value:
            self._value, self.step, self.since = value, record.step, 0
            with self._average.in_place() if self._average else contextlib.nullcontext():
                self.file, self.extent = self._checkpoints.save_best(model, record.step)
        else:
            self.since += 1

    def load_into(self, model: nn.Module) -> None:
        """Give the model the best state."""
        self._checkpoints.load_best(model, self.file, self.extent)


def goodness(validation: Any, select: str) -> float:
    """Return a validation metric so that more is better."""
    value = float(validation[select])
    return -value if select == "log_loss" else value
