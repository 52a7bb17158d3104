"""Answers and scores on lines of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plaudit.console import as_json, inert

if TYPE_CHECKING:
    from plaudit.multilabel import LabelSet
    from plaudit.predict import Prediction


def prediction_line(
    text: str | tuple[str, str], prediction: Prediction | LabelSet, *, json: bool
) -> str:
    """Put an answer on one line.

    Parameters
    ----------
    text : str, or (str, str)
        What was asked.
    prediction : Prediction or LabelSet
    json : bool
        As a JSON document; else label, probability and text, separated by tabs. For the label of
        an unsure answer stands ``unsure`` with the best guess behind it. Of several labels, each
        with its probability, separated by commas; where there is none, ``(no label)``.

    Returns
    -------
    str
    """
    from plaudit.multilabel import LabelSet

    asked = {"text": text} if isinstance(text, str) else {"text": text[0], "text_pair": text[1]}
    if isinstance(prediction, LabelSet):
        return _label_set_line(asked, prediction, json=json)
    if not json:
        label = inert(prediction.label)
        shown = f"unsure ({label})" if prediction.unsure else label
        return "\t".join([shown, f"{prediction.probability:.4f}", *map(inert, asked.values())])
    answer: dict[str, Any] = {
        **asked,
        "label": prediction.label,
        "probability": prediction.probability,
        "probabilities": prediction.probabilities,
        "unsure": prediction.unsure,
    }
    if prediction.possible is not None:
        answer["possible"] = prediction.possible
    return as_json(answer, indent=None)


def _label_set_line(asked: Mapping[str, str], prediction: LabelSet, *, json: bool) -> str:
    if json:
        answer = {"labels": prediction.labels, "probabilities": prediction.probabilities}
        return as_json({**asked, **answer}, indent=None)
    shown = [f"{inert(each)} {prediction.probabilities[each]:.4f}" for each in prediction.labels]
    return "\t".join([", ".join(shown) or "(no label)", *map(inert, asked.values())])


def scores(document: Mapping[str, Any]) -> list[str]:
    """Lay out the metrics of an evaluation, one a line with its interval.

    Parameters
    ----------
    document : mapping
        What ``plaudit.evaluate`` returned.

    Returns
    -------
    list of str
    """
    split, labels = document["split"], ", ".join(map(inert, document["labels"]))
    lines = [f"{document['rows']:,} rows ({inert(split)}), labels {labels}"]
    width = max(20, *map(len, document["metrics"]))
    for name, estimate in document["metrics"].items():
        line = f"{name:<{width}} {_number(estimate['value'])}"
        if estimate.get("low") is not None:
            line += f"   {_number(estimate['low'])} to {_number(estimate['high'])}"
        lines.append(line)
    sure = (document.get("decision") or {}).get("test")
    if sure is not None:
        lines.append(
            f"{'answered':<20} {sure['answered']:,} of {sure['rows']:,} for sure, of these right: "
            f"{_number(sure['accuracy_answered']['value'])}"
        )
    return lines


def _number(value: float | None) -> str:
    return "undefined" if value is None or not math.isfinite(value) else f"{value:.4f}"
