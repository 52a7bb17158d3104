"""How far a run has come: steps, tokens, seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from plaudit.train.course import Course


class Clock:
    """Steps taken, and training time, validation not counted, against the budget.

    Parameters
    ----------
    course : Course
    budget_s : float, optional

    Attributes
    ----------
    step : int
        Steps taken.
    tokens : int
        Real tokens that were trained on.
    """

    def __init__(self, course: Course, budget_s: float | None) -> None:
        self.step = self.tokens = 0
        self._steps = course.steps
        self._marks = sorted(course.validate_after)
        self._budget_s = budget_s
        self._started = time.perf_counter()
        self._validating_s = 0.0
        self._reached = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Return what a run that goes on from here needs."""
        return {
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds(),
            "validating_s": self._validating_s,
            "course": [self._steps, self._budget_s],
            "reached": self._reached,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there; time in which no process ran does not count."""
        self.step, self.tokens = state["step"], state["tokens"]
        self._started = time.perf_counter() - state["seconds"]
        self._validating_s = state["validating_s"]
        same = state["course"] == [self._steps, self._budget_s]
        # Of another course, other marks are behind.
        self._reached = state["reached"] if same else self.progress(self.step)
        self._marks = [mark for mark in self._marks if mark > self._reached]

    def count(self, step: int, tokens: int) -> None:
        """Take note of a step."""
        self.step = step
        self.tokens += tokens

    def seconds(self) -> float:
        """Return the seconds since the start, validation included."""
        return time.perf_counter() - self._started

    def training_s(self) -> float:
        """Return the seconds since the start, validation not counted."""
        return self.seconds() - self._validating_s

    def validating(self, validate: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        """Validate, off the clock."""
        before = time.perf_counter()
        scores = validate()
        self._validating_s += time.perf_counter() - before
        return scores

    def progress(self, step: int) -> float:
        """Return the steps taken or, where more of it is used up, the same share of the budget.

        The schedule and the evaluations follow it, so that a run that its budget ends has decayed
        its rate to the end as a longer one would.
        """
        if self._budget_s is None:
            return step
        return min(self._steps, max(step, self._steps * self.training_s() / self._budget_s))

    def is_last(self, step: int) -> bool:
        """Say whether no further step is planned, or one more would overrun the budget."""
        if step == self._steps:
            return True
        return self._budget_s is not None and self.training_s() * (step + 1) / step > self._budget_s

    def is_due(self, step: int, *, last: bool) -> bool:
        """Say whether a step that is to be validated was reached, or will not be any more."""
        self._reached = self.progress(step)
        passed = sum(mark <= (math.inf if last else self._reached) for mark in self._marks)
        self._marks = self._marks[passed:]
        return passed > 0

    def left_s(self, step: int) -> float:
        """Estimate the seconds left."""
        used_s = self.training_s()
        planned_s = (self._steps - step) * used_s / step
        return planned_s if self._budget_s is None else min(planned_s, self._budget_s - used_s)
