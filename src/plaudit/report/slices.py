"""Results for parts of a test set, shaped once for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report import words

_TITLES = {"length": "By length, in words", "confidence": "By the model's confidence"}


def slice_tables(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a table for each way of cutting the test set.

    Parameters
    ----------
    document : mapping
        A report or an evaluation; one made before there were slices has none.

    Returns
    -------
    list of dict
        title, and rows: value, rows, accuracy, accuracy_interval, macro_f1, macro_f1_interval.
    """
    return [
        {
            "title": _TITLES.get(cut["kind"], f"By {cut['by']}"),
            "rows": [_row(group) for group in cut["groups"]],
        }
        for cut in document.get("slices") or []
    ]


def _row(group: Mapping[str, Any]) -> dict[str, str]:
    row = {"value": str(group["value"]), "rows": words.count(group["rows"])}
    for name in ("accuracy", "macro_f1"):
        row[name] = words.measure(name, group[name]["value"])
        row[f"{name}_interval"] = words.interval(name, group[name])
    return row


def slice_lines(document: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Lay out all slices as one table for the terminal.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    (names of the columns, rows)
        No rows where there are no slices.
    """
    rows = [
        [
            f"{cut['by']}: {row['value']}",
            row["rows"],
            row["accuracy"],
            row["accuracy_interval"],
            row["macro_f1"],
        ]
        for cut, table in zip(document.get("slices") or [], slice_tables(document), strict=True)
        for row in table["rows"]
    ]
    return ["slice", "rows", "accuracy", "interval", "macro F1"], rows


def deduplicated(document: Mapping[str, Any]) -> str:
    """Say what is left of the accuracy when each text counts once; nothing where none repeats.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    str
    """
    found = document.get("deduplicated")
    if not found or not found["repeated"]:
        return ""
    copies = "is a copy" if found["repeated"] == 1 else "are copies"
    accuracy = found["test"]["metrics"]["accuracy"]
    ends = words.interval("accuracy", accuracy)
    return (
        f"{found['repeated']:,} of the texts {copies} of another one in the test set; with each "
        "text counted once, "
        f"{words.percent(accuracy['value'])} of {found['rows']:,} are labelled correctly"
        f"{f' ({ends})' if ends else ''}."
    )
