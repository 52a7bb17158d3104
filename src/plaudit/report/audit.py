"""The audit of a data set as one web page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report import words
from plaudit.report.template import style, template

_MOST_LABELS = 20


def render(document: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    document : mapping
        What ``plaudit.audit(…).to_dict()`` returned; ``written`` is shown where it is there.

    Returns
    -------
    str
        A whole HTML document, in which nothing runs and every value is escaped.
    """
    shown = words.tidy(document)
    labels = sorted(shown["labels"].items(), key=lambda item: -item[1])
    telling: dict[str, list[Mapping[str, Any]]] = {}
    for word in shown["telling_words"]:
        telling.setdefault(word["label"], []).append(word)
    return template("audit.html.j2", autoescape=True).render(
        audit=shown,
        **style(),
        label_rows=labels[:_MOST_LABELS],
        more_labels=max(0, len(labels) - _MOST_LABELS),
        telling=telling,
        graver=sum(finding["severity"] != "note" for finding in shown["findings"]),
        written=shown.get("written"),
    )
