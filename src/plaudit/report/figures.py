"""The figures of the page, each with what a reader needs beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plaudit.report import diagrams, plots

if TYPE_CHECKING:
    from markupsafe import Markup


def training(document: Mapping[str, Any]) -> dict[str, Markup]:
    """Return the learning curves by name; those that have too few points are missing."""
    history, best = document["training"]["history"], document["training"]["best_step"]
    curves = {
        "loss": plots.loss_curve(history, best),
        "accuracy": plots.accuracy_curve(
            history, best, label_sets=bool(document["data"].get("multilabel"))
        ),
    }
    return {name: ready(svg) for name, svg in curves.items() if svg is not None}


def ranking(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the ROC and precision-recall curves.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    dict or None
        roc, precision_recall, keys (label, rows, ink, dashes), more (labels not shown). None
        without curves.
    """
    curves = document.get("curves") or []
    shown = sorted(curves, key=lambda curve: -curve["rows"])[: diagrams.MOST_CURVES]
    shown.sort(key=curves.index)
    roc, precision_recall = diagrams.roc(shown), diagrams.precision_recall(shown)
    if roc is None or precision_recall is None:
        return None
    labels = len(document["test"]["labels"]) if document["test"] else len(curves)
    return {
        "roc": ready(roc),
        "precision_recall": ready(precision_recall),
        "keys": [
            {"label": curve["label"], "rows": curve["rows"], "ink": ink, "dashes": dashes}
            for curve, (ink, dashes) in zip(shown, diagrams.KEYS, strict=False)
        ],
        "more": max(0, labels - len(shown)) if labels > 2 else 0,
    }


def by_length(document: Mapping[str, Any]) -> Markup | None:
    """Return accuracy by length; None in a report without slices."""
    for cut in document.get("slices") or []:
        if cut["kind"] == "length":
            groups = [one for one in cut["groups"] if one["accuracy"]["value"] is not None]
            drawn = diagrams.accuracy_by_length(groups)
            return ready(drawn) if drawn else None
    return None


def ready(svg: str) -> Markup:
    """Mark matplotlib's output, which holds numbers and our own words only."""
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704
