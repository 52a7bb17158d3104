"""Explanations on the page: marked by colour and sign, worded no more strongly than measured."""

from __future__ import annotations

import re

import pytest

from plaudit.report import explained
from plaudit.report.highlight import LEVELS, runs
from plaudit.report.html import render
from tests.report.test_html import HOSTILE, Page


def words(text, *scores):
    found, at = [], 0
    for word, score in zip(text.split(" "), scores, strict=True):
        found.append({"start": at, "end": at + len(word), "score": score})
        at += len(word) + 1
    return found


def estimate(value, low, high):
    return {"value": value, "low": low, "high": high}


@pytest.fixture
def document(document):
    document["training"]["history"] = []
    document["mistakes"] = [
        {**document["mistakes"][0], "text": "Not bad at all folks"},
        {**document["mistakes"][0], "text": "dull"},
    ]
    driver = {"text": "superb", "count": 9, "texts": 7, "push": estimate(0.4, 0.3, 0.5)}
    unsure = {"text": "perhaps", "count": 3, "texts": 3, "push": estimate(0.4, -0.1, 0.9)}
    document["explanation"] = {
        "failed": None,
        "method": "gradient",
        "mistakes": [words("Not bad at all folks", 0.2, -2.0, 0.01, 1.0, None), []],
        "faithfulness": {
            "texts": 20,
            "hidden": [0.0, 0.1, 0.3, 1.0],
            "supportive": [0.9, 0.6, 0.4, 0.5],
            "random": [0.9, 0.8, 0.7, 0.5],
            "reverse": [0.9, 0.95, 0.97, 0.5],
            "below_random": estimate(0.234, 0.11, 0.345),
            "below_reverse": estimate(0.4, 0.3, 0.5),
            "confidence": 0.95,
        },
        "global": {
            "texts": 36,
            "min_texts": 3,
            "confidence": 0.95,
            "words": {"negative": [], "positive": [driver, unsure]},
            "phrases": {"negative": [], "positive": []},
        },
    }
    return document


def test_runs_together_are_the_text():
    text = "so  very GOOD , it is; cut off here"
    given = [
        {"start": m.start(), "end": m.end(), "score": score}
        for m, score in zip(
            re.finditer(r"\S+", text), (0.0, 0.5, -1.0, 0, 0.2, 0, None, None, None), strict=True
        )
    ]
    found = runs(text, given)
    assert "".join(run.text for run in found) == text
    assert [run.text for run in found if not run.read] == ["cut off here"]
    assert [(run.text, run.sign, run.level) for run in found if run.push] == [
        ("very", "+", 2), ("GOOD", "−", LEVELS), ("it", "+", 1),
    ]  # fmt: skip
    assert "".join(run.text for run in runs(text, given, end=10)) == text[:10]


def test_mistakes_have_their_words_marked_by_colour_and_sign(document):
    page = render(document)
    quotes = re.findall(r"<blockquote.*?</blockquote>", page, re.DOTALL)
    assert quotes == [
        '<blockquote dir="auto">Not <span class="against-4">bad<sup>−</sup></span> at '
        '<span class="for-2">all<sup>+</sup></span> <span class="unread">⟨not read: folks⟩</span>'
        "</blockquote>",
        '<blockquote dir="auto">dull</blockquote>',
    ]
    assert "unmarked words hardly mattered" in Page(page).text


def test_every_marked_word_has_a_rule_in_the_style_sheet(document):
    page = render(document)
    for push in ("for", "against"):
        for level in range(1, LEVELS + 1):
            assert f".{push}-{level} {{" in page


def test_the_verdict_says_no_more_than_its_interval(document):
    def said(low, high):
        document["explanation"]["faithfulness"]["below_random"] |= {"low": low, "high": high}
        return explained.section(document)["verdict"]

    assert said(0.11, 0.345).startswith("The words named are those that the answers depend on:")
    assert "23.4 points (95% interval 11.0 to 34.5)" in said(0.11, 0.345)
    assert said(-0.1, 0.3).startswith("These texts do not show")
    assert said(-0.3, -0.1).startswith("Attention: the words named matter less")
    assert said(None, None).startswith("These texts do not show")
    document["explanation"]["faithfulness"]["below_random"]["value"] = -0.2
    assert "lowers the label's probability by 20.0 points (95% interval 10.0 to 30.0) less" in (
        said(-0.3, -0.1)
    )


def test_only_words_that_push_surely_are_listed_and_the_curve_is_told_in_words(document):
    page = Page(render(document))
    assert "superb" in page.text
    assert "perhaps" not in page.text
    assert "No word or phrase pushes towards negative surely enough" in page.text
    assert "30% hidden: 40% by the explanation, 70% at random, 97% in reverse" in page.text


@pytest.mark.parametrize("explanation", [None, "absent", {"failed": "it is <b>broken</b>"}])
def test_without_explanations_the_page_is_whole(document, explanation):
    if explanation == "absent":
        del document["explanation"]
    else:
        document["explanation"] = explanation
    page = Page(render(document))
    assert ("could not be explained: it is <b>broken</b>" in page.text) == (
        isinstance(explanation, dict)
    )
    assert "Not bad at all folks" in page.text
    assert not [e for e in page.elements if (e[1].get("class") or "").startswith("for-")]


def test_hostile_words_and_labels_stay_text(document):
    over = document["explanation"]["global"]
    drivers = [{**over["words"]["positive"][0], "text": HOSTILE}]
    over["words"] = {HOSTILE: drivers}
    over["phrases"] = {HOSTILE: drivers}
    document["mistakes"][0]["text"] = HOSTILE
    document["explanation"]["mistakes"][0] = [{"start": 0, "end": len(HOSTILE), "score": 1.0}]
    text = render(document)
    assert "<script" not in text
    assert Page(text).text.count("<script>alert(1)</script>") >= 3


def test_the_block_is_accessible_in_structure(document):
    page = Page(render(document))
    assert len(page.all("caption")) == len(page.all("table"))
    assert {"href": "#explanation"} in page.all("a")
    assert {"aria-labelledby": "explanation"} in page.all("section")
    assert [svg["aria-labelledby"] for svg in page.all("svg")] == ["deletion-title deletion-desc"]
