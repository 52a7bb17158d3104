from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import pytest

from plaudit.report import diagrams, plots


def records(steps: int, every: int = 10) -> list[dict]:
    return [
        {
            "step": step,
            "loss": 1.0 / step,
            "validation": {"accuracy": 0.5 + step / (3 * steps), "log_loss": 0.5}
            if step % every == 0
            else None,
        }
        for step in range(1, steps + 1)
    ]


@pytest.mark.parametrize("draw", [plots.loss_curve, plots.accuracy_curve])
def test_a_curve_takes_everything_from_the_page(draw):
    svg = draw(records(60), 60)
    root = ElementTree.fromstring(svg)

    assert root.get("role") == "img"
    named = {element.get("id"): element for element in root.iter() if element.get("id")}
    title, description = (named[name] for name in root.get("aria-labelledby").split())
    assert title.text
    assert description.text
    assert "style" not in svg
    assert "#0" not in svg.replace('"#', "")
    assert not re.search(r'(fill|stroke)="#', svg)
    assert not re.search(r"(href|src)=\"(?!#)", svg)
    assert "second" in svg


def test_curves_are_the_same_bytes_each_time_and_share_no_ids():
    first = plots.loss_curve(records(60), 60)
    other = plots.accuracy_curve(records(60), 60)

    assert first == plots.loss_curve(records(60), 60)
    assert not set(re.findall(r' id="([^"]+)"', first)) & set(re.findall(r' id="([^"]+)"', other))


def test_a_curve_of_accuracy_is_one_of_accuracy():
    description = plots.accuracy_curve(records(60), 60)

    assert "83.3% at step 60" in description
    assert "55.6% at step 10" in description


@pytest.mark.parametrize(
    ("draw", "section", "x", "y", "said"),
    [
        (diagrams.roc, "roc", "false_positive_rate", "true_positive_rate", "70% are found"),
        (diagrams.precision_recall, "precision_recall", "recall", "precision", "75% of those"),
    ],
)
def test_a_curve_goes_through_its_points(monkeypatch, draw, section, x, y, said):
    drawn = {}
    monkeypatch.setattr(diagrams, "svg", lambda figure, *words: drawn.update(f=figure, w=words))
    points = {
        "roc": {x: [0.0, 0.1, 0.4, 1.0], y: [0.0, 0.7, 0.9, 1.0]},
        "precision_recall": {x: [0.2, 0.5, 0.9, 1.0], y: [1.0, 0.95, 0.75, 0.5]},
    }[section]
    draw([{"label": "good", section: points}])
    line = drawn["f"].axes[0].lines[-1]
    assert (list(line.get_xdata()), list(line.get_ydata())) == (points[x], points[y])
    assert said in drawn["w"][-1]


def test_the_kept_state_is_ringed():
    without, ringed = (plots.accuracy_curve(records(60), step) for step in (None, 30))

    assert 'fill-opacity="0"' in ringed
    assert 'fill-opacity="0"' not in without


def test_long_training_is_thinned_to_a_bounded_size():
    assert len(plots.loss_curve(records(20_000, every=1000), None)) < 20_000


def test_values_that_are_not_numbers_are_left_out():
    broken = records(30)
    broken[3]["loss"] = float("nan")
    broken[4]["loss"] = None

    assert "nan" not in plots.loss_curve(broken, None).lower()


def test_nothing_is_drawn_from_too_little():
    assert plots.loss_curve([], None) is None
    assert plots.loss_curve(records(1), None) is None
    assert plots.accuracy_curve(records(15), None) is None


def test_drawing_keeps_clear_of_pyplot(monkeypatch):
    # Something else in this process may have imported it.
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    plots.loss_curve(records(20), None)

    assert "matplotlib.pyplot" not in sys.modules
