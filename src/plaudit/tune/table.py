"""A tuning as rows of words: a trial a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report.tuned import brief


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
