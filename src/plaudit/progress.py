"""How a run shows that it is alive: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from plaudit.console import inert, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from plaudit.score import Standing
    from plaudit.train.loop import StepRecord

LINE_EVERY_S = 10.0
"""Between two lines of progress in a log; a terminal has a bar instead."""


class Lines:
    """Progress as plain lines: at each evaluation, and about every ten seconds otherwise."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def say(self, line: str) -> None:
        """Pass on a remark, such as which source served the data."""
        say(line)

    def step(self, record: StepRecord) -> None:
        """Show a step when it is time to, or when it was evaluated."""
        if record.validation is None and record.seconds < self._next_s:
            return
        self._next_s = record.seconds + LINE_EVERY_S
        say(step_line(record))


class Bar:
    """Progress as a bar, with a line above it at each evaluation."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def say(self, line: str) -> None:
        """Pass on a remark; one that follows steps means that training is over, so the bar ends."""
        if self._task is not None:
            self._progress.stop()
        self._print(line)

    def step(self, record: StepRecord) -> None:
        """Move the bar."""
        if self._task is None:
            self._task = self._progress.add_task("training", total=record.steps, note="")
        self._progress.start()  # does nothing when it is drawn already
        note = f"loss {record.loss:.3f} · {record.tokens_per_s:,.0f} tokens/s · "
        note += f"{clock(record.eta_s)} left"
        self._progress.update(self._task, completed=record.step, note=note)
        if record.validation is not None:
            self._print(step_line(record))
        if record.step >= record.steps:
            self._progress.stop()

    def _print(self, line: str) -> None:
        self._progress.console.print(inert(line), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def watch(*, quiet: bool) -> Iterator[Lines | Bar | None]:
    """Show progress in the way that fits where standard error goes.

    Parameters
    ----------
    quiet : bool
        Show nothing.

    Yields
    ------
    Lines or Bar or None
    """
    if quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None if quiet else Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    note = TextColumn("{task.fields[note]}", markup=False)
    with Progress(*columns, note, console=Console(stderr=True)) as progress:
        yield Bar(progress)


@contextmanager
def scoring(*, quiet: bool) -> Iterator[Callable[[Standing], None] | None]:
    """Show how far scoring is: one line that is written over, or a line now and then in a log.

    Parameters
    ----------
    quiet : bool
        Show nothing.

    Yields
    ------
    callable or None
        Takes a :class:`plaudit.score.Standing`.
    """
    if quiet:
        yield None
        return
    on_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    next_s, shown = 0.0, False

    def show(standing: Standing) -> None:
        nonlocal next_s, shown
        now_s = time.monotonic()
        if on_terminal:
            shown = True
            sys.stderr.write(f"\r{standing_line(standing)}\x1b[K")
            sys.stderr.flush()
        elif now_s >= next_s:
            next_s = now_s + LINE_EVERY_S
            say(standing_line(standing))

    try:
        yield show
    finally:
        if shown:
            sys.stderr.write("\n")


def standing_line(standing: Standing) -> str:
    """Put how far scoring is on one line.

    Parameters
    ----------
    standing : Standing

    Returns
    -------
    str
        Such as ``40,960 rows · 45% · 1,234 rows/s · 3:12 left``, and the rows in quarantine.
    """
    line = (
        f"{standing.rows:,} rows · {standing.fraction:.0%} · {standing.rows_per_s:,.0f} rows/s · "
        f"{clock(standing.eta_s)} left"
    )
    return f"{line} · {standing.bad:,} in quarantine" if standing.bad else line


def step_line(record: StepRecord) -> str:
    """Put a step on one line.

    Parameters
    ----------
    record : StepRecord

    Returns
    -------
    str
        Such as ``step 40/560 · epoch 0.14 · loss 0.312 · lr 8.1e-05 · 2,940 tokens/s · 3:12 left``,
        and the validation metrics when there are any.
    """
    line = (
        f"step {record.step}/{record.steps} · epoch {record.epoch:.2f} · loss {record.loss:.3f} · "
        f"lr {record.lr:.1e} · {record.tokens_per_s:,.0f} tokens/s · {clock(record.eta_s)} left"
    )
    if record.validation is None:
        return line
    shown = ", ".join(f"{name} {value:.4f}" for name, value in record.validation.items())
    return f"{line} · validation: {shown}"


def clock(seconds: float) -> str:
    """Write a duration as minutes and seconds, or with hours.

    Parameters
    ----------
    seconds : float

    Returns
    -------
    str

    Examples
    --------
    >>> clock(192), clock(7384.2), clock(float("nan"))
    ('3:12', '2:03:04', '?')
    """
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
