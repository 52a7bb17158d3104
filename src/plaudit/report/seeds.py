"""What several seeds show, in words for the terminal and the page, and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report import words

_SHOWN = {"accuracy": "accuracy", "macro_f1": "macro F1", "log_loss": "log loss"}


def sentences(document: Mapping[str, Any]) -> list[str]:
    """Say how far seeds differ, what their ensemble reaches, and whose model was kept.

    Parameters
    ----------
    document : mapping
        A report.

    Returns
    -------
    list of str
        Empty for a run of one seed.
    """
    found = document.get("seeds")
    if not found:
        return []
    where = "test" if found["metrics"] else "validation"
    spread = found["metrics"] or found["validation"]
    parts = [_plus_minus(key, name, spread[key]) for key, name in _SHOWN.items() if key in spread]
    said = []
    if parts:
        said.append(
            f"{len(found['seeds'])} seeds on {where} data: {', '.join(parts)} (mean ± standard "
            "deviation)."
        )
    if found["ensemble"]:
        accuracy = found["ensemble"]["metrics"]["accuracy"]
        ends = words.interval("accuracy", accuracy)
        said.append(
            "Their ensemble, the mean of their probabilities, labels "
            f"{words.percent(accuracy['value'])} correctly{f' ({ends})' if ends else ''}"
            f"{_by_whose_rule(document)}."
        )
    reason = f"the best by {found['chosen_by']}" if found["chosen_by"] else "the first"
    said.append(f"The model is that of seed {found['chosen']}, {reason}.")
    return said


def _by_whose_rule(document: Mapping[str, Any]) -> str:
    rule = (document.get("decision") or {}).get("threshold")
    if not rule:
        return ""
    kind = "costs" if rule["by"] == "cost" else "threshold"
    return f", decided by the {kind} of seed {document['seeds']['chosen']}"


def _plus_minus(key: str, name: str, spread: Mapping[str, float]) -> str:
    if key == "log_loss":
        return f"{name} {spread['mean']:.3f} ± {spread['sd']:.3f}"
    return f"{name} {100 * spread['mean']:.1f}% ± {100 * spread['sd']:.1f}"


def seed_rows(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a row for each seed: seed, validation, accuracy, macro_f1, log_loss.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    list of dict
    """
    found = document.get("seeds")
    if not found:
        return []
    return [
        {
            "seed": f"{run['seed']}{' (kept)' if run['seed'] == found['chosen'] else ''}",
            "validation": words.percent((run["validation"] or {}).get("accuracy")),
            **{
                key: words.measure(key, (run["metrics"] or {}).get(key))
                for key in ("accuracy", "macro_f1", "log_loss")
            },
        }
        for run in found["runs"]
    ]
