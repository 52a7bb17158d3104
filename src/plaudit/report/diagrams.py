"""Diagrams of a test's results: ROC, precision-recall, and accuracy by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plaudit.report.svg import FIRST, GRID, INK, SECOND, axes_of, svg

Section = Mapping[str, Any]

MOST_CURVES = 6
"""Curves that can be told apart in one figure."""
PENS = (
    (FIRST, "-"), (SECOND, "--"), (INK, ":"), (FIRST, "-."), (SECOND, ":"), (INK, "--"),
)  # fmt: skip
KEYS = (
    ("first", "none"), ("second", "6 3"), ("ink", "1.5 2.5"),
    ("first", "8 3 2 3"), ("second", "1.5 2.5"), ("ink", "6 3"),
)  # fmt: skip
"""Class of the colour and dashes of each pen, for the key in the page."""


def roc(curves: Sequence[Section]) -> str | None:
    """Draw true against false positives of the first labels.

    Parameters
    ----------
    curves : sequence of mapping

    Returns
    -------
    str or None
        An ``<svg>`` element; None without curves.
    """
    if not curves:
        return None
    figure, axes = axes_of("of the other texts, taken for the label", "of its texts, found")
    axes.plot([0, 1], [0, 1], "--", color=GRID, lw=1.2)
    _draw(axes, [curve["roc"] for curve in curves], "false_positive_rate", "true_positive_rate")
    found = _at(curves[0]["roc"], "false_positive_rate", "true_positive_rate", 0.1)
    said = f"With 10% of the other texts taken for the first label shown, {found:.0%} are found."
    return svg(figure, "roc", "ROC curve", said)


def precision_recall(curves: Sequence[Section]) -> str | None:
    """Draw precision against recall of the first labels.

    Parameters
    ----------
    curves : sequence of mapping

    Returns
    -------
    str or None
        An ``<svg>`` element; None without curves.
    """
    if not curves:
        return None
    figure, axes = axes_of("recall: of the label's texts, found", "precision: rightly so")
    _draw(axes, [curve["precision_recall"] for curve in curves], "recall", "precision")
    share = _at(curves[0]["precision_recall"], "recall", "precision", 0.9)
    said = f"Where 90% of the first label shown are found, {share:.0%} of those given it have it."
    return svg(figure, "precision-recall", "Precision and recall", said)


def _draw(axes: Any, curves: Sequence[Section], x: str, y: str) -> None:
    for points, (ink, dashes) in zip(curves, PENS, strict=False):
        # On the frame a line would be cut to half its width.
        axes.plot(points[x], points[y], dashes, color=ink, lw=1.6, clip_on=False)
    _unit(axes)


def accuracy_by_length(groups: Sequence[Section]) -> str | None:
    """Draw the accuracy on short and on long texts, with intervals.

    Parameters
    ----------
    groups : sequence of mapping
        With value, rows and accuracy, the shortest first.

    Returns
    -------
    str or None
        An ``<svg>`` element; None with fewer than two groups.
    """
    if len(groups) < 2:
        return None
    figure, axes = axes_of("words in the text", "accuracy")
    values = [group["accuracy"]["value"] for group in groups]
    lows = [_end(group["accuracy"], "low") for group in groups]
    highs = [_end(group["accuracy"], "high") for group in groups]
    places = range(len(groups))
    ends = [
        [value - low for value, low in zip(values, lows, strict=True)],
        [high - value for value, high in zip(values, highs, strict=True)],
    ]
    axes.errorbar(places, values, yerr=ends, fmt="o-", color=FIRST, ms=6, lw=1.2, elinewidth=1.4)
    axes.set_xticks(list(places), [str(group["value"]) for group in groups])
    axes.set_xlim(-0.5, len(groups) - 0.5)
    _shares(axes)
    said = "; ".join(
        f"{group['value']} words: {value:.1%} of {group['rows']:,}"
        for group, value in zip(groups, values, strict=True)
    )
    return svg(figure, "length", "Accuracy by length", f"{said}.")


def _end(estimate: Section, name: str) -> float:
    end = estimate[name]
    return float(estimate["value"] if end is None else end)


def _shares(axes: Any, *, x: bool = False) -> None:
    from matplotlib.ticker import PercentFormatter

    for axis in (axes.xaxis, axes.yaxis) if x else (axes.yaxis,):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _unit(axes: Any) -> None:
    _shares(axes, x=True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)


def _at(points: Section, x: str, y: str, wanted: float) -> float:
    """Return the last value before ``x`` goes beyond what is wanted."""
    within = [value for place, value in zip(points[x], points[y], strict=True) if place <= wanted]
    return float(within[-1] if within else points[y][0])
