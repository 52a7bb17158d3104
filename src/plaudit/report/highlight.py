"""A text cut into runs of words that push alike, for whatever shows them.

A colour never stands alone: a run that has one has a sign too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

LEVELS = 4
FAINT = 0.15
"""Share of the strongest push in a text below which a word is shown plain."""


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a text.

    Attributes
    ----------
    text : str
    push : {"for", "against", ""}
        Towards the label, away from it, or neither to speak of.
    level : int
        0 to 4: how strong, beside the strongest word of the text.
    read : bool
        False: the model did not read it.
    """

    text: str
    push: Literal["for", "against", ""] = ""
    level: int = 0
    read: bool = True

    @property
    def sign(self) -> str:
        """Return the push without colour: "+", "−" or nothing."""
        return {"for": "+", "against": "−", "": ""}[self.push]


def runs(text: str, words: Sequence[Mapping[str, Any]], end: int | None = None) -> list[Run]:
    """Cut a text into runs.

    Parameters
    ----------
    text : str
    words : sequence of mapping
        With start, end and score (None: not read), ascending.
    end : int, optional
        Characters to show at most.

    Returns
    -------
    list of Run
        Together the text, or its beginning.

    Examples
    --------
    >>> words = [{"start": 2, "end": 6, "score": 1.0}, {"start": 7, "end": 10, "score": None}]
    >>> [(run.text, run.sign, run.read) for run in runs("a good bye", words)]
    [('a ', '', True), ('good', '+', True), (' ', '', True), ('bye', '', False)]
    """
    end = len(text) if end is None else min(end, len(text))
    strongest = max((abs(word["score"] or 0.0) for word in words), default=0.0)
    found: list[Run] = []
    at = 0
    for word in words:
        if word["end"] > end:
            break
        run = _run(text[word["start"] : word["end"]], word["score"], strongest)
        gap = text[at : word["start"]]
        # White space between two unread words is unread too.
        _append(found, Run(gap, read=run.read or not (found and not found[-1].read)))
        _append(found, run)
        at = word["end"]
    _append(found, Run(text[at:end]))
    return found


def _run(text: str, score: float | None, strongest: float) -> Run:
    if score is None:
        return Run(text, read=False)
    share = abs(score) / strongest if strongest else 0.0
    if share < FAINT:
        return Run(text)
    level = min(LEVELS, 1 + int(LEVELS * (share - FAINT) / (1.0 - FAINT)))
    return Run(text, "for" if score > 0 else "against", level)


def _append(found: list[Run], run: Run) -> None:
    """Add a run, or lengthen the last one when both are shown plain."""
    if not run.text:
        return
    if found and not (run.push or found[-1].push) and found[-1].read == run.read:
        found[-1] = Run(found[-1].text + run.text, read=run.read)
    else:
        found.append(run)
