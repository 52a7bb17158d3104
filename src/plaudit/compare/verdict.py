"""What a comparison found, in words that claim no more than was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plaudit.evaluate.paired import METRICS
from plaudit.evaluate.scores import Estimate
from plaudit.report.words import percent


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pair's outcome.

    Attributes
    ----------
    better : str or None
        None: no difference that could be told from chance.
    words : str
    """

    better: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verdict rests on.

    Attributes
    ----------
    names : (str, str)
        The first and the second.
    accuracies : (float, float)
    difference : Estimate
        The first's accuracy minus the second's.
    p : float
        Of McNemar's test, adjusted where there are several pairs.
    adjusted : bool
    confidence : float
        A difference counts when p is below one minus this.
    rows : int
    """

    names: tuple[str, str]
    accuracies: tuple[float, float]
    difference: Estimate
    p: float
    adjusted: bool
    confidence: float
    rows: int


def verdict(outcome: Outcome) -> Verdict:
    """Say which of two is better, by how much and how surely; or that chance explains it.

    Parameters
    ----------
    outcome : Outcome

    Returns
    -------
    Verdict

    Examples
    --------
    >>> told = Outcome(
    ...     ("a", "b"), (0.90, 0.93), Estimate(-0.03, -0.05, -0.01), 0.0031, False, 0.95, 2500
    ... )
    >>> print(verdict(told).words)
    b is better than a by 3.0 points, 95% interval 1.0 to 5.0, p = 0.0031 (n = 2,500)
    """
    first, second = outcome.names
    value, low, high = outcome.difference.value, outcome.difference.low, outcome.difference.high
    told = outcome.p < 1.0 - outcome.confidence and value != 0.0
    if told and value < 0.0:
        first, second, value = second, first, -value
        low, high = (None, None) if low is None or high is None else (-high, -low)
    surely = f"{_interval(low, high, outcome.confidence)}{_p(outcome)} (n = {outcome.rows:,})"
    if told:
        return Verdict(first, f"{first} is better than {second} by {_points(value)}{surely}")
    shares = [
        f"{name} {percent(share)}"
        for name, share in zip(outcome.names, outcome.accuracies, strict=True)
    ]
    return Verdict(
        None,
        f"no difference that could be told from chance: {', '.join(shares)} correct; {first} "
        f"minus {second} is {_points(value)}{surely}",
    )


def _points(share: float) -> str:
    return f"{_number(share)} points"


def _number(share: float) -> str:
    points = share * 100
    shown = f"{points:.1f}" if abs(points) >= 0.095 or points == 0 else f"{points:.2f}"
    return "0.0" if float(shown) == 0 else shown


def _interval(low: float | None, high: float | None, confidence: float) -> str:
    if low is None or high is None:
        return ", too alike for an interval"
    return f", {confidence * 100:g}% interval {_number(low)} to {_number(high)}"


def _p(outcome: Outcome) -> str:
    note = " after Holm's correction" if outcome.adjusted else ""
    return f", {p_value(outcome.p)}{note}"


def p_value(p: float) -> str:
    """Write a p-value with two digits that count.

    Examples
    --------
    >>> p_value(0.0314), p_value(0.00001), p_value(1.0)
    ('p = 0.031', 'p < 0.001', 'p = 1')
    """
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.2g}"


def table(document: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Lay out each contender's metrics on the matched rows, for the terminal.

    Parameters
    ----------
    document : mapping
        What :func:`plaudit.compare` returned.

    Returns
    -------
    (names of the columns, rows)
    """
    rows = []
    for each in document["contenders"]:
        accuracy, macro_f1, loss = (each["metrics"][name] for name in METRICS)
        ends = (
            ""
            if accuracy["low"] is None
            else f"{percent(accuracy['low'])} to {percent(accuracy['high'])}"
        )
        rows.append(
            [
                each["name"],
                percent(accuracy["value"]),
                ends,
                percent(macro_f1["value"]),
                f"{loss['value']:.3f}",
            ]
        )
    return ["", "accuracy", "interval", "macro F1", "log loss"], rows


def lines(document: Mapping[str, Any]) -> list[str]:
    """Lay out the rows on which the contenders differ.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of str
        Not yet made safe for a terminal.
    """
    differ, rows = document["disagreements"], document["rows"]
    found = [f"they answer differently on {differ['rows']:,} of {rows:,} rows"]
    if differ["shown"]:
        found[0] += f"; the {len(differ['shown']):,} with the widest gap:"
    for row in differ["shown"]:
        answers = "; ".join(
            f"{each['name']} {'right' if each['right'] else 'wrong'}: {each['predicted']} "
            f"{each['probability']:.2f}"
            for each in row["answers"]
        )
        found += [f"{row['origin']} ({row['truth']}): {answers}", f"    {row['excerpt']}"]
    return found
