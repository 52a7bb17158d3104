"""Curves of training and of explanations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from plaudit.report.svg import FIRST, GRID, INK, SECOND, axes_of, svg

_MAX_POINTS = 120  # more cannot be told apart at this width, and each costs bytes


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
    figure, axes = axes_of("step", "loss")
    axes.plot(*zip(*training, strict=True), color=FIRST, lw=1.6)
    _marked(axes, validation, best_step)
    return svg(
        figure,
        "loss",
        "Loss over training steps",
        f"Training loss went from {training[0][1]:.3f} to {training[-1][1]:.3f}."
        + (f" Validation loss ended at {validation[-1][1]:.3f}." if validation else ""),
    )


def accuracy_curve(
    history: Sequence[Mapping[str, Any]], best_step: int | None, *, label_sets: bool = False
) -> str | None:
    """Draw accuracy on validation data over the steps.

    Parameters
    ----------
    history : sequence of mapping
        Records with step and validation.
    best_step : int or None
        The step whose state was kept.
    label_sets : bool
        Whether a text is right only when all its labels are.

    Returns
    -------
    str or None
        An ``<svg>`` element; None when fewer than two evaluations are known.
    """
    from matplotlib.ticker import FuncFormatter

    validation = _validation(history, "accuracy")
    if len(validation) < 2:
        return None
    figure, axes = axes_of("step", "accuracy")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:g}%"))
    _marked(axes, validation, best_step)
    values = ", ".join(f"{value:.1%} at step {step:,}" for step, value in validation[-12:])
    what = "Validation texts with all labels right" if label_sets else "Accuracy on validation data"
    return svg(figure, "accuracy", what, f"{values}.")


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

    figure, axes = axes_of("words hidden", "probability of the label")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_locator(_every(0.2))
    # Dashes tell the lines apart where colours do not.
    lines = (("supportive", FIRST, "-"), ("random", INK, "--"), ("reverse", SECOND, ":"))
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


def _marked(axes: Any, points: list[tuple[int, float]], best_step: int | None) -> None:
    """Draw evaluations as a line with dots, the kept one ringed."""
    if not points:
        return
    axes.plot(*zip(*points, strict=True), "o-", color=SECOND, lw=1.6, ms=4.5, clip_on=False)
    for step, value in points:
        if step == best_step:
            axes.plot([step], [value], "o", ms=11, mfc="none", mec=SECOND, mew=1.6, clip_on=False)


def square(across: str, up: str) -> tuple[Any, Any]:
    """Return a figure whose axes both hold shares."""
    from matplotlib.ticker import PercentFormatter

    figure, axes = axes_of(across, up)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure, axes


def diagonal(axes: Any) -> None:
    """Draw where both shares are equal."""
    axes.axline((0.0, 0.0), slope=1.0, color=GRID, lw=1.2)


def dots(axes: Any, points: Sequence[tuple[float, float]], *, first: bool) -> None:
    """Draw points with a line through them."""
    color = FIRST if first else SECOND
    axes.plot(*zip(*points, strict=True), "o-", color=color, lw=1.2, ms=4, clip_on=False)


def whiskers(axes: Any, spans: Sequence[tuple[float, float, float]]) -> None:
    """Draw an interval above and below each point: place, low, high."""
    for place, low, high in spans:
        axes.plot([place, place], [low, high], color=SECOND, lw=0.8)
