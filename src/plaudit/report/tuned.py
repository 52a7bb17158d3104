"""A search for settings as one web page that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from plaudit.report import searched, words
from plaudit.report.figures import ready
from plaudit.report.template import style, template

_OUTCOMES = {
    "pruned": "stopped early",
    "refused": "refused by the rules of the settings",
    "failed": "broke",
}


def render(document: Mapping[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    document : mapping
        What ``tune.json`` holds.

    Returns
    -------
    str
        A whole HTML document, in which nothing runs and every value is escaped.
    """
    shown = words.tidy(document)
    figures = {
        "course": searched.course(shown),
        "importance": searched.importance(shown),
        "values": searched.values(shown),
    }
    context = {
        **style(),
        "tuning": shown,
        "headline": headline(shown),
        "sentences": sentences(shown),
        "figures": {name: svg and ready(svg) for name, svg in figures.items()},
        "keys": [entry["key"].rpartition(".")[2] for entry in shown["space"]],
        "space_rows": [(entry["key"], in_words(entry)) for entry in shown["space"]],
        "trial_rows": [_row(trial, shown) for trial in shown["trials"]],
        "plaudit": version("plaudit"),
    }
    return template("tune.html.j2", autoescape=True).render(context)


def headline(document: Mapping[str, Any]) -> str:
    """Say in a sentence what the search brought."""
    best, select = document["best"], document["select"]
    name = select.replace("_", " ")
    value = words.measure(select, best["value"])
    if not best["values"]:
        return f"No trial was better than the recipe as it is: {name} {value} on validation data."
    was = document["recipe"]
    before = f", the recipe {words.measure(select, was)}" if was is not None else ""
    return f"The best of {len(document['trials'])} trials: {name} {value} on validation{before}."


def sentences(document: Mapping[str, Any]) -> list[str]:
    """Say how the search went, against the recipe and on the test set.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of str
    """
    counts, best, select = document["counts"], document["best"], document["select"]
    name = select.replace("_", " ")
    kinds = [f"{counts['complete']} came to their end"]
    kinds += [f"{counts[each]} {said}" for each, said in _OUTCOMES.items() if counts[each]]
    told = [
        f"{len(document['trials'])} trials, of which {', '.join(kinds)}; chosen by validation "
        f"{name} on {document['rows']:,} texts."
    ]
    if best["values"] and best["difference"]:
        change = best["difference"][select]
        told.append(
            f"Against the recipe on the same texts: {name} {_change(select, change)}. As the best "
            "of several it looks better than it is."
        )
    if best["test"]:
        metric = best["test"]["metrics"].get(select)
        ends = words.interval(select, metric) if metric else ""
        told.append(
            f"On the test set, opened once after the search: {name} "
            f"{words.measure(select, metric['value'] if metric else None)}"
            f"{f' ({ends})' if ends else ''}, {best['test']['rows']:,} texts."
        )
    return told


def in_words(entry: Mapping[str, Any]) -> str:
    """Say what a setting was searched among.

    Parameters
    ----------
    entry : mapping

    Returns
    -------
    str

    Examples
    --------
    >>> in_words({"key": "optim.lr", "low": 1e-5, "high": 1e-3, "log": True, "step": None})
    '1e-05 to 0.001, by factors'
    """
    if "choices" in entry:
        said = " or ".join(entry["choices"])
    else:
        said = f"{entry['low']:.6g} to {entry['high']:.6g}"
        said += ", by factors" if entry["log"] else ""
        said += f", in steps of {entry['step']:.6g}" if entry["step"] else ""
    for key, values in entry.get("when", {}).items():
        said += f"; where {key} is {' or '.join(values)}"
    return said


def brief(value: str | None) -> str:
    """Write a value with three digits; a dash where it did not count.

    Examples
    --------
    >>> brief("0.00012345"), brief("focal"), brief("3"), brief(None)
    ('0.000123', 'focal', '3', '–')
    """
    if value is None:
        return "–"
    try:
        return f"{float(value):.3g}"
    except ValueError:
        return value


def _change(select: str, change: Mapping[str, float | None]) -> str:
    # A log loss is no share, and stays as it is.
    scale, digits = (1, 4) if select in ("log_loss", "mcc") else (100, 1)
    ends = [change["low"], change["high"]]
    said = f"{scale * (change['value'] or 0.0):+.{digits}f}{' points' if scale == 100 else ''}"
    known = [f"{scale * end:+.{digits}f}" for end in ends if end is not None]
    return f"{said} ({known[0]} to {known[1]})" if len(known) == 2 else said


def _row(trial: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    marks = ["the recipe"] if not trial["values"] else []
    marks += ["the best"] if trial["number"] == document["best"]["number"] else []
    said = f" ({', '.join(marks)})" if marks else ""
    value = _OUTCOMES.get(trial["outcome"], "")
    if trial["value"] is not None:
        value = words.measure(document["select"], trial["value"])
    elif trial["outcome"] in ("refused", "failed"):
        value = f"{value}: {trial['why']}"
    return {
        "name": f"{trial['number']}{said}",
        "value": value,
        "steps": trial["steps"],
        "seconds": trial["seconds"],
        "cells": [brief(trial["values"].get(entry["key"])) for entry in document["space"]],
    }
