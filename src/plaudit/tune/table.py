"""A tuning as rows of words: a trial a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def table(document: Mapping[str, Any], most: int = 10) -> tuple[list[str], list[list[str]]]:
    """Lay out the best trials of what :func:`plaudit.tune.tuning.tune` returned.

    Parameters
    ----------
    document : mapping
    most : int
        Complete trials at most; the recipe is shown in any case.

    Returns
    -------
    (list of str, list of list of str)
        The names of the columns, and the rows, the best first.
    """
    sign = 1 if document["minimised"] else -1
    complete = [trial for trial in document["trials"] if trial["value"] is not None]
    complete.sort(key=lambda trial: sign * trial["value"])
    shown = [trial for n, trial in enumerate(complete) if n < most or not trial["values"]]
    keys = [entry["key"] for entry in document["space"]]
    names = ["trial", document["select"], "time", *(key.rpartition(".")[2] for key in keys)]
    return names, [
        [
            f"{trial['number']}{'' if trial['values'] else ' (recipe)'}",
            f"{trial['value']:.4f}",
            f"{trial['seconds']:,.0f} s",
            *(brief(trial["values"].get(key)) for key in keys),
        ]
        for trial in shown
    ]


def brief(value: str | None) -> str:
    """Write a value with three digits; nothing where it did not count.

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


def sentences(document: Mapping[str, Any]) -> list[str]:
    """Say what was found, against the recipe and on the test set.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of str
    """
    counts, best, select = document["counts"], document["best"], document["select"]
    other = [f"{counts[name]} {name}" for name in ("pruned", "refused", "failed") if counts[name]]
    kinds = ", ".join([f"{counts['complete']} complete", *other])
    said = [
        f"{len(document['trials'])} trials, {kinds}; "
        f"chosen by validation {select} on {document['rows']:,} rows."
    ]
    if not best["values"]:
        said.append("No trial was better than the recipe as it is.")
    elif best["difference"]:
        change = best["difference"][select]
        ends = "" if change["low"] is None else f" ({change['low']:+.4f} to {change['high']:+.4f})"
        said.append(
            f"Against the recipe on the same rows: {select} {change['value']:+.4f}{ends}; being "
            "the best of several, it flatters itself."
        )
    if best["test"]:
        metric = best["test"]["metrics"][select]
        ends = "" if metric["low"] is None else f" ({metric['low']:.4f} to {metric['high']:.4f})"
        said.append(
            f"On the test set, opened once: {select} {metric['value']:.4f}{ends}, "
            f"{best['test']['rows']:,} rows."
        )
    return said
