"""What a run shows of itself while it goes on, and how long each stage takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from plaudit.train.loop import StepRecord


class Watcher(Protocol):
    """Whoever wants to see a run's progress."""

    def say(self, line: str) -> None:
        """Take a line for the user."""

    def step(self, record: StepRecord) -> None:
        """Take the record of a step."""


class Silent:
    """A watcher that shows nothing."""

    def say(self, line: str) -> None:
        """Drop the line."""

    def step(self, record: StepRecord) -> None:
        """Drop the record."""


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each stage.

    Attributes
    ----------
    seconds : dict of str to float
        Stages that have ended.
    started : float
        On the performance counter's own scale.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def read(self) -> dict[str, float]:
        """Return the seconds of each stage and, as ``all``, those since the start."""
        return self.seconds | {"all": time.perf_counter() - self.started}
