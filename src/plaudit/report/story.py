"""What a reader should know before the figures, in a handful of plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from plaudit.report import label_sets, view, words
from plaudit.report.names import MAIN

Document = Mapping[str, Any]

_FEW_TEXTS = 1000
_FINDINGS = 4


def story(document: Document) -> list[tuple[str, str]]:
    """Tell what was made, how good it is, how sure that is, and what it gets wrong.

    Parameters
    ----------
    document : mapping
        The report, as in ``report.json``.

    Returns
    -------
    list of (question, answer)
        Without markup; what the report does not know is left out.
    """
    if document["data"].get("multilabel"):
        return label_sets.story(document)
    parts = (
        ("What it is", _what(document)),
        ("How sure that is", _sure(document)),
        ("Beside a simple model", _baseline(document)),
        ("What it gets wrong", _wrong(document)),
        ("Whether to believe its probabilities", _believable(document)),
    )
    return [(question, answer) for question, answer in parts if answer]


def cautions(document: Document) -> list[str]:
    """Return what to be careful about, the gravest first.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of str
    """
    return list(_cautions(document))


def _what(document: Document) -> str:
    return words.made(document, "one")


def _sure(document: Document) -> str:
    test = document["test"]
    if test is None:
        return ""
    ends = words.interval("accuracy", test["metrics"]["accuracy"])
    if not ends:
        return ""
    told = (
        f"On other texts of the same kind its accuracy is likely to be {ends}%. That counts the "
        f"chance in which {test['rows']:,} texts were drawn for the test, not"
    )
    seeds = document.get("seeds")
    if seeds:
        spread = seeds["metrics"]["accuracy"]
        return (
            f"{told} that of training: over {len(seeds['seeds'])} seeds the accuracy was "
            f"{words.percent(spread['mean'])} on average, from {words.percent(spread['min'])} to "
            f"{words.percent(spread['max'])}."
        )
    return f"{told} that of training again with another seed, nor other kinds of text."


def _baseline(document: Document) -> str:
    test, baseline = document["test"], document["baseline"]
    if test is None or baseline is None:
        return ""
    own, other = (one["metrics"]["accuracy"] for one in (test, baseline["scores"]))
    if own["value"] is None or other["value"] is None:
        return ""
    if own["value"] == other["value"]:
        verdict = "as often correctly as this model"
    else:
        verdict = f"{'less' if own['value'] > other['value'] else 'more'} often correctly"
    told = (
        f"{baseline['name']}, trained on the same texts in {words.duration(baseline['fit_s'])}, "
        f"labels {words.percent(other['value'])}, {verdict}."
    )
    return told if _apart(own, other) else f"{told} The two intervals overlap: {_UNSETTLED}."


_UNSETTLED = "such a difference may be chance (plaudit compare tests it row by row)"


def _apart(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    ends = (own["low"], own["high"], other["low"], other["high"])
    if any(end is None for end in ends):
        return True
    return bool(own["low"] > other["high"] or other["low"] > own["high"])


def _wrong(document: Document) -> str:
    test = document["test"]
    if test is None:
        return ""
    pairs = [
        (cell, truth, predicted)
        for truth, row in enumerate(test["confusion"])
        for predicted, cell in enumerate(row)
        if truth != predicted
    ]
    wrong = sum(cell for cell, _, _ in pairs)
    if not wrong:
        return f"Nothing among {test['rows']:,} test texts."
    cell, truth, predicted = max(pairs, key=lambda pair: pair[0])
    labels = test["labels"]
    told = f"{wrong:,} of {test['rows']:,} test texts"
    if cell:
        told += (
            f"; most often, {words.named(labels[truth])} is taken for "
            f"{words.named(labels[predicted])} ({cell:,} times)"
        )
    return f"{told}.{_weakest(document)}"


def _weakest(document: Document) -> str:
    for cut in document.get("slices") or []:
        groups = [one for one in cut["groups"] if one["accuracy"]["value"] is not None]
        shares = {one["accuracy"]["value"] for one in groups}
        if cut["kind"] == "length" and len(shares) > 1:
            worst = min(groups, key=lambda one: one["accuracy"]["value"])
            return (
                f" By length it does worst on texts of {worst['value']} words: "
                f"{words.percent(worst['accuracy']['value'])} correct."
            )
    return ""


def _believable(document: Document) -> str:
    measured = (document.get("calibration") or {}).get("test")
    if not measured:
        return ""
    after = measured["after"]
    off, chance = (words.percent(after[name]) for name in ("ece", "ece_by_chance"))
    return (
        f"On average they are off by {off} of 100% (calibration error); on so many texts, "
        f"probabilities that hold exactly would seem off by about {chance}."
    )


def _cautions(document: Document) -> Iterator[str]:
    test, baseline = document["test"], document["baseline"]
    if (wall := view.firewall(document)).startswith("Attention"):
        yield wall
    if test is None:
        yield "It was not tested on texts that had no part in training."
    elif document["overlap"]["rows"]:
        yield (
            "Some test texts were also seen in training or selection; see the figures without them."
        )
    if test is not None and baseline is not None:
        main = MAIN[bool(document["data"].get("multilabel"))]
        own, other = (one["metrics"][main] for one in (test, baseline["scores"]))
        if None not in (own["value"], other["value"]) and own["value"] <= other["value"]:
            yield "The simple model does no worse; this one may not be worth its cost yet."
    if test is not None and test["rows"] < _FEW_TEXTS:
        yield f"{test['rows']:,} test texts are few: every figure has a wide interval."
    yield document["data"]["test_note"]
    audit = document.get("audit") or {}
    grave = [one for one in audit.get("findings", []) if one["severity"] != "note"]
    yield from (f"In the training data: {one['title']}." for one in grave[:_FINDINGS])
