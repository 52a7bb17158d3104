from __future__ import annotations

import pytest

from plaudit.compare.verdict import Outcome, p_value, verdict
from plaudit.evaluate.scores import Estimate


def outcome(difference, p, *, adjusted=False):
    value = difference[0]
    return Outcome(("A", "B"), (0.9 + value, 0.9), Estimate(*difference), p, adjusted, 0.95, 2500)


def test_the_better_one_is_named_first():
    told = verdict(outcome((0.006, 0.002, 0.010), 0.003))

    assert told.better == "A"
    assert told.words == (
        "A is better than B by 0.6 points, 95% interval 0.2 to 1.0, p = 0.003 (n = 2,500)"
    )


def test_a_better_second_turns_the_sentence_and_its_interval():
    told = verdict(outcome((-0.006, -0.010, -0.002), 0.003))

    assert told.better == "B"
    assert told.words == (
        "B is better than A by 0.6 points, 95% interval 0.2 to 1.0, p = 0.003 (n = 2,500)"
    )


def test_what_chance_explains_is_no_difference():
    told = verdict(outcome((-0.002, -0.006, 0.003), 0.41))

    assert told.better is None
    assert told.words == (
        "no difference that could be told from chance: A 89.8%, B 90.0% correct; A minus B is "
        "-0.2 points, 95% interval -0.6 to 0.3, p = 0.41 (n = 2,500)"
    )


def test_several_comparisons_say_that_p_was_corrected():
    assert "p = 0.003 after Holm's correction" in verdict(outcome((0.006, 0.002, 0.01), 0.003,
                                                          adjusted=True)).words  # fmt: skip


def test_small_differences_keep_a_digit_that_counts():
    words = verdict(outcome((0.0004, 0.0002, 0.0007), 0.001)).words

    assert "by 0.04 points, 95% interval 0.02 to 0.07" in words


def test_equal_answers_have_no_interval():
    words = verdict(outcome((0.0, None, None), 1.0)).words

    assert words.endswith("A minus B is 0.0 points, too alike for an interval, p = 1 (n = 2,500)")


@pytest.mark.parametrize(
    ("p", "shown"), [(0.0004, "p < 0.001"), (0.05, "p = 0.05"), (0.123, "p = 0.12"), (1, "p = 1")]
)
def test_p_has_two_digits(p, shown):
    assert p_value(p) == shown
