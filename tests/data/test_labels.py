from __future__ import annotations

import math

import pytest

from plaudit.data.labels import in_order, label_rule, spell
from plaudit.data.problems import Flaw, did_you_mean
from plaudit.errors import ConfigError


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("positive", "positive"),
        (" positive\t", "positive"),
        (3, "3"),
        (3.0, "3"),
        ("3.00", "3"),
        ("-1.0", "-1"),
        (3.5, "3.5"),
        (True, "true"),
        ("False", "false"),
        ("10", "10"),
    ],
)
def test_equal_labels_of_different_types_are_spelled_alike(value: object, word: str) -> None:
    assert spell(value) == word


@pytest.mark.parametrize("value", [None, "", "  ", math.nan])
def test_a_missing_label_is_a_flaw(value: object) -> None:
    flaw = spell(value)
    assert isinstance(flaw, Flaw)
    assert "no label" in flaw.found


@pytest.mark.parametrize("value", [[1], {"a": 1}, "a\0b", "two\nlines"])
def test_what_cannot_be_a_label_is_a_flaw(value: object) -> None:
    assert isinstance(spell(value), Flaw)


def test_numbers_sort_by_value_and_mixed_names_by_name() -> None:
    assert in_order(["10", "2", "-1"]) == ("-1", "2", "10")
    assert in_order(["10", "2", "x"]) == ("10", "2", "x")


def test_both_ends_of_a_range_belong_to_it() -> None:
    rule = label_rule({"1-4": "negative", "7-10": "positive"})
    assert [rule.name(n) for n in (1, 4, "7.0", 10)] == [
        "negative",
        "negative",
        "positive",
        "positive",
    ]


def test_ranges_may_be_negative_and_fractional() -> None:
    rule = label_rule({"-2--0.5": "low", "0.5 - 2": "high"})
    assert rule.name(-2) == "low"
    assert rule.name("1.25") == "high"


def test_an_exact_key_wins_over_a_range() -> None:
    rule = label_rule({"1-10": "some", "5": "middle"})
    assert rule.name(5.0) == "middle"
    assert rule.name(6) == "some"


def test_a_key_that_looks_like_a_range_matches_itself_too() -> None:
    assert label_rule({"1-4": "young", "5-9": "old"}).name("1-4") == "young"


def test_an_uncovered_value_is_a_flaw_that_names_the_keys() -> None:
    flaw = label_rule({"1-4": "negative", "7-10": "positive"}).name(5)
    assert isinstance(flaw, Flaw)
    assert "'5'" in flaw.found
    assert "'1-4', '7-10'" in flaw.found


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"1-4": "a", "4-9": "b"}, "overlap"),
        ({"1-9": "a", "2-3": "b"}, "overlap"),
        ({"4-1": "a"}, "high to low"),
        ({"1": " "}, "empty name"),
        ({"": "a"}, "empty key"),
        ({"1": "a", "1.0": "b"}, "two keys"),
        ({}, "empty"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(mapping: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        label_rule(mapping)


def test_all_problems_of_a_mapping_are_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        label_rule({"4-1": "a", "5-8": "b", "7-9": ""})
    assert len(caught.value.problems) == 3


def test_a_label_outside_the_fixed_set_gets_the_nearest_one() -> None:
    flaw = label_rule(None, allowed=("negative", "positive")).name("postive")
    assert isinstance(flaw, Flaw)
    assert flaw.found == (
        "label 'postive' is not one of 'negative', 'positive' (did you mean 'positive'?)"
    )


def test_an_abbreviation_is_kept_where_the_model_was_trained_on_it() -> None:
    renames = {"neg": "negative"}
    assert label_rule(None, renames).name("neg") == "negative"
    assert label_rule(None, renames, ("neg", "pos")).name("neg") == "neg"


def test_a_mapping_replaces_the_renames_of_the_source() -> None:
    assert label_rule({"neg": "bad", "pos": "good"}, {"neg": "negative"}).name("neg") == "bad"


def test_a_mapping_of_full_names_serves_a_source_that_abbreviates() -> None:
    renames = {"neg": "negative", "pos": "positive"}
    rule = label_rule({"negative": "bad", "pos": "good"}, renames)
    assert (rule.name("neg"), rule.name("negative"), rule.name("pos")) == ("bad", "bad", "good")
    flaw = label_rule({"positive": "good"}, renames).name("neg")
    assert isinstance(flaw, Flaw)
    assert "label 'neg' is covered by no key" in flaw.found


@pytest.mark.parametrize(
    "value", ["tr\u00e8s\u00a0bon", "tr\u00e8s\u2009 bon", "\u3000tr\u00e8s bon\u00a0"]
)
def test_white_space_of_any_kind_is_one_space(value: str) -> None:
    assert spell(value) == "tr\u00e8s bon"
    rule = label_rule({value: value})
    assert rule.name("tr\u00e8s bon") == "tr\u00e8s bon"


@pytest.mark.parametrize("sign", ["\x1b", "\u200b", "\ud800", "\ue000", "\uffff"])
def test_invisible_characters_make_no_label(sign: str) -> None:
    flaw = spell(f"go{sign}od")
    assert isinstance(flaw, Flaw)
    assert "control characters" in flaw.found


def test_advice_names_the_options_of_evaluate_too() -> None:
    advice = {
        flaw.advice
        for flaw in (
            label_rule({"1": "a"}).name("2"),
            label_rule(None, allowed=("a", "b")).name("c"),
            spell("two\nlines"),
            spell([1]),
        )
        if isinstance(flaw, Flaw)
    }
    assert len(advice) == 4
    assert all("--label" in each and "plaudit evaluate" in each for each in advice)
    with pytest.raises(ConfigError, match=r"data\.labels \(--labels\): ranges"):
        label_rule({"1-4": "a", "4-9": "b"})


def test_no_suggestion_where_nothing_is_near() -> None:
    assert did_you_mean("zebra", ["negative", "positive"]) == ""
    assert "'Label'" in did_you_mean("label", ["Label", "text"])


def test_two_ways_to_write_an_accent_are_one_label() -> None:
    assert spell("cafe\u0301") == spell("caf\u00e9") == "caf\u00e9"
