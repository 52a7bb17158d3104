"""Explanations as one web page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from plaudit.explain.records import Explanation, Word
from plaudit.report import words
from plaudit.report.explained import METHODS
from plaudit.report.highlight import runs
from plaudit.report.template import style, template

STRONGEST = 20


def page(explanations: Sequence[Explanation]) -> str:
    """Write a page of texts with their words marked by push.

    Parameters
    ----------
    explanations : sequence of Explanation
        All by one method; at least one.

    Returns
    -------
    str
        A whole HTML document: nothing in it runs, nothing is loaded, every text is escaped.
    """
    shown = [words.tidy(each.to_dict()) for each in explanations]
    texts = [
        {**each, "runs": runs(each["text"], each["words"]), "strongest": words.tidy(strongest)}
        for each, strongest in zip(shown, map(_strongest, explanations), strict=True)
    ]
    context = {
        **style(),
        "texts": texts,
        "method": METHODS[explanations[0].method],
        "plaudit": version("plaudit"),
    }
    return template("explanations.html.j2", autoescape=True).render(context)


def strongest(explanation: Explanation, most: int = STRONGEST) -> list[Word]:
    """Return the words that push most, in either direction, the strongest first."""
    was_read = [word for word in explanation.words if word.score is not None]
    return sorted(was_read, key=lambda word: -abs(word.score or 0.0))[:most]


def _strongest(explanation: Explanation) -> list[dict[str, object]]:
    return [{"text": word.text, "score": word.score} for word in strongest(explanation)]
