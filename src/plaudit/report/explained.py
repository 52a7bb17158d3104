"""The part of the report that says what the answers depend on, shaped for the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report import figures, plots, words
from plaudit.report.highlight import runs

METHODS = {
    "gradient": "the gradient halfway from a text of hidden words, times the whole step",
    "integrated-gradients": "the gradient integrated from a text of hidden words to the text",
}
_LISTED = 12

Row = dict[str, Any]


def highlighted(mistakes: list[Row], document: Mapping[str, Any]) -> list[Row]:
    """Add ``runs`` to the mistakes to show: their texts cut by push; empty where there is none.

    Parameters
    ----------
    mistakes : list of dict
        As :func:`plaudit.report.view.mistakes` returns them.
    document : mapping

    Returns
    -------
    list of dict
    """
    of_mistakes = (document.get("explanation") or {}).get("mistakes", [])
    pushes = [*of_mistakes, *([] for _ in mistakes)]
    return [
        {**mistake, "runs": runs(mistake["text"], own) if own else []}
        for mistake, own in zip(mistakes, pushes, strict=False)
    ]


def section(document: Mapping[str, Any]) -> Row | None:
    """Return what the block on explanations shows.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    dict or None
        failed; or method, verdict, curve (SVG or None), labels. None without explanations.
    """
    explanation = document.get("explanation")
    if explanation is None:
        return None
    if explanation["failed"] is not None:
        return {"failed": explanation["failed"]}
    found, over = explanation["faithfulness"], explanation["global"]
    return {
        "failed": None,
        "method": METHODS.get(explanation["method"], explanation["method"]),
        "verdict": _verdict(found) if found else "",
        "curve": figures.ready(plots.deletion_curve(found)) if found else None,
        "texts": over["texts"],
        "min_texts": over["min_texts"],
        "confidence": f"{over['confidence'] * 100:g}%",
        "labels": [
            {
                "label": label,
                "lists": [
                    {"name": name, "rows": rows}
                    for name in ("words", "phrases")
                    if (rows := _rows(over[name].get(label, [])))
                ],
            }
            for label in over["words"]
        ],
    }


def _verdict(found: Mapping[str, Any]) -> str:
    """Say what the area between the curves means, claiming no more than its interval."""
    area = found["below_random"]
    level, comparison = f"{found['confidence'] * 100:g}%", "more"
    shown = {name: area[name] for name in ("value", "low", "high")}
    if area["value"] < 0:
        comparison = "less"
        turned = {"value": area["value"], "low": area["high"], "high": area["low"]}
        shown = {name: None if end is None else -end for name, end in turned.items()}
    ends, measured = words.interval("area", shown), _points(abs(area["value"]))
    if ends:
        measured += f" ({level} interval {ends})"
    texts = f"{found['texts']:,} test text{'s' if found['texts'] != 1 else ''}"
    if area["low"] is not None and area["low"] > 0:
        what = "The words named are those that the answers depend on"
    elif area["high"] is not None and area["high"] < 0:
        what = "Attention: the words named matter less to the answers than words drawn at random"
    else:
        what = "These texts do not show that the words named matter more than words drawn at random"
    return (
        f"{what}: hiding them first lowers the label's probability by {measured} {comparison}, "
        f"averaged over the curve, than hiding words in random order; on {texts}."
    )


def _points(value: float) -> str:
    return f"{value * 100:.1f} points"


def _rows(drivers: list[Row]) -> list[Row]:
    """Return the drivers whose push is surely above 0."""
    return [
        {
            "text": driver["text"],
            "push": f"{driver['push']['value']:+.2f}",
            "interval": f"{driver['push']['low']:+.2f} to {driver['push']['high']:+.2f}",
            "count": words.count(driver["count"]),
            "texts": words.count(driver["texts"]),
        }
        for driver in drivers
        if driver["push"]["low"] > 0
    ][:_LISTED]
