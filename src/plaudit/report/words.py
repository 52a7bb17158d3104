"""Numbers and dates as a reader wants them, and text made safe to show."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from plaudit.config import as_toml

MISSING = "–"
# What no page can hold: control characters (but tab and line feeds) and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_NUMBERS = (
    "mcc", "roc_auc", "average_precision", "log_loss", "brier", "ece", "ece_equal_width",
    "macro_roc_auc", "macro_average_precision", "label_ranking_average_precision",
)  # fmt: skip
_FIRST_ISOLATE, _POP = "\u2068", "\u2069"


def tidy(value: Any) -> Any:
    """Return a document in which every string can be written as UTF-8 and shown.

    Parameters
    ----------
    value : Any
        Plain values as of JSON, nested at will.

    Returns
    -------
    Any
        The same, with unprintable characters replaced by U+FFFD.
    """
    match value:
        case str():
            return _UNPRINTABLE.sub("\ufffd", value)
        case Mapping():
            return {tidy(key): tidy(item) for key, item in value.items()}
        case list() | tuple():
            return [tidy(item) for item in value]
        case _:
            return value


def percent(value: float | None) -> str:
    """Return a share in percent, with one decimal; never rounded up to all or down to none.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    str

    Examples
    --------
    >>> percent(0.9213), percent(0.9999), percent(1.0), percent(0.0001), percent(None)
    ('92.1%', '99.99%', '100%', '0.01%', '–')
    """
    if value is None or math.isnan(value):
        return MISSING
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    return _apart(value, "%", 1, (0.0, 100.0))


def _apart(value: float, kind: str, fewest: int, bounds: tuple[float, ...]) -> str:
    """Write a number with as few decimals as keep it apart from what it is not."""
    for decimals in range(fewest, 7):
        shown = f"{value:.{decimals}{kind}}"
        if float(shown.rstrip("%")) not in bounds:
            break
    return shown


def measure(name: str, value: float | None) -> str:
    """Return the value of a metric in its usual unit.

    Parameters
    ----------
    name : str
        Name of the metric; shares are shown in percent, all others as a number.
    value : float or None

    Returns
    -------
    str

    Examples
    --------
    >>> measure("macro_f1", 0.9213), measure("log_loss", 0.2134), measure("roc_auc", 0.99987)
    ('92.1%', '0.213', '0.9999')
    """
    if name not in _NUMBERS:
        return percent(value)
    if value is None or math.isnan(value):
        return MISSING
    return _apart(value, "f", 3, () if value == 1 else (1.0,))


def interval(name: str, estimate: Mapping[str, float | None]) -> str:
    """Return the ends of an estimate's interval, or nothing where it has none.

    Parameters
    ----------
    name : str
        Name of the metric.
    estimate : mapping
        With low and high.

    Returns
    -------
    str

    Examples
    --------
    >>> interval("accuracy", {"value": 0.92, "low": 0.91, "high": 0.931})
    '91.0 to 93.1'
    """
    low, high = estimate["low"], estimate["high"]
    if low is None or high is None:
        return ""
    return f"{measure(name, low).rstrip('%')} to {measure(name, high).rstrip('%')}"


def count(value: float | None) -> str:
    """Return a number of things, thousands separated.

    Parameters
    ----------
    value : float or None

    Returns
    -------
    str
    """
    return MISSING if value is None else f"{value:,.0f}"


def epochs(value: float) -> str:
    """Return a number of passes over the data.

    Parameters
    ----------
    value : float

    Returns
    -------
    str

    Examples
    --------
    >>> epochs(1.0), epochs(2.5)
    ('1 epoch', '2.5 epochs')
    """
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{shown} epoch" if shown == "1" else f"{shown} epochs"


def duration(seconds: float | None) -> str:
    """Return a time in the units that people say it in.

    Parameters
    ----------
    seconds : float or None

    Returns
    -------
    str

    Examples
    --------
    >>> duration(0.04), duration(7.26), duration(119.7), duration(4020)
    ('0.04 s', '7.3 s', '2 min', '1 h 7 min')
    """
    if seconds is None:
        return MISSING
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def moment(iso: str | None) -> str:
    """Return a point in time to the second.

    Parameters
    ----------
    iso : str or None
        As ``datetime.isoformat`` writes it; anything else is returned as it is.

    Returns
    -------
    str

    Examples
    --------
    >>> moment("2026-05-04T10:11:12.345678+00:00")
    '2026-05-04 10:11:12 UTC'
    """
    if iso is None:
        return MISSING
    try:
        return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M:%S %Z}".strip()
    except ValueError:
        return iso


def quoted(text: str) -> str:
    """Return a string in double quotes as JSON, TOML and YAML all read it.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        On one line, whatever the text holds.
    """
    return as_toml(_UNPRINTABLE.sub("\ufffd", text))


def named(label: str) -> str:
    """Return a label whose direction of writing stays its own."""
    return f"“{_FIRST_ISOLATE}{label}{_POP}”"


def made(document: Mapping[str, Any], given: str) -> str:
    """Say what was made, for a report's first sentence.

    Parameters
    ----------
    document : mapping
    given : str
        How many of its labels the model gives a text.
    """
    data, model, training = document["data"], document["model"], document["training"]
    labels = data["labels"]
    kinds = ", ".join(named(label) for label in labels[:6])
    if len(labels) > 6:
        kinds += f" and {len(labels) - 6} more"
    return (
        f"A model that gives a text {given} of {len(labels)} labels: {kinds}. Its encoder, "
        f"{model['encoder']} ({model['parameters'] / 1e6:.1f} million parameters with the head), "
        f"was fine-tuned on {_part(training['epochs'])}{data['rows']['train']:,} labelled texts "
        f"in {duration(training['seconds'])}.{_beside(document.get('ngrams'))}"
    )


def _part(passes: float) -> str:
    """Say how much of the texts a training saw that ended before it had seen them all."""
    return f"{percent(passes)} of " if passes < 1 else ""


def _beside(ngrams: Mapping[str, Any] | None) -> str:
    if not ngrams:
        return ""
    named = f" A linear model of {count(ngrams['features'])} words and pairs of words"
    if not (cascade := ngrams.get("cascade")):
        return f"{named} counts beside it." if ngrams["weight"] else ""
    share = percent(cascade["share"])
    also = " counts beside it, and" if ngrams["weight"] else ""
    return f"{named}{also} answers in its place where it is sure ({share} of validation)."
