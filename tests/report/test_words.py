from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.report import words


@given(st.text())
def test_any_text_stays_one_quoted_line_of_toml(text):
    line = words.quoted(text)

    assert len(line.splitlines()) == 1
    assert tomllib.loads(f"a = {line}")["a"] == words.tidy(text)


@given(st.text(st.characters()))
def test_tidy_text_can_be_written(text):
    words.tidy({text: [text, {"a": (text,)}]})[words.tidy(text)][0].encode("utf-8")
    assert "\x00" not in words.tidy(text)


def test_tidy_leaves_numbers_and_line_feeds_alone():
    value = {"a": [1, 2.5, None, True], "b": "one\n\ttwo"}

    assert words.tidy(value) == value


@given(st.floats(1e-9, 1 - 1e-9))
def test_a_share_is_never_rounded_to_all_or_none(value):
    shown = words.percent(value)

    if 1e-8 < value < 1 - 1e-8:
        assert float(shown[:-1]) not in (0.0, 100.0)


def test_a_metric_is_never_rounded_up_to_perfection():
    assert words.measure("roc_auc", 0.99987) == "0.9999"
    assert words.measure("roc_auc", 1.0) == "1.000"
    assert words.epochs(1234) == "1,234 epochs"
    assert words.epochs(1.001) == "1 epoch"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0.00 s"), (59.97, "1 min"), (61, "1 min 1 s"), (3599.7, "1 h"), (None, "–")],
)
def test_durations_carry_over(seconds, shown):
    assert words.duration(seconds) == shown


def test_metrics_that_are_not_shares_are_not_shown_in_percent():
    assert words.measure("average_precision", 0.5) == "0.500"
    assert words.measure("weighted_precision", 0.5) == "50.0%"
    assert words.interval("log_loss", {"value": 0.3, "low": 0.25, "high": 0.35}) == "0.250 to 0.350"
    assert words.interval("log_loss", {"value": 0.3, "low": None, "high": None}) == ""


def test_a_time_that_is_not_iso_is_shown_as_it_is():
    assert words.moment("yesterday") == "yesterday"
    assert words.moment("2026-01-02T03:04:05") == "2026-01-02 03:04:05"
