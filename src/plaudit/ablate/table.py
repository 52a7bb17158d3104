"""An ablation as rows of words: a value a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SHARES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "macro_f1": "macro F1",
    "minority_f1": "minority F1",
}


def table(document: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Lay out what :func:`plaudit.ablate.ablation.ablate` returned.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    (list of str, list of list of str)
        The names of the columns, and the rows.
    """
    arms = document["arms"]
    # Of classes that have equally few texts none is the minority: not every value need have one.
    shares = {k: name for k, name in _SHARES.items() if any(k in arm["metrics"] for arm in arms)}
    level = f"{100 * document['interval']['confidence']:.0f}%"
    names = ["value", *shares.values(), "log loss", f"{document['select']} − first, {level}"]
    names.insert(-1, "ECE")
    return [*names, "epochs", "time", "tokens lost"], [
        [
            arm["name"],
            *(_share(arm["metrics"].get(key)) for key in shares),
            f"{arm['metrics']['log_loss']['value']:.3f}",
            f"{100 * arm['metrics']['ece']['value']:.1f}",
            _difference(arm["difference"], document["select"]),
            f"{arm['epochs']:.2f}",
            f"{arm['seconds']:,.0f} s",
            f"{100 * arm['tokens_lost']:.1f}%",
        ]
        for arm in arms
    ]


def _share(estimate: Mapping[str, float | None] | None) -> str:
    if estimate is None or (value := estimate["value"]) is None:
        return "–"
    low, high = estimate["low"], estimate["high"]
    if low is None or high is None:
        return f"{100 * value:.1f}"
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _difference(paired: Mapping[str, Mapping[str, float | None]] | None, select: str) -> str:
    if paired is None or (value := paired[select]["value"]) is None:
        return "–"
    # A log loss is no share, and stays as it is.
    scale, digits = (1, 3) if select == "log_loss" else (100, 1)
    low, high = paired[select]["low"], paired[select]["high"]
    if low is None or high is None:
        return f"{scale * value:+.{digits}f}"
    interval = f"{scale * low:+.{digits}f} to {scale * high:+.{digits}f}"
    return f"{scale * value:+.{digits}f} ({interval})"
