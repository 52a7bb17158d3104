"""What a report says of a model that gives a text any number of labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report import words

Document = Mapping[str, Any]
Row = dict[str, Any]

_TOGETHER = 15
"""Labels in the table of what occurs together."""


def headline(document: Document) -> str:
    """Say in one to three sentences what was found, claiming no more than was measured.

    Parameters
    ----------
    document : mapping
        The report, as in ``report.json``.

    Returns
    -------
    str
        Without markup.
    """
    test = document["test"]
    if test is None:
        return _without_test(document)
    overlap = document["overlap"]
    metrics, rows = test["metrics"], test["rows"]
    apart = "of test data" if overlap["rows"] else "kept apart from training"
    said = (
        f"On {rows:,} texts {apart} the model reaches a micro F1 of {_with_ends(test, 'micro_f1')} "
        f"and gives {words.percent(metrics['subset_accuracy']['value'])} of the texts exactly "
        f"their labels"
    )
    if document["baseline"] is not None:
        beside = document["baseline"]["scores"]["metrics"]
        said += (
            f"; the TF-IDF baseline reaches {words.percent(beside['micro_f1']['value'])} and "
            f"{words.percent(beside['subset_accuracy']['value'])}"
        )
    if not overlap["rows"]:
        return f"{said}."
    also = f"{said}. {overlap['rows']:,} of them were also seen in training or selection"
    if overlap["test_without"] is None:
        return f"{also}."
    without = overlap["test_without"]["metrics"]["micro_f1"]["value"]
    return f"{also}; without them the micro F1 is {words.percent(without)}."


def story(document: Document) -> list[tuple[str, str]]:
    """Tell what was made, how good it is, how sure that is, and what it gets wrong.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of (question, answer)
    """
    parts = (
        ("What it is", _what(document)),
        ("How sure that is", _sure(document)),
        ("Beside a simple model", _baseline(document)),
        ("What it gets wrong", _wrong(document)),
        ("Whether to believe its probabilities", _believable(document)),
    )
    return [(question, answer) for question, answer in parts if answer]


def section(document: Document) -> Row | None:
    """Return what the block on labels shows.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    dict or None
        ``rows`` (label, threshold, fitted, precision … texts, confusion), ``sentences``,
        ``together`` (names and rows of cells). None where a text has one label.
    """
    if not document["data"].get("multilabel"):
        return None
    test = document["test"]
    thresholds = {one["label"]: one for one in document["decision"]["label_thresholds"]}
    return {
        "rows": [_row(test, label, one) for label, one in thresholds.items()],
        "sentences": _sentences(document),
        "together": _together(test) if test else None,
    }


def _row(test: Mapping[str, Any] | None, label: str, threshold: Mapping[str, Any]) -> Row:
    row: Row = {
        "label": label,
        "threshold": f"{threshold['threshold']:.3f}",
        "fitted": threshold["fitted"],
        "before": words.percent(threshold["validation"]["before"]),
        "after": words.percent(threshold["validation"]["after"]),
    }
    if test is None:
        return row
    values = test["per_class"][label]
    for name in ("precision", "recall", "f1", "average_precision", "roc_auc"):
        row[name] = words.measure(name, values[name]["value"])
        row[f"{name}_interval"] = words.interval(name, values[name])
    (neither, wrong), (missed, right) = test["confusion"][test["labels"].index(label)]
    counts = {"texts": right + missed, "right": right, "missed": missed, "wrong": wrong}
    return row | {name: words.count(value) for name, value in {**counts, "not": neither}.items()}


def _sentences(document: Document) -> list[str]:
    thresholds = document["decision"]["label_thresholds"]
    fitted = [one for one in thresholds if one["fitted"]]
    rows = document["calibration"]["rows"]
    said = []
    if fitted:
        few = len(thresholds) - len(fitted)
        how_many = "All" if not few else f"{len(fitted)} of {len(thresholds)}"
        said.append(
            f"A label is given from its threshold on. {how_many} thresholds were fitted for the "
            f"best F1 of the label on {rows:,} validation texts"
            f"{', the others stay at 0.5' if few else ''}."
        )
    else:
        said.append("A label is given from a probability of 0.5 on; no threshold was fitted.")
    said.append(document["calibration"]["note"])
    if test := document["test"]:
        counts = test["label_counts"]
        said.append(
            f"A test text has {counts['truth']:.2f} labels on average and is given "
            f"{counts['given']:.2f}; {words.count(counts['truth_none'])} have none, "
            f"{words.count(counts['given_none'])} are given none."
        )
    return said


def _together(test: Mapping[str, Any]) -> Row:
    """Return how often labels occur together in the truth, the most frequent labels only."""
    counts = test["together"]
    places = sorted(range(len(counts)), key=lambda i: -counts[i][i])[:_TOGETHER]
    places.sort()
    return {
        "names": [test["labels"][i] for i in places],
        "rows": [
            {
                "label": test["labels"][i],
                "cells": [
                    {
                        "count": words.count(counts[i][j]),
                        "share": words.percent(counts[i][j] / counts[i][i]) if counts[i][i] else "",
                        "shade": round(8 * counts[i][j] / counts[i][i]) if counts[i][i] else 0,
                        "own": i == j,
                    }
                    for j in places
                ],
            }
            for i in places
        ],
        "more": len(counts) - len(places),
    }


def _with_ends(test: Mapping[str, Any], name: str) -> str:
    estimate = test["metrics"][name]
    ends = words.interval(name, estimate)
    level = f"{test['interval']['confidence'] * 100:g}%"
    value = words.percent(estimate["value"])
    return f"{value} ({level} interval {ends})" if ends else value


def _without_test(document: Document) -> str:
    history, best = document["training"]["history"], document["training"]["best_step"]
    measured = [record for record in history if record["validation"] is not None]
    chosen = [record for record in measured if record["step"] == best] or measured[-1:]
    if not chosen:
        rows = document["data"]["rows"]["train"]
        return f"The model was trained on {rows:,} texts and has not been evaluated."
    return (
        "The model has not been evaluated on test data. On the "
        f"{document['data']['rows']['validation']:,} texts of validation data its micro F1 is "
        f"{words.percent(chosen[0]['validation']['micro_f1'])}, which is likely too favourable, "
        "since the same texts chose the state that was kept and the thresholds."
    )


def _what(document: Document) -> str:
    return words.made(document, "none, one or several")


def _sure(document: Document) -> str:
    test = document["test"]
    ends = words.interval("micro_f1", test["metrics"]["micro_f1"]) if test else ""
    if not ends:
        return ""
    return (
        f"On other texts of the same kind its micro F1 is likely to be {ends}%. That counts the "
        f"chance in which {test['rows']:,} texts were drawn for the test, not that of training "
        "again with another seed, nor other kinds of text."
    )


def _baseline(document: Document) -> str:
    test, baseline = document["test"], document["baseline"]
    if test is None or baseline is None:
        return ""
    own, other = (one["metrics"]["micro_f1"] for one in (test, baseline["scores"]))
    told = (
        f"{baseline['name']}, trained on the same texts in {words.duration(baseline['fit_s'])} and "
        f"with thresholds chosen the same way, reaches a micro F1 of "
        f"{words.percent(other['value'])}; this model {words.percent(own['value'])}."
    )
    ends = (own["low"], own["high"], other["low"], other["high"])
    apart = None in ends or own["low"] > other["high"] or other["low"] > own["high"]
    return told if apart else f"{told} The two intervals overlap: the difference may be chance."


def _wrong(document: Document) -> str:
    test = document["test"]
    if test is None:
        return ""
    wrong, missed = (sum(each[i][1 - i] for each in test["confusion"]) for i in (0, 1))
    if not wrong + missed:
        return f"Nothing among {test['rows']:,} test texts."
    told = (
        f"Over all {test['rows']:,} test texts {missed:,} labels were missed and {wrong:,} given "
        "wrongly."
    )
    scored = [(values["f1"]["value"], label) for label, values in test["per_class"].items()
              if values["support"]["value"]]  # fmt: skip
    if len(scored) > 1:
        worst, label = min(scored)
        told += f" The weakest label is {words.named(label)} with an F1 of {words.percent(worst)}."
    return told


def _believable(document: Document) -> str:
    test = document["test"]
    if test is None:
        return ""
    return (
        "They were not calibrated. The mean squared error of a label's probability on the test "
        f"texts (Brier score) is {words.measure('brier', test['metrics']['brier']['value'])}; "
        "0.25 is that of a constant 50%."
    )
