"""What the page and the card say of calibration and decisions."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from plaudit.evaluate import calibrate
from plaudit.evaluate.decide import Decision, answer, measure
from plaudit.report import card, html, reliability
from tests.evaluate.test_reliability import honest


@pytest.fixture
def calibrated(document: dict[str, Any]) -> dict[str, Any]:
    """A report of a model that was too sure by a factor of 3 and abstains."""
    logits_NC, probabilities_NC, targets_N = honest(600)
    decision = Decision(temperature=3.0, abstain="conformal", least=0.2, rows=500)
    document["training"]["history"] = []
    document["calibration"] = {
        "temperature": 3.0,
        "rows": 500,
        "note": "Fitted on 500 validation texts.",
        "validation": None,
        "test": {
            "before": calibrate.quality(calibrate.softmax(3 * logits_NC), targets_N, diagram=True),
            "after": calibrate.quality(probabilities_NC, targets_N, diagram=True),
        },
    }
    document["decision"] = {
        "threshold": None,
        "abstain": {
            "by": "conformal", "wanted": 0.9, "promised": 0.902, "reached": True, "least": 0.2,
        },
        "test": measure(answer(probabilities_NC, decision), targets_N, decision, 0.95),
    }  # fmt: skip
    return document


def test_the_page_shows_both_sides_of_the_temperature_and_what_was_answered(calibrated):
    page = html.render(calibrated)
    test = calibrated["calibration"]["test"]
    for side in ("before", "after"):
        assert f"<td>{test[side]['ece']:.3f}</td>" in page
    assert "a temperature of 3.00, fitted on 500 validation texts" in page
    sure = calibrated["decision"]["test"]["coverage"]["value"]
    assert f"On test {100 * sure:.1f}% were answered for sure" in page
    assert '<a href="#calibration">' in page
    assert page.count('id="reliability-') >= 2


def test_the_diagram_draws_the_bins_after_and_before_unless_they_are_equal(calibrated):
    svg = reliability.diagram(calibrated)
    ElementTree.fromstring(svg)
    bins = calibrated["calibration"]["test"]["after"]["bins"]
    assert f"{bins[0]['accuracy']:.1%} right at {bins[0]['confidence']:.1%}" in svg
    assert "first" in svg
    calibrated["calibration"]["test"]["before"] = calibrated["calibration"]["test"]["after"]
    assert "first" not in reliability.diagram(calibrated)


@pytest.mark.parametrize("without", [{"calibration": None, "decision": None}, {}])
def test_a_report_without_calibration_is_still_a_page_and_a_card(document, without):
    document["training"]["history"] = []
    page = html.render(document | without)
    assert 'id="calibration"' not in page
    assert "Fitted on validation" not in card.render(document | without)


def test_without_a_test_set_there_is_no_diagram(calibrated):
    calibrated["test"] = calibrated["calibration"]["test"] = None
    calibrated["decision"]["test"] = None
    calibrated["baseline"] = None
    assert reliability.diagram(calibrated) is None
    assert reliability.rows(calibrated) == []
    assert "Temperature 3.00." in card.render(calibrated).replace("\\", "")


def test_the_card_says_in_one_line_what_was_fitted(calibrated):
    lines = [line for line in card.render(calibrated).splitlines() if "Fitted on" in line]
    assert len(lines) == 1
    assert "Temperature 3.00" in lines[0]
    assert "90.0% of texts" in lines[0].replace("\\", "")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"by": "f1", "label": None, "target": None, "probability": 0.4}, "the best F1"),
        ({"by": "cost", "label": None, "target": None, "probability": 0.2}, "0.200 on"),
        ({"by": "recall", "label": "negative", "target": 0.9, "probability": 0.7}, "of the label"),
    ],
)
def test_a_threshold_is_said_in_words(calibrated, rule, said):
    calibrated["decision"] |= {"threshold": rule | {"reached": False}, "abstain": None}
    (found,) = reliability.decided(calibrated)
    assert said in found
    assert "nearest was taken" in found


def test_an_error_rule_names_its_bound_and_the_share_that_was_right(calibrated):
    rule = {"by": "error", "wanted": 0.05, "promised": 0.048, "reached": True, "least": 0.7}
    calibrated["decision"]["abstain"] = rule
    del calibrated["decision"]["test"]["sets"]
    (found,) = reliability.decided(calibrated)
    assert "at most 5.0%" in found
    assert "4.8%" in found
    right = calibrated["decision"]["test"]["accuracy_answered"]["value"]
    assert f"{100 * right:.1f}% of them correctly" in found
