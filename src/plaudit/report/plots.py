"""Training curves as inline SVG that takes its colours and type from the page.

matplotlib draws with stand-in colours; afterwards each becomes a class that the style sheet
colours for light and dark. Style attributes become plain ones, since the page's content security
policy allows no inline styles.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

# Stand-in colour → class; the values only have to be unlike each other.
_INKS = {"#010101": "ink", "#020202": "grid", "#030303": "first", "#040404": "second"}
_INK, _GRID, _FIRST, _SECOND = _INKS
_MAX_POINTS = 120  # more cannot be told apart at this width, and each costs bytes
_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"


def loss_curve(history: Sequence[Mapping[str, Any]], best_step: int | None) -> str | None:
    """Draw the loss on training and on validation data over the steps.

    Parameters
    ----------
    history : sequence of mapping
        Records with step, loss and validation.
    best_step : int or None
        The step whose state was kept.

    Returns
    -------
    str or None
        An ``<svg>`` element; None when fewer than two points are known.
    """
    training = _thinned(_points((record["step"], record["loss"]) for record in history))
    validation = _validation(history, "log_loss")
    if len(training) < 2:
        return None
    figure, axes = _figure("Loss")
    axes.plot(*zip(*training, strict=True), color=_FIRST, lw=1.6)
    _marked(axes, validation, best_step)
    return svg(
        figure,
        "loss",
        "Loss over training steps",
        f"Training loss went from {training[0][1]:.3f} to {training[-1][1]:.3f}."
        + (f" Validation loss ended at {validation[-1][1]:.3f}." if validation else ""),
    )


def accuracy_curve(history: Sequence[Mapping[str, Any]], best_step: int | None) -> str | None:
    """Draw accuracy on validation data over the steps.

    Parameters
    ----------
    history : sequence of mapping
        Records with step and validation.
    best_step : int or None
        The step whose state was kept.

    Returns
    -------
    str or None
        An ``<svg>`` element; None when fewer than two evaluations are known.
    """
    from matplotlib.ticker import FuncFormatter

    validation = _validation(history, "accuracy")
    if len(validation) < 2:
        return None
    figure, axes = _figure("Accuracy")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:g}%"))
    _marked(axes, validation, best_step)
    values = ", ".join(f"{value:.1%} at step {step:,}" for step, value in validation[-12:])
    return svg(figure, "accuracy", "Accuracy on validation data", f"{values}.")


def deletion_curve(faithfulness: Mapping[str, Any]) -> str:
    """Draw the probability of the label while words are hidden in three orders.

    Parameters
    ----------
    faithfulness : mapping
        With hidden, supportive, random and reverse.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    from matplotlib.ticker import PercentFormatter

    figure, axes = _figure("Probability of the label")
    axes.set_xlabel("words hidden", color=_INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_locator(_every(0.2))
    # Dashes tell the lines apart where colours do not.
    lines = (("supportive", _FIRST, "-"), ("random", _INK, "--"), ("reverse", _SECOND, ":"))
    for name, ink, dashes in lines:
        axes.plot(faithfulness["hidden"], faithfulness[name], dashes, color=ink, lw=1.6)
    values = "; ".join(
        f"{share:.0%} hidden: {one:.0%} by the explanation, {other:.0%} at random, {last:.0%} in "
        "reverse"
        for share, one, other, last in zip(
            *(faithfulness[name] for name in ("hidden", "supportive", "random", "reverse")),
            strict=True,
        )
    )
    return svg(figure, "deletion", "Probability of the label while words are hidden", f"{values}.")


def _every(step: float) -> Any:
    from matplotlib.ticker import MultipleLocator

    return MultipleLocator(step)


def _points(pairs: Any) -> list[tuple[int, float]]:
    return [(step, value) for step, value in pairs if value is not None and math.isfinite(value)]


def _validation(history: Sequence[Mapping[str, Any]], name: str) -> list[tuple[int, float]]:
    return _points(
        (record["step"], record["validation"].get(name))
        for record in history
        if record["validation"] is not None
    )


def _thinned(points: list[tuple[int, float]]) -> list[tuple[float, float]]:
    """Average neighbours, which also smooths the noise of single batches."""
    width = max(1, math.ceil(len(points) / _MAX_POINTS))
    groups = (points[start : start + width] for start in range(0, len(points), width))
    return [
        (sum(step for step, _ in group) / len(group), sum(v for _, v in group) / len(group))
        for group in groups
    ]


def _figure(quantity: str) -> tuple[Any, Any]:
    # The object interface: pyplot would keep global state and may look for a display.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel("step", color=_INK)
    axes.set_ylabel(quantity.lower(), color=_INK)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(colors=_INK, length=0)
    axes.grid(visible=True, axis="y", color=_GRID, lw=0.8)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(_GRID)
    return figure, axes


def _marked(axes: Any, points: list[tuple[int, float]], best_step: int | None) -> None:
    """Draw evaluations as a line with dots, the kept one ringed."""
    if not points:
        return
    axes.plot(*zip(*points, strict=True), "o-", color=_SECOND, lw=1.6, ms=4.5, clip_on=False)
    for step, value in points:
        if step == best_step:
            axes.plot([step], [value], "o", ms=11, mfc="none", mec=_SECOND, mew=1.6, clip_on=False)


def square(across: str, up: str) -> tuple[Any, Any]:
    """Return a figure whose axes both hold shares."""
    from matplotlib.ticker import PercentFormatter

    figure, axes = _figure(up)
    axes.set_xlabel(across, color=_INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure, axes


def diagonal(axes: Any) -> None:
    """Draw where both shares are equal."""
    axes.axline((0.0, 0.0), slope=1.0, color=_GRID, lw=1.2)


def dots(axes: Any, points: Sequence[tuple[float, float]], *, first: bool) -> None:
    """Draw points with a line through them."""
    color = _FIRST if first else _SECOND
    axes.plot(*zip(*points, strict=True), "o-", color=color, lw=1.2, ms=4, clip_on=False)


def whiskers(axes: Any, spans: Sequence[tuple[float, float, float]]) -> None:
    """Draw an interval above and below each point: place, low, high."""
    for place, low, high in spans:
        axes.plot([place, place], [low, high], color=_SECOND, lw=0.8)


def svg(figure: Any, name: str, title: str, description: str) -> str:
    """Turn a figure into an ``<svg>`` element that the page colours."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    # Text stays text; the salt and the missing date make equal runs give equal bytes.
    with rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": f"plaudit {name}", "text.usetex": False}
    ):
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    ElementTree.register_namespace("", _SVG)
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib wrote it just now
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("metadata", "style")):
                parent.remove(child)
    for element in root.iter():
        _plain(element)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    for tag, text in (("desc", description), ("title", title)):
        element = ElementTree.Element(f"{{{_SVG}}}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(0, element)
    return ElementTree.tostring(root, encoding="unicode")


def _plain(element: ElementTree.Element) -> None:
    """Replace style by attributes and colours by classes; drop what the page decides."""
    if element.tag.endswith("}g"):
        element.attrib.pop("id", None)  # the same in every figure, and nothing refers to it
    if _LINK in element.attrib:
        element.set("href", element.attrib.pop(_LINK))
    if "d" in element.attrib:
        element.set("d", re.sub(r"(\.\d\d)\d+", r"\1", " ".join(element.attrib["d"].split())))
    classes = []
    for declaration in element.attrib.pop("style", "").split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key in ("fill", "stroke") and value in _INKS:
            classes.append(f"{key}-{_INKS[value]}")
        elif key and key != "font-family":
            element.set(key, value)
    if element.tag.endswith("}text") and not classes:
        classes.append("fill-ink")
    if classes:
        element.set("class", " ".join(classes))
