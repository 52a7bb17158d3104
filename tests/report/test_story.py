from __future__ import annotations

import pytest

from plaudit.report.reproduce import commands
from plaudit.report.story import cautions, story


def test_the_story_says_what_is_confused_most_and_how_often(document):
    document["test"]["confusion"] = [[1100, 90], [129, 1179]]
    answer = dict(story(document))["What it gets wrong"]

    assert answer.startswith("219 of 2,498 test texts; most often,")
    assert answer.index("positive") < answer.index("taken for") < answer.index("negative")
    assert "(129 times)" in answer


@pytest.mark.parametrize(
    ("ngrams", "told"),
    [
        (None, False),
        ({"features": 466228, "weight": 0.0}, False),
        ({"features": 466228, "weight": 0.5}, True),
    ],
)
def test_the_first_sentence_says_when_words_count_beside_the_encoder(document, ngrams, told):
    document["ngrams"] = ngrams
    answer = dict(story(document))["What it is"]

    assert ("466,228 words and pairs of words counts beside it" in answer) == told


@pytest.mark.parametrize(
    ("epochs", "told"),
    [(0.765, "on 76.5% of 8,000 labelled"), (1.0, "on 8,000"), (2.5, "on 8,000")],
)
def test_a_training_that_ended_early_is_not_said_to_have_seen_all_texts(document, epochs, told):
    document["training"]["epochs"] = epochs

    assert f"fine-tuned {told}" in dict(story(document))["What it is"]


@pytest.mark.parametrize(("low", "told"), [(0.80, True), (0.91, False)])
def test_a_lead_within_the_intervals_is_called_unsettled(document, low, told):
    document["test"]["metrics"]["accuracy"] = {"value": 0.92, "low": low, "high": 0.94}
    other = {"value": 0.88, "low": 0.86, "high": 0.90}
    document["baseline"]["scores"]["metrics"]["accuracy"] = other
    answer = dict(story(document))["Beside a simple model"]

    assert "88.0%, less often correctly" in answer
    assert ("may be chance" in answer) == told


def test_a_simple_model_that_does_no_worse_is_a_reason_for_care(document):
    assert not any("no worse" in caution for caution in cautions(document))
    document["baseline"]["scores"]["metrics"]["accuracy"]["value"] = 0.999

    assert any("no worse" in caution for caution in cautions(document))


def test_what_was_found_in_the_training_data_is_a_reason_for_care_but_notes_are_not(document):
    document["audit"] = {
        "findings": [
            {"severity": "error", "title": "texts with two labels: 4"},
            {"severity": "note", "title": "long texts: 9"},
        ]
    }
    told = cautions(document)

    assert "In the training data: texts with two labels: 4." in told
    assert not any("long texts" in caution for caution in told)


def test_the_commands_pin_what_was_installed(document):
    assert commands(document)["commands"] == [
        f"git checkout {document['commit']}",
        "pip install -e . torch==2.13.0 transformers==5.17.0",
        "plaudit train config.toml",
    ]


def test_no_version_or_commit_can_smuggle_a_command_into_a_shell(document):
    document["commit"] = "abc1234; rm -rf ~"
    document["machine"]["torch"] = "2.13.0 $(id)"

    assert commands(document)["commands"] == [
        "pip install plaudit==0.1.0 transformers==5.17.0",
        "plaudit train config.toml",
    ]
