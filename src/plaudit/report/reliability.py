"""Calibration and decision, for the page and the card: sentences, a table, a diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plaudit.report import plots, words
from plaudit.report.svg import svg

MEASURES = {
    "ece": "Calibration error (ECE)",
    "brier": "Brier score",
    "log_loss": "Log loss",
}


def rows(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the table of how well probabilities hold on test, before and after the temperature.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of dict
        ``name``, ``before``, ``after``; empty without a test, or in an older report.
    """
    test = _test(document)
    if test is None:
        return []
    before, after = test["before"], test["after"]
    return [
        {"name": name, "before": f"{before[key]:.3f}", "after": f"{after[key]:.3f}"}
        for key, name in MEASURES.items()
    ]


def sentences(document: Mapping[str, Any]) -> list[str]:
    """Say in words how probabilities were calibrated and by what the answer is chosen.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of str
        Empty without a test, or in an older report.
    """
    if _test(document) is None:
        return []
    return [_calibrated(document["calibration"]), *decided(document)]


def _test(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    calibration = document.get("calibration") or {}
    found: Mapping[str, Any] | None = calibration.get("test")
    return found


def _calibrated(calibration: Mapping[str, Any]) -> str:
    test, temperature = calibration["test"]["after"], calibration["temperature"]
    chance = (
        f"The calibration error on the test texts is {test['ece']:.3f}; probabilities that hold "
        f"exactly would show {test['ece_by_chance']:.3f} on so many."
    )
    if temperature is None:
        return f"{calibration['note']} {chance}"
    return (
        f"Probabilities were calibrated with a temperature of {temperature:.2f}, fitted on "
        f"{calibration['rows']:,} validation texts; which label is the likeliest it does not "
        f"change. {chance}"
    )


def decided(document: Mapping[str, Any]) -> list[str]:
    """Say by what the answer is chosen and when it is unsure, and how that went on test.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of str
        Empty where the likeliest label is the answer.
    """
    decision = document.get("decision")
    if decision is None:
        return []
    found = []
    if decision["threshold"] is not None:
        found.append(_chosen(decision["threshold"], document["data"]["labels"]))
    if decision["abstain"] is not None:
        found.append(_abstains(decision["abstain"], decision["test"]))
    return found


def fitted(document: Mapping[str, Any]) -> str | None:
    """Say in one line what of the answers was fitted on validation; None when nothing was.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    str or None
    """
    calibration, decision = document.get("calibration"), document.get("decision")
    parts = []
    if calibration is not None and calibration["temperature"] is not None:
        parts.append(f"Temperature {calibration['temperature']:.2f}.")
    if decision is not None:
        parts += decided(document)
    return " ".join(parts) or None


def _chosen(rule: Mapping[str, Any], labels: Sequence[str]) -> str:
    ways = {
        "f1": "the best F1",
        "cost": "the least expected cost",
        "precision": "a wanted precision",
        "recall": "a wanted recall",
    }
    sentence = f"The answer is chosen for {ways[rule['by']]}"
    if rule["target"] is not None:
        sentence += f" of {words.percent(rule['target'])}"
    sentence += f" of the label {rule['label']}" if rule["label"] is not None else ""
    if rule["probability"] is not None:
        sentence += f": {labels[1]} from a probability of {rule['probability']:.3f} on"
    missed = "" if rule["reached"] else " It was not reached on validation; the nearest was taken."
    return f"{sentence}. transformers.pipeline knows nothing of this; plaudit does.{missed}"


def _abstains(rule: Mapping[str, Any], test: Mapping[str, Any] | None) -> str:
    if rule["by"] == "error":
        sentence = (
            f"Answers are marked unsure so that at most {words.percent(rule['wanted'])} of the "
            f"others are wrong (bound on validation: {words.percent(rule['promised'])})"
        )
    else:
        sentence = (
            "Answers are marked unsure unless they are alone in a conformal set, which is to hold "
            f"the truth for {words.percent(rule['wanted'])} of texts"
        )
    if test is None:
        return f"{sentence}."
    sentence += f". On test {words.percent(test['coverage']['value'])} were answered for sure"
    if test["answered"]:
        sentence += f", {words.percent(test['accuracy_answered']['value'])} of them correctly"
    if "sets" in test:
        sentence += (
            f"; the sets held the truth for {words.percent(test['sets']['coverage']['value'])}"
        )
    missed = "" if rule["reached"] else " Validation was too small to promise what was wanted."
    return f"{sentence}.{missed}"


def diagram(document: Mapping[str, Any]) -> str | None:
    """Draw accuracy over confidence on test, before and after the temperature.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    str or None
        An ``<svg>`` element; None without a test, or with fewer than two bins.
    """
    test = _test(document)
    if test is None or len(test["after"]["bins"]) < 2:
        return None
    before, after = test["before"]["bins"], test["after"]["bins"]
    figure, axes = plots.square("confidence", "accuracy")
    plots.diagonal(axes)
    if before != after:
        plots.dots(axes, [(b["confidence"], b["accuracy"]) for b in before], first=True)
    plots.dots(axes, [(b["confidence"], b["accuracy"]) for b in after], first=False)
    plots.whiskers(axes, [(b["confidence"], b["low"], b["high"]) for b in after])
    shown = ", ".join(
        f"{words.percent(b['accuracy'])} right at {words.percent(b['confidence'])}" for b in after
    )
    return svg(figure, "reliability", "Accuracy by confidence", f"Test texts: {shown}.")
