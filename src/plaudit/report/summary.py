"""The result in one or two plain sentences, for the page, the card and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report import label_sets, words


def headline(document: Mapping[str, Any]) -> str:
    """Say what was found, claiming no more than was measured.

    Parameters
    ----------
    document : mapping
        The report, as in ``report.json``.

    Returns
    -------
    str
        One to three sentences without markup.
    """
    test = document["test"]
    if document["data"].get("multilabel"):
        return label_sets.headline(document)
    if test is None or test["metrics"]["accuracy"]["value"] is None:
        return _without_test(document)
    overlap = document["overlap"]["rows"]
    rows = _texts(test["rows"])
    opening = f"On {rows} of test data" if overlap else f"On {rows} kept apart from training"
    accuracy = test["metrics"]["accuracy"]
    sentence = f"{opening} the model labels {words.percent(accuracy['value'])} correctly"
    ends = words.interval("accuracy", accuracy)
    if ends:
        sentence += f" ({_level(test)} interval {ends})"
    baseline = document["baseline"]
    if baseline is not None and baseline["scores"]["metrics"]["accuracy"]["value"] is not None:
        value = baseline["scores"]["metrics"]["accuracy"]["value"]
        sentence += f"; the TF-IDF baseline labels {words.percent(value)}"
    return f"{sentence}.{_overlap(document)}"


def _overlap(document: Mapping[str, Any]) -> str:
    rows, without = document["overlap"]["rows"], document["overlap"]["test_without"]
    if not rows:
        return ""
    also = f" {rows:,} of them {'was' if rows == 1 else 'were'} also seen in training or selection"
    if without is None:
        return f"{also}."
    share = words.percent(without["metrics"]["accuracy"]["value"])
    return f"{also}; without {'it' if rows == 1 else 'them'} it labels {share} correctly."


def _without_test(document: Mapping[str, Any]) -> str:
    history, best = document["training"]["history"], document["training"]["best_step"]
    measured = [record for record in history if record["validation"] is not None]
    chosen = [record for record in measured if record["step"] == best] or measured[-1:]
    if not chosen:
        rows = _texts(document["data"]["rows"]["train"])
        return f"The model was trained on {rows} and has not been evaluated."
    beside = (document.get("ngrams") or {}).get("validation")
    measured_on = beside["both"] if beside else chosen[0]["validation"]
    share = words.percent(measured_on["accuracy"])
    rows = _texts(document["data"]["rows"]["validation"])
    rule = (document.get("decision") or {}).get("threshold")
    kind = "costs" if rule and rule["by"] == "cost" else "threshold"
    it = f"Without the {kind} that it decides by, it" if rule else "It"
    return (
        f"The model has not been evaluated on test data. {it} labels {share} of the {rows} of "
        "validation data correctly, which is likely too favourable, since the same texts chose "
        "the state that was kept."
    )


def _texts(rows: int) -> str:
    return f"{rows:,} text" if rows == 1 else f"{rows:,} texts"


def _level(scores: Mapping[str, Any]) -> str:
    return f"{scores['interval']['confidence'] * 100:g}%"
