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
    return template("audit.html.j2", autoescape=True).render(
        **style(), **_shaped(shown), written=shown.get("written")
    )


def section(document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what a run's page shows of the audit of its training rows.

    Parameters
    ----------
    document : mapping or None
        The section ``audit`` of a report, tidied.

    Returns
    -------
    dict or None
        None in a report without an audit; ``failed`` (a reason) alone where it could not be made.
    """
    if not document:
        return None
    failed = document.get("failed")
    return {"failed": failed} if failed is not None else {"failed": None, **_shaped(document)}


def _shaped(audit: Mapping[str, Any]) -> dict[str, Any]:
    labels = sorted(audit["labels"].items(), key=lambda item: -item[1])
    telling: dict[str, list[Mapping[str, Any]]] = {}
    for word in audit["telling_words"]:
        telling.setdefault(word["label"], []).append(word)
    return {
        "audit": audit,
        "label_rows": labels[:_MOST_LABELS],
        "more_labels": max(0, len(labels) - _MOST_LABELS),
        "telling": telling,
        "graver": sum(finding["severity"] != "note" for finding in audit["findings"]),
    }
