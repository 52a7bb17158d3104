"""Diagrams of a search for settings: its course, what mattered, and every trial's values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from plaudit.report.svg import FIRST, GRID, INK, SECOND, axes_of, svg

Section = Mapping[str, Any]

_LONGEST = 14  # characters of a value that fit beside an axis


def course(document: Section) -> str | None:
    """Draw each trial's result in the order in which they were made, and the best so far.

    Parameters
    ----------
    document : mapping
        What ``tune.json`` holds.

    Returns
    -------
    str or None
        An ``<svg>`` element; None when fewer than two trials came to their end.
    """
    ended = [trial for trial in document["trials"] if trial["value"] is not None]
    if len(ended) < 2:
        return None
    figure, axes = axes_of("trial", f"validation {document['select'].replace('_', ' ')}")
    best = min if document["minimised"] else max
    so_far: list[float] = []
    for trial in ended:
        so_far.append(best([trial["value"], *so_far[-1:]]))
    numbers = [trial["number"] for trial in ended]
    last = document["trials"][-1]["number"]
    axes.step([*numbers, last], [*so_far, so_far[-1]], where="post", color=SECOND, lw=1.4)
    axes.plot(numbers, [trial["value"] for trial in ended], "o", color=FIRST, ms=5, clip_on=False)
    pruned = [trial for trial in document["trials"] if trial["outcome"] == "pruned"]
    left = [(trial["number"], trial["validations"][-1]) for trial in pruned if trial["validations"]]
    if left:
        axes.plot(*zip(*left, strict=True), "x", color=INK, ms=5, mew=1.2, clip_on=False)
    ringed = document["best"]
    place = (ringed["number"], ringed["value"])
    axes.plot(*([one] for one in place), "o", ms=11, mfc="none", mec=SECOND, mew=1.6, clip_on=False)
    said = (
        f"{len(ended)} trials came to their end, {len(pruned)} were pruned. The best value is "
        f"{ringed['value']:.4f}, of trial {ringed['number']}; the first trial had "
        f"{ended[0]['value']:.4f}."
    )
    return svg(figure, "course", "Results in the order of the trials", said)


def importance(document: Section) -> str | None:
    """Draw which share of the differences between trials each setting explains.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    str or None
        An ``<svg>`` element; None when nothing can be told.
    """
    from matplotlib.ticker import PercentFormatter

    shares = document["importance"]
    if not shares:
        return None
    figure, axes = axes_of("of the differences between trials", "")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.get_major_locator().set_params(integer=False)
    axes.grid(visible=False, axis="y")
    keys = list(reversed(shares))
    axes.barh(range(len(keys)), [shares[key] for key in keys], color=FIRST, height=0.6)
    axes.set_yticks(range(len(keys)), keys)
    axes.set_xlim(left=0.0)
    said = ", ".join(f"{key} {share:.0%}" for key, share in shares.items())
    return svg(figure, "importance", "What made trials differ", f"{said}.")


def values(document: Section) -> str | None:
    """Draw each complete trial as a line over its values and its result.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    str or None
        An ``<svg>`` element; None when fewer than two trials with values came to their end.
    """
    trials = [trial for trial in document["trials"] if trial["value"] is not None]
    trials = [trial for trial in trials if trial["values"]]
    if len(trials) < 2:
        return None
    scales = [_Scale(entry) for entry in document["space"]]
    result = _result_scale(trials)
    figure, axes = axes_of("", "")
    figure.set_size_inches(1.6 + 1.1 * len(scales), 3.4)
    best = document["best"]["number"]
    for trial in sorted(trials, key=lambda one: bool(one["number"] == best)):
        heights = [scale.height(trial["values"].get(scale.key)) for scale in scales]
        chosen = trial["number"] == best
        axes.plot(
            range(len(scales) + 1),
            [*heights, result.height(str(trial["value"]))],
            color=SECOND if chosen else FIRST,
            lw=2.2 if chosen else 1.0,
            alpha=1.0 if chosen else 0.55,
            clip_on=False,
        )
    _scaled(axes, [*scales, result], document["select"])
    said = f"{len(trials)} trials over {len(scales)} settings. The best, trial {best}: "
    chosen_values = document["best"]["values"].items()
    said += ", ".join(f"{key} {value}" for key, value in chosen_values) or "the recipe as it is"
    return svg(figure, "values", "The values of every trial", f"{said}.")


class _Scale:
    """Where the values of a setting stand between the bottom and the top of the figure."""

    def __init__(self, entry: Section) -> None:
        self.key: str = entry["key"]
        self._choices: Sequence[str] = entry.get("choices", ())
        self._log = bool(entry.get("log"))
        self._low, self._high = entry.get("low", 0.0), entry.get("high", 0.0)

    def height(self, value: str | None) -> float:
        """Return a share of the height; NaN where the setting did not count."""
        if value is None:
            return math.nan
        if self._choices:
            return self._choices.index(value) / (len(self._choices) - 1)
        low, high, at = (self._on(each) for each in (self._low, self._high, float(value)))
        return (at - low) / (high - low) if high > low else 0.5

    def marks(self) -> list[tuple[float, str]]:
        """Return heights and what stands there."""
        if self._choices:
            return [(self.height(choice), _short(choice)) for choice in self._choices]
        return [(0.0, f"{self._low:.4g}"), (1.0, f"{self._high:.4g}")]

    def _on(self, value: float) -> float:
        return math.log(value) if self._log else value


def _result_scale(trials: Sequence[Section]) -> _Scale:
    found = [trial["value"] for trial in trials]
    return _Scale({"key": "", "low": min(found), "high": max(found)})


def _scaled(axes: Any, scales: Sequence[_Scale], select: str) -> None:
    """Draw the scales, in place of the axes of the figure."""
    axes.grid(visible=False)
    axes.set_yticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(-0.2, len(scales) - 0.5)
    axes.set_ylim(-0.16, 1.12)
    names = [scale.key.rpartition(".")[2] for scale in scales[:-1]]
    names = [name.replace("_", "\n", 1) for name in [*names, select]]
    axes.set_xticks(range(len(scales)), names, fontsize=8.5)
    for place, scale in enumerate(scales):
        axes.plot([place, place], [0, 1], color=GRID, lw=1.2, zorder=0)
        for height, text in scale.marks():
            # Ends stand clear of the lines; what is between stands beside its place.
            ends = {0.0: ("center", "top", 0.0, -0.03), 1.0: ("center", "bottom", 0.0, 0.03)}
            across, up, dx, dy = ends.get(height, ("left", "center", 0.06, 0.0))
            axes.text(
                place + dx, height + dy, text, ha=across, va=up, fontsize=8, color=INK,
                parse_math=False,
            )  # fmt: skip


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"…{text[1 - _LONGEST :]}"
