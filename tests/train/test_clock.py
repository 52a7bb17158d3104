"""The clock of a run that is taken up again goes on; time between does not count."""

from __future__ import annotations

import json

import pytest

from plaudit.train.clock import Clock
from plaudit.train.course import Course

COURSE = Course(20, 20, 10.0, frozenset({5, 10, 15, 20}))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    elapsed = [100.0]
    monkeypatch.setattr("plaudit.train.clock.time.perf_counter", lambda: elapsed[0])
    return elapsed


def stopped_at(step: int, now: list[float], budget_s: float | None) -> dict[str, object]:
    """Take steps of a second, validate for 50 at each mark; return the state as JSON has it."""
    clock = Clock(COURSE, budget_s)
    for n in range(1, step + 1):
        now[0] += 1.0
        clock.count(n, 10)
        if clock.is_due(n, last=False):
            clock.validating(lambda: now.__setitem__(0, now[0] + 50.0) or {})
    state: dict[str, object] = json.loads(json.dumps(clock.state_dict()))
    return state


def test_the_budget_goes_on(now: list[float]) -> None:
    state = stopped_at(6, now, 10.0)
    now[0] += 1e6
    clock = Clock(COURSE, 10.0)
    clock.load_state_dict(state)
    assert (clock.step, clock.tokens, clock.training_s()) == (6, 60, 6.0)
    assert not clock.is_last(6)
    now[0] += 4.0
    assert clock.is_last(10)


def test_marks_behind_are_not_met_again_and_those_ahead_are(now: list[float]) -> None:
    clock = Clock(COURSE, None)
    clock.load_state_dict(stopped_at(5, now, None))
    assert [n for n in range(6, 21) if clock.is_due(n, last=n == 20)] == [10, 15, 20]


def test_a_longer_course_has_its_own_marks(now: list[float]) -> None:
    clock = Clock(Course(40, 40, 10.0, frozenset({4, 8, 40})), None)
    clock.load_state_dict(stopped_at(5, now, None))
    assert [n for n in range(6, 41) if clock.is_due(n, last=n == 40)] == [8, 40]
