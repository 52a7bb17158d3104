"""Timing calls in turn, and what is said of the times. Knows nothing of models."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several measurements and their ends.

    Attributes
    ----------
    median, low, high : float
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise at least one value.

        Examples
        --------
        >>> Spread.of([3.0, 1.0, 8.0, 2.0])
        Spread(median=2.5, low=1.0, high=8.0)
        """
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])


@dataclass(frozen=True, slots=True)
class Task:
    """What is timed.

    Attributes
    ----------
    name : str
    texts : sequence of str
        Given in one call.
    calls : int
        Timed calls a round.
    """

    name: str
    texts: Sequence[str]
    calls: int = 1


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least ``percent`` percent of the values do not exceed.

    Parameters
    ----------
    values : sequence of float
        At least one.
    percent : float, in (0, 100]

    Returns
    -------
    float
        One of the values: a latency that a user saw, not one between two of them.

    Examples
    --------
    >>> percentile([4.0, 1.0, 3.0, 2.0], 50), percentile([4.0, 1.0, 3.0, 2.0], 99)
    (2.0, 4.0)
    """
    ordered = sorted(values)
    return ordered[math.ceil(percent / 100 * len(ordered)) - 1]


def race(
    runners: Sequence[Callable[[Sequence[str]], object]],
    tasks: Sequence[Task],
    rounds: int,
    say: Callable[[str], None],
) -> list[dict[str, list[float]]]:
    """Time every runner at every task, in turn, so that what disturbs the machine hits all alike.

    Each does each task once before, untimed. In a round all runners do one task before any does
    the next, and another of them begins each time.

    Parameters
    ----------
    runners : sequence of callable
    tasks : sequence of Task
    rounds : int
    say : callable
        Takes a line at each round.

    Returns
    -------
    list of dict
        For each runner the seconds of each call, by the task's name.
    """
    for task in tasks:
        for run in runners:
            run(task.texts)
    seconds: list[dict[str, list[float]]] = [{task.name: [] for task in tasks} for _ in runners]
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for task in tasks:
            for place in range(len(runners)):
                which = (number + place) % len(runners)
                for _ in range(task.calls):
                    seconds[which][task.name].append(_timed(runners[which], task.texts))
    return seconds


def _timed(run: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    started = time.perf_counter()
    run(texts)
    return time.perf_counter() - started
