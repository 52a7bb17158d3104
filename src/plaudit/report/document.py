"""Put together report.json: everything that a report says, in one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

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
