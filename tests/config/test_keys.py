import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.config import Config, as_toml, describe
from plaudit.config.keys import by_key, in_words, nearest, nearest_key


def test_every_setting_of_the_schema_is_described_once_with_its_default_and_help():
    config = Config()
    keys = [setting.key for setting in describe()]
    assert len(keys) == len(set(keys))
    assert {"name", "optim.lr", "data.labels", "evaluate.confidence"} <= set(keys)
    for setting in describe():
        section, _, name = setting.key.rpartition(".")
        value = getattr(getattr(config, section) if section else config, name)
        assert setting.default == (list(value) if isinstance(value, tuple) else value)
        assert setting.help.endswith("."), setting.key
        assert setting.allowed


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 0}, "a whole number of at least 0"),
        (
            {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**32},
            "a whole number from 0 to below 4294967296",
        ),
        (
            {"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1.0},
            "a number above 0.5 and below 1",
        ),
        (
            {"type": "number", "exclusiveMinimum": 0.0, "maximum": 1.0},
            "a number above 0 and up to 1",
        ),
        ({"type": "number", "maximum": 3.0}, "a number of at most 3"),
        ({"enum": ["a", "b"], "type": "string"}, "one of 'a', 'b'"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or none"),
        ({"type": "boolean"}, "true or false"),
    ],
)
def test_a_schema_is_said_in_words(schema, words):
    assert in_words(schema) == words


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("optim.lrr", "optim.lr"),
        ("lr", "optim.lr"),
        ("train.lr", "optim.lr"),
        ("text.max_token", "text.max_tokens"),
        ("max_tokns", "text.max_tokens"),
        ("learning-rate", "optim.lr"),
        ("train.per_device_train_batch_size", "train.batch_examples"),
        ("Seed", "seed"),
        ("qqqqzzzz", None),
    ],
)
def test_the_nearest_setting_is_found(typed, meant):
    assert nearest_key(typed) == meant


def test_names_from_elsewhere_lead_to_settings_that_exist():
    from plaudit.config.keys import ELSEWHERE

    assert set(ELSEWHERE.values()) <= by_key().keys()


def test_nearest_ignores_case_and_gives_the_name_as_it_is():
    assert nearest("QUICKSTRT", ["Quickstart", "imdb"]) == "Quickstart"
    assert nearest("zzz", ["Quickstart", "imdb"]) is None


def test_max_steps_is_said_to_stand_in_place_of_epochs():
    assert by_key()["train.max_steps"].help == "Optimiser steps, instead of epochs."


@given(st.text())
def test_any_text_stays_on_one_line_of_toml(text):
    assert len(as_toml(text).splitlines()) == 1


values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values)
def test_what_is_written_as_toml_is_read_back(value):
    assert tomllib.loads(f"value = {as_toml(value)}")["value"] == value
