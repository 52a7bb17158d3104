from __future__ import annotations

from collections.abc import Sequence

import pytest

from plaudit.bench.measure import Spread, Task, percentile, race


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([5.0], 50, 5.0),
        ([5.0], 99, 5.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([4.0, 3.0, 2.0, 1.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 101)], 100, 100.0),
        ([float(n) for n in range(1, 201)], 99, 198.0),
        ([float(n) for n in range(1, 21)], 99, 20.0),
    ],
)
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[float], percent: float, expected: float
) -> None:
    assert percentile(values, percent) == expected


def test_a_spread_is_the_middle_and_the_ends() -> None:
    assert Spread.of([9.0, 1.0, 5.0]) == Spread(5.0, 1.0, 9.0)
    assert Spread.of(iter([4.0, 1.0, 2.0, 10.0])) == Spread(3.0, 1.0, 10.0)


def test_runners_take_turns_within_each_round() -> None:
    """One after the other would let a disturbance hit one of them alone."""
    log: list[str] = []

    def runner(name: str):  # type: ignore[no-untyped-def]
        return lambda texts: log.append(f"{name}{texts[0]}")

    said: list[str] = []
    tasks = [Task("x", ["1"]), Task("y", ["2"], calls=2)]
    seconds = race([runner("a"), runner("b")], tasks, 2, said.append)
    warm_up, first, second = log[:4], log[4:10], log[10:]
    assert warm_up == ["a1", "b1", "a2", "b2"]
    assert first == ["a1", "b1", "a2", "a2", "b2", "b2"]
    assert second == ["b1", "a1", "b2", "b2", "a2", "a2"]
    assert [{name: len(all_) for name, all_ in one.items()} for one in seconds] == [
        {"x": 2, "y": 4}
    ] * 2
    assert said == ["round 1 of 2", "round 2 of 2"]


def test_the_times_are_those_of_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("plaudit.bench.measure.time.perf_counter", lambda: clock[0])

    def takes(seconds: float):  # type: ignore[no-untyped-def]
        def run(texts: Sequence[str]) -> None:
            clock[0] += seconds * len(texts)

        return run

    slow, fast = race([takes(3.0), takes(1.0)], [Task("t", ["a", "b"])], 3, lambda line: None)
    assert slow == {"t": [6.0] * 3}
    assert fast == {"t": [2.0] * 3}
