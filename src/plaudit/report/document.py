"""Put together report.json: everything that a report says, in one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plaudit.data.cleaned import Rows

SCHEMA = 1


def mistakes(
    rows: tuple[Sequence[str], Sequence[str]],
    targets_N: np.ndarray,
    predicted: tuple[np.ndarray, np.ndarray],
    labels: Sequence[str],
    most: int = 20,
) -> list[dict[str, Any]]:
    """Return the rows that were labelled wrongly with the greatest confidence.

    Parameters
    ----------
    rows : (texts, origins)
    targets_N : ndarray of int64
    predicted : (ndarray of int64, ndarray of float64)
        The label given to each row, and its probability.
    labels : sequence of str
    most : int

    Returns
    -------
    list of dict
        ``text``, ``truth``, ``predicted``, ``probability``, ``origin``; most confident first.
    """
    texts, origins = rows
    predicted_N, given_N = predicted
    wrong = np.flatnonzero(predicted_N != targets_N)
    order = wrong[np.argsort(-given_N[wrong], kind="stable")][:most]
    return [
        {
            "text": texts[n],
            "truth": labels[int(targets_N[n])],
            "predicted": labels[int(predicted_N[n])],
            "probability": float(given_N[n]),
            "origin": origins[n],
        }
        for n in order
    ]


def set_mistakes(
    rows: Rows,
    given_NC: np.ndarray,
    probabilities_NC: np.ndarray,
    labels: Sequence[str],
    most: int = 20,
) -> list[dict[str, Any]]:
    """Return the rows with a wrong label of which the model was surest.

    Parameters
    ----------
    rows : Rows
    given_NC : ndarray of bool
        The labels that rows were given.
    probabilities_NC : ndarray of float64
    labels : sequence of str
    most : int

    Returns
    -------
    list of dict
        ``text``, ``truth`` and ``predicted`` (lists of labels), ``label``, the one that was
        surest and wrong, ``probability`` of having or lacking it as the model says, ``origin``.
    """
    sure_NC = np.where(given_NC, probabilities_NC, 1.0 - probabilities_NC)
    sure_NC = np.where(given_NC != (rows.targets_N == 1), sure_NC, -1.0)
    worst_N = sure_NC.argmax(axis=1)
    most_N = sure_NC.max(axis=1)
    order = np.argsort(-most_N, kind="stable")[:most]
    return [
        {
            "text": rows.texts[n],
            "truth": [labels[c] for c in np.flatnonzero(rows.targets_N[n]).tolist()],
            "predicted": [labels[c] for c in np.flatnonzero(given_NC[n]).tolist()],
            "label": labels[int(worst_N[n])],
            "probability": float(most_N[n]),
            "origin": rows.origins[n],
        }
        for n in order.tolist()
        if most_N[n] >= 0
    ]


def text_section(
    policy: str, max_tokens: int, full_N: np.ndarray, kept_N: np.ndarray
) -> dict[str, Any]:
    """Say how much of the training texts the long-text policy kept."""
    return {
        "policy": policy,
        "max_tokens": max_tokens,
        "texts": len(full_N),
        "texts_cut": int((kept_N < full_N).sum()),
        "tokens_total": int(full_N.sum()),
        "tokens_kept": int(kept_N.sum()),
    }


def history_section(records: Sequence[Mapping[str, Any]], most: int = 400) -> list[dict[str, Any]]:
    """Thin the history for the report; every evaluation and the last step stay.

    ``history.jsonl`` in the run's folder holds every step.
    """
    every = max(1, len(records) // most)
    keys = (
        "step", "epoch", "loss", "lr", "grad_norm", "tokens_per_s", "seconds", "validation",
    )  # fmt: skip
    return [
        {key: record[key] for key in keys}
        for i, record in enumerate(records)
        if i % every == 0 or record["validation"] is not None or i == len(records) - 1
    ]
