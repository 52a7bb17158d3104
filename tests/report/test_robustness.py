"""What the section on robustness says, and that it says no more than was found."""

from __future__ import annotations

from typing import Any

import pytest

from plaudit.report.robustness import excerpts, lines, sentences, table, view


def estimate(value: float, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def check(name: str, failures: int, **other: Any) -> dict[str, Any]:
    example = {
        "before": "a fine film", "after": "a ifne film", "label_before": "positive",
        "probability_before": 0.9, "label_after": "negative", "probability_after": 0.6,
        "origin": "r.csv:2",
    }  # fmt: skip
    found = {
        "name": name, "kind": "INV", "change": "c", "expected": "the label stays", "cases": 50,
        "failures": failures, "failure_rate": estimate(failures / 50, 0.01, 0.2), "skipped": None,
        "examples": [example] if failures else [],
    }  # fmt: skip
    return found | other


def section(**other: Any) -> dict[str, Any]:
    pairs = {
        "asked": ["pairs.tsv"], "layout": "", "files": {}, "pairs": 488,
        "original": estimate(0.9, 0.87, 0.93), "edited": estimate(0.8, 0.76, 0.84),
        "consistent": estimate(0.75, 0.71, 0.79), "difference": estimate(-0.1, -0.14, -0.06),
        "seen_originals": 0, "seen_edited": 0, "unseen": None, "examples": [],
    }  # fmt: skip
    domain = {
        "data": "bundled:rotten_tomatoes", "note": "n", "rows": 500,
        "metrics": {"accuracy": estimate(0.74, 0.7, 0.78)}, "skipped": None,
    }  # fmt: skip
    whole = {
        "data": {"asked": "bundled", "note": "", "rows": 50}, "seed": 0, "confidence": 0.95,
        "pairs": pairs, "checks": [check("typos", 4), check("names", 0)],
        "second_domain": domain, "seconds": 1.0,
    }  # fmt: skip
    return whole | other


def test_no_difference_is_told_with_its_interval() -> None:
    pairs = section()["pairs"] | {"difference": estimate(0.0, -0.12, 0.12)}
    assert (
        "the same before and after the edits (interval of the change -12.0 to +12.0)."
        in (sentences(section(pairs=pairs))[0])
    )


def test_what_leaves_pairs_out_can_be_pasted_and_names_every_file() -> None:
    pairs = section()["pairs"] | {"seen_originals": 3}
    one = sentences(section(pairs=pairs | {"asked": ["my pairs.tsv"]}))[1]
    assert one.endswith("Train anew with data.exclude='my pairs.tsv' to leave them out.")
    two = sentences(section(pairs=pairs | {"asked": ["a.tsv", "b.tsv"]}))[1]
    assert "the rows of a.tsv and b.tsv into one table. Train anew with data.exclude=TABLE" in two


def test_pairs_come_first_with_what_the_edits_cost() -> None:
    said = sentences(section())
    assert said[0] == (
        "Of 488 pairs, the model labels 90.0% (95% interval 87.0 to 93.0) of the originals and "
        "80.0% (95% interval 76.0 to 84.0) of the edited texts correctly, and both texts of 75.0% "
        "(95% interval 71.0 to 79.0) of the pairs. The edits cost 10.0 points (interval of the "
        "change -14.0 to -6.0)."
    )
    assert said[1] == "Training and validation have seen none of these texts."


@pytest.mark.parametrize(("edited", "also"), [(0, ""), (7, " and 7 of the edited texts")])
def test_seen_originals_are_said_loudly_with_what_to_do(edited: int, also: str) -> None:
    given = section()
    given["pairs"] |= {"seen_originals": 480, "seen_edited": edited}
    said = sentences(given)
    assert said[1].startswith(
        f"ATTENTION: training or validation has seen 480 of the 488 originals{also}, so"
    )
    assert "data.exclude=pairs.tsv" in said[1]
    shown = view(given)
    assert shown is not None
    assert [each["warns"] for each in shown["sentences"]][:3] == [False, True, False]


def test_the_worst_checks_are_named_and_clean_ones_counted() -> None:
    assert sentences(section())[2] == (
        "1 of 2 generated checks passed on every case; most failures: typos 8.0%."
    )
    clean = section(checks=[check("typos", 0)])
    assert "All 1 generated checks passed" in sentences(clean)[2]
    none = section(checks=[check("praise", 0, skipped="why", failure_rate=None)])
    assert sentences(none)[2] == "No generated check could be run."


def test_a_second_domain_that_was_not_tried_says_why() -> None:
    assert "500 texts of another domain" in sentences(section())[-1]
    given = section()
    given["second_domain"] |= {"skipped": "the labels are 'a', 'b'.", "metrics": {}}
    assert sentences(given)[-1] == "A second domain was not tried: the labels are 'a', 'b'."


def test_a_terminal_gets_a_row_a_check_and_an_example_a_failure() -> None:
    given = section(
        checks=[check("typos", 4), check("praise", 0, skipped="why", failure_rate=None)]
    )
    names, rows = table(given)
    assert names[0] == "check"
    assert rows[0] == ["typos", "INV", "50", "8.0%", "1.0 to 20.0", "the label stays"]
    assert rows[1][2:5] == ["–", "skipped", "–"]
    assert lines(given) == [
        "typos: positive 90.0% → negative 60.0% (r.csv:2)",
        "  before: a fine film",
        "  after:  a ifne film",
        "skipped: praise (why)",
    ]


def test_an_excerpt_shows_where_the_texts_differ() -> None:
    before, after = excerpts("x" * 500 + "good" + "y" * 500, "x" * 500 + "bad" + "y" * 500)
    assert before.startswith("…x")
    assert "good" in before
    assert "bad" in after
    assert len(after) < 200
    assert excerpts("", "short") == ("", "short")


def test_a_report_without_the_section_shows_nothing() -> None:
    assert view(None) is None
