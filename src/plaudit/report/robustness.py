"""The section on robustness in words and tables, the same for page and terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from plaudit.report import words

Section = Mapping[str, Any]
_AROUND = 90
"""Characters of an excerpt on either side of where a text was changed."""


def sentences(section: Section) -> list[str]:
    """Say what was found, the pairs first.

    Parameters
    ----------
    section : mapping
        ``robustness`` of a report.

    Returns
    -------
    list of str
        Sentences without markup; one that warns begins with ATTENTION.
    """
    return [*_of_pairs(section), *_of_checks(section), _of_domain(section)]


def _of_pairs(section: Section) -> list[str]:
    pairs = section["pairs"]
    if pairs is None:
        return []
    level = _level(section)
    said = [
        f"Of {words.count(pairs['pairs'])} pairs, the model labels "
        f"{_share(pairs['original'], level)} of the originals and "
        f"{_share(pairs['edited'], level)} of the edited texts correctly, and both texts of "
        f"{_share(pairs['consistent'], level)} of the pairs. {_difference(pairs)}"
    ]
    said += _of_seen(pairs, level)
    return said


def _of_seen(pairs: Section, level: str) -> list[str]:
    originals, edited = pairs["seen_originals"], pairs["seen_edited"]
    if not originals and not edited:
        return ["Training and validation have seen none of these texts."]
    also = f" and {words.count(edited)} of the edited texts" if edited else ""
    said = [
        f"ATTENTION: training or validation has seen {words.count(originals)} of the "
        f"{words.count(pairs['pairs'])} originals{also}, so the model may know them by heart: "
        f"accuracy on them is too favourable. {_without(pairs['asked'])}"
    ]
    unseen = pairs["unseen"]
    if unseen is not None:
        said.append(
            f"On the {words.count(unseen['pairs'])} pairs of which it has seen neither text: "
            f"originals {_share(unseen['original'], level)}, edited "
            f"{_share(unseen['edited'], level)}, both {_share(unseen['consistent'], level)}."
        )
    return said


def _without(asked: Sequence[str]) -> str:
    setting = "data.exclude=" + (shlex.quote(asked[0]) if len(asked) == 1 else "TABLE")
    first = "" if len(asked) == 1 else f"Put the rows of {' and '.join(asked)} into one table. "
    return f"{first}Train anew with {setting} to leave them out."


def _difference(pairs: Section) -> str:
    found = pairs["difference"]
    points = 100 * found["value"]
    ends = (
        ""
        if found["low"] is None
        else f" (interval of the change {100 * found['low']:+.1f} to {100 * found['high']:+.1f})"
    )
    if abs(points) < 0.05:
        return f"Accuracy is the same before and after the edits{ends}."
    verb = "cost" if points < 0 else "gain"
    return f"The edits {verb} {abs(points):.1f} points{ends}."


def _of_checks(section: Section) -> list[str]:
    run = [check for check in section["checks"] if not check["skipped"]]
    failed = sorted(
        (check for check in run if check["failures"]),
        key=lambda check: -check["failure_rate"]["value"],
    )
    if not run:
        return ["No generated check could be run."]
    if not failed:
        return [f"All {len(run)} generated checks passed on every case."]
    worst = ", ".join(
        f"{check['name']} {words.percent(check['failure_rate']['value'])}" for check in failed[:3]
    )
    return [
        f"{len(run) - len(failed)} of {len(run)} generated checks passed on every case; most "
        f"failures: {worst}."
    ]


def _of_domain(section: Section) -> str:
    domain = section["second_domain"]
    if domain["skipped"]:
        return f"A second domain was not tried: {domain['skipped'].rstrip('.')}."
    accuracy = _share(domain["metrics"]["accuracy"], _level(section))
    return (
        f"On {words.count(domain['rows'])} texts of another domain ({domain['data']}), on which it "
        f"was not trained, the model labels {accuracy} correctly."
    )


def rows(section: Section) -> list[dict[str, Any]]:
    """Return a row for each check.

    Parameters
    ----------
    section : mapping

    Returns
    -------
    list of dict
        name, kind, change, expected, cases, failures, rate, interval (empty when skipped),
        skipped, and examples, each with before, after (excerpts) and what the model said.
    """
    return [
        {
            **check,
            "expected": check["expected"] or words.MISSING,
            "rate": "" if check["skipped"] else words.percent(check["failure_rate"]["value"]),
            "interval": ""
            if check["skipped"]
            else words.interval("failure_rate", check["failure_rate"]),
            "examples": [_example(example) for example in check["examples"]],
        }
        for check in section["checks"]
    ]


def missed_pairs(section: Section) -> list[dict[str, Any]]:
    """Return the pairs whose edited text was missed, as excerpts around the first change.

    Parameters
    ----------
    section : mapping

    Returns
    -------
    list of dict
        original, edited, label, edited_label, said, origin.
    """
    if section["pairs"] is None:
        return []
    shown = []
    for each in section["pairs"]["examples"]:
        original, edited = excerpts(each["original"], each["edited"])
        said = f"{words.percent(each['edited_probability'])} for {each['edited_label']}"
        shown.append({**each, "original": original, "edited": edited, "said": said})
    return shown


def table(section: Section) -> tuple[list[str], list[list[str]]]:
    """Return the checks as a table for a terminal: its columns and its rows.

    Parameters
    ----------
    section : mapping

    Returns
    -------
    (list of str, list of list of str)
    """
    shown = [
        [
            each["name"],
            each["kind"],
            str(each["cases"]) if not each["skipped"] else words.MISSING,
            each["rate"] or "skipped",
            each["interval"] or words.MISSING,
            each["expected"],
        ]
        for each in rows(section)
    ]
    return ["check", "kind", "cases", "failed", f"{_level(section)} interval", "expected"], shown


def lines(section: Section) -> list[str]:
    """Return why checks were skipped and, for each that failed, the surest failure in two lines.

    Parameters
    ----------
    section : mapping

    Returns
    -------
    list of str
    """
    said: list[str] = []
    for each in rows(section):
        for example in each["examples"][:1]:
            said += [f"{each['name']}: {example['said']} ({example['origin']})"]
            said += [f"  before: {example['before']}"] if example["before"] else []
            said += [f"  after:  {example['after']}"]
    return [*said, *(f"skipped: {reason}" for reason in _skipped(section))]


def _skipped(section: Section) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for check in section["checks"]:
        if check["skipped"]:
            reasons.setdefault(check["skipped"], []).append(check["name"])
    return [f"{', '.join(names)} ({reason})" for reason, names in reasons.items()]


def _example(example: Section) -> dict[str, Any]:
    before, after = excerpts(example["before"] or "", example["after"])
    now = f"{example['label_after']} {words.percent(example['probability_after'])}"
    if example["label_before"] is not None:
        was = f"{example['label_before']} {words.percent(example['probability_before'])}"
        now = f"{was} → {now}"
    return {**example, "before": before, "after": after, "said": now}


def excerpts(before: str, after: str) -> tuple[str, str]:
    """Cut two texts to what lies around the first place where they differ.

    Parameters
    ----------
    before, after : str

    Returns
    -------
    (str, str)

    Examples
    --------
    >>> excerpts("so " * 99 + "good", "so " * 99 + "bad")[1]
    '…so so so so so so so so so so so so so so so so so so so so so so so so so so so so so so bad'
    """
    same = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    start = max(0, same - _AROUND)
    return _cut(before, start, same + _AROUND), _cut(after, start, same + _AROUND)


def _cut(text: str, start: int, end: int) -> str:
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"


def _share(estimate: Section, level: str) -> str:
    ends = words.interval("accuracy", estimate)
    return words.percent(estimate["value"]) + (f" ({level} interval {ends})" if ends else "")


def _level(section: Section) -> str:
    return f"{section['confidence'] * 100:g}%"


def view(section: Section | None) -> dict[str, Any] | None:
    """Return what the page shows.

    Parameters
    ----------
    section : mapping or None

    Returns
    -------
    dict or None
        sentences (text, warns), rows, missed, and skipped: reasons in words; ``failed`` alone where
        nothing could be measured.
    """
    if section is None:
        return None
    failed = section.get("failed")
    if failed is not None:
        return {"failed": failed}
    return {
        "failed": None,
        "sentences": [
            {"text": each, "warns": each.startswith("ATTENTION")} for each in sentences(section)
        ],
        "rows": rows(section),
        "missed": missed_pairs(section),
        "skipped": _skipped(section),
    }
