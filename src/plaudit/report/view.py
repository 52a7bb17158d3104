"""The report's tables, shaped once for the page and for the card."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from plaudit.data.label_sets import listed
from plaudit.report import words
from plaudit.report.names import MAIN, names_of

_TILES = (("accuracy", "Accuracy"), ("macro_f1", "Macro F1"), ("roc_auc", "ROC-AUC"))
_SET_TILES = (
    ("micro_f1", "Micro F1"),
    ("macro_f1", "Macro F1"),
    ("subset_accuracy", "All labels right"),
)
_MAX_LABELS_IN_MATRIX = 20
_SHADES = 8
_PAIRS = 20
_MISTAKES = 40
_MISTAKE_CHARACTERS = 6_000
_LONG_TEXT = 320
_FILES = 20

Row = dict[str, Any]


def metric_rows(document: Mapping[str, Any]) -> list[Row]:
    """Return a row for each metric: name, model, interval, baseline, baseline_interval.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of dict
        Empty without a test. Undefined metrics are left out.
    """
    test, baseline = document["test"], document["baseline"]
    if test is None:
        return []
    beside = baseline["scores"]["metrics"] if baseline is not None else {}
    return [
        {
            "key": key,
            "name": name,
            "model": words.measure(key, test["metrics"][key]["value"]),
            "interval": words.interval(key, test["metrics"][key]),
            "baseline": words.measure(key, beside[key]["value"]) if key in beside else "",
            "baseline_interval": words.interval(key, beside[key]) if key in beside else "",
        }
        for key, name in names_of(document).items()
        if key in test["metrics"] and test["metrics"][key]["value"] is not None
    ]


def class_rows(scores: Mapping[str, Any] | None) -> list[Row]:
    """Return a row for each label: label, precision, recall, f1 and their intervals, support.

    Parameters
    ----------
    scores : mapping or None

    Returns
    -------
    list of dict
    """
    if scores is None:
        return []
    rows: list[Row] = []
    for label in scores["labels"]:
        values = scores["per_class"][label]
        row: Row = {"label": label, "support": words.count(values["support"]["value"])}
        for name in ("precision", "recall", "f1"):
            row[name] = words.percent(values[name]["value"])
            row[f"{name}_interval"] = words.interval(name, values[name])
        rows.append(row)
    return rows


def matrix(scores: Mapping[str, Any] | None) -> list[Row]:
    """Return the confusion matrix row by row, each cell with its share of the row and a shade.

    Parameters
    ----------
    scores : mapping or None

    Returns
    -------
    list of dict
        Empty for more labels than fit a page; :func:`confused_pairs` serves those.
    """
    if scores is None or len(scores["labels"]) > _MAX_LABELS_IN_MATRIX:
        return []
    rows = []
    for truth, counts in enumerate(scores["confusion"]):
        total = sum(counts)
        cells = [
            {
                "count": words.count(cell),
                "share": words.percent(cell / total) if total else "",
                "shade": round(_SHADES * cell / total) if total else 0,
                "right": truth == predicted,
            }
            for predicted, cell in enumerate(counts)
        ]
        rows.append({"label": scores["labels"][truth], "cells": cells})
    return rows


def confused_pairs(scores: Mapping[str, Any] | None) -> list[Row]:
    """Return the most frequent confusions, where a matrix would be too wide to read.

    Parameters
    ----------
    scores : mapping or None

    Returns
    -------
    list of dict
        truth, predicted, count; the most frequent first.
    """
    if scores is None or len(scores["labels"]) <= _MAX_LABELS_IN_MATRIX:
        return []
    labels = scores["labels"]
    pairs = [
        (cell, labels[truth], labels[predicted])
        for truth, counts in enumerate(scores["confusion"])
        for predicted, cell in enumerate(counts)
        if truth != predicted and cell
    ]
    pairs.sort(key=lambda pair: -pair[0])
    return [
        {"truth": truth, "predicted": predicted, "count": words.count(cell)}
        for cell, truth, predicted in pairs[:_PAIRS]
    ]


def mistakes(document: Mapping[str, Any]) -> list[Row]:
    """Return the wrong answers to show, long texts with a beginning to show in their place.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of dict
        text, opening (empty when the text is short), left_off (characters), truth, predicted,
        probability, origin.
    """
    return [
        {
            **mistake,
            "text": mistake["text"][:_MISTAKE_CHARACTERS],
            "opening": mistake["text"][:_LONG_TEXT].rsplit(" ", 1)[0]
            if len(mistake["text"]) > _LONG_TEXT
            else "",
            "left_off": max(0, len(mistake["text"]) - _MISTAKE_CHARACTERS),
            "truth": _shown(mistake["truth"]),
            "predicted": _shown(mistake["predicted"]),
            "label": mistake.get("label"),
            "probability": words.percent(mistake["probability"]),
        }
        for mistake in document["mistakes"][:_MISTAKES]
    ]


def _shown(labels: str | list[str]) -> str:
    return labels if isinstance(labels, str) else listed(labels)


def tiles(document: Mapping[str, Any]) -> list[Row]:
    """Return the figures at the top: label, value, detail.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of dict
    """
    shown: list[Row] = []
    test, baseline, training = document["test"], document["baseline"], document["training"]
    several = document["data"].get("multilabel")
    main = MAIN[bool(several)]
    for key, label in _SET_TILES if several else _TILES:
        estimate = test["metrics"].get(key) if test is not None else None
        if estimate is None or estimate["value"] is None:
            continue
        ends = words.interval(key, estimate)
        level = f"{test['interval']['confidence'] * 100:g}%"
        value = words.measure(key, estimate["value"])
        shown.append(
            {"label": label, "value": value, "detail": f"{level} interval {ends}" if ends else ""}
        )
        if key == main and baseline is not None:
            value = words.percent(baseline["scores"]["metrics"][key]["value"])
            fit = f"{baseline['name']}, trained in {words.duration(baseline['fit_s'])}"
            name = label if several else label.lower()
            shown.append({"label": f"Baseline {name}", "value": value, "detail": fit})
    how = f"{words.epochs(training['epochs'])}, {training['device']}, {training['precision']}"
    took = words.duration(training["seconds"])
    return [*shown, {"label": "Training took", "value": took, "detail": how}]


def firewall(document: Mapping[str, Any]) -> str:
    """Say when the test set was first used, seen from the end of training.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    str
    """
    ended, first = document["data"]["training_ended"], document["data"]["test_first_read"]
    if first is None:
        return "No test set was used."
    if _before(first, ended):
        return (
            f"Attention: the test set was first used at {words.moment(first)}, before training "
            f"had ended at {words.moment(ended)}; the test result may be too favourable."
        )
    told = (
        f"The test set was first used at {words.moment(first)}, after training had ended at "
        f"{words.moment(ended)}, so it had no part in training or in choosing the state to keep."
    )
    tuning = document.get("tuning")
    if not tuning:
        return told
    return (
        f"{told} The settings were chosen among {tuning['trials']} trials, by "
        f"{tuning['chosen_by']}, before it was used."
    )


def _before(first: str, second: str) -> bool:
    try:
        return datetime.fromisoformat(first) < datetime.fromisoformat(second)
    except (TypeError, ValueError):  # not ISO, or only one of them names its zone
        return first < second


def files(document: Mapping[str, Any]) -> tuple[list[tuple[str, str]], int]:
    """Return the first files with their digests, and how many more there are.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    tuple of (list of (name, sha256), int)
    """
    pairs = list(document["data"]["files"].items())
    return pairs[:_FILES], max(0, len(pairs) - _FILES)
