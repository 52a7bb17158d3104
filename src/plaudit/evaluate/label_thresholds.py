"""From which probability on each label is given, where a text may have several; fitted by F1.

Axes: N rows, C labels, K cuts: how many rows, the likeliest first, get the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.config import DecideConfig
from plaudit.evaluate.bootstrap import Floats
from plaudit.evaluate.decide import Decision
from plaudit.evaluate.settle import Settled

Marks = NDArray[np.integer[Any]]
HALF = 0.5
FEWEST = 10
"""Rows with a label, and without it, from which on its threshold is fitted: the F1 of fewer moves
more by chance than a threshold can gain."""
_SLIGHT = 1e-12


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which probability on a label is given.

    Attributes
    ----------
    value : float
    fitted : bool
        False where 0.5 was kept: not asked for, or too few rows.
    rows : int
        Rows that have the label.
    before, after : float or None
        Its F1 on the rows that chose it, at 0.5 and at the threshold; None without a row of it.
    """

    value: float
    fitted: bool
    rows: int
    before: float | None
    after: float | None


def sigmoid(logits_NC: NDArray[np.floating[Any]]) -> Floats:
    """Turn logits into a probability for each label, in float64.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([[0.0, -800.0, 800.0]]))
    array([[0.5, 0. , 1. ]])
    """
    logits = np.asarray(logits_NC, dtype=np.float64)
    # exp of what is never above 0 cannot overflow.
    small = np.exp(-np.abs(logits))
    result: Floats = np.where(logits >= 0, 1.0, small) / (1.0 + small)
    return result


def given(probabilities_NC: Floats, thresholds_C: Sequence[float] | None) -> NDArray[np.bool_]:
    """Return which labels each row is given: those that reach their threshold, 0.5 without any."""
    marks_NC: NDArray[np.bool_] = probabilities_NC >= (
        HALF if thresholds_C is None else np.asarray(thresholds_C, dtype=np.float64)
    )
    return marks_NC


def fit(probabilities_NC: Floats, targets_NC: Marks) -> tuple[Threshold, ...]:
    """Find the threshold of each label with its best F1; of several the one nearest to 0.5.

    Parameters
    ----------
    probabilities_NC : ndarray of float
        Of rows that the model was not trained on.
    targets_NC : ndarray of int
        0 or 1.

    Returns
    -------
    tuple of Threshold

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.linspace(0.0, 0.4, 41)[:, None]
    >>> round(fit(scores, scores > 0.25)[0].value, 3)
    0.255
    """
    return tuple(
        _fit_one(scores_N, targets_N == 1)
        for scores_N, targets_N in zip(probabilities_NC.T, targets_NC.T, strict=True)
    )


def _fit_one(scores_N: Floats, member_N: NDArray[np.bool_]) -> Threshold:
    rows = int(member_N.sum())
    before = _f1(scores_N >= HALF, member_N) if rows else None
    if before is None or rows < FEWEST or len(member_N) - rows < FEWEST:
        return Threshold(HALF, False, rows, before, before)
    order = np.argsort(-scores_N, kind="stable")
    ranked_N = scores_N[order]
    # Rows with equal scores get the label together or not at all.
    ends_K = np.append(np.flatnonzero(ranked_N[1:] < ranked_N[:-1]), len(ranked_N) - 1)
    hits_K = np.cumsum(member_N[order])[ends_K]
    f1_K = 2 * hits_K / (ends_K + 1 + rows)
    lowest_K, next_K = ranked_N[ends_K], np.append(ranked_N[ends_K[:-1] + 1], 0.0)
    middle_K = (lowest_K + next_K) / 2
    value_K = np.where(middle_K > next_K, middle_K, lowest_K)
    best = float(f1_K.max())
    if before >= best - _SLIGHT:
        return Threshold(HALF, True, rows, before, before)
    good_K = np.where(f1_K >= best - _SLIGHT, np.abs(value_K - HALF), np.inf)
    return Threshold(float(value_K[good_K.argmin()]), True, rows, before, best)


def _f1(given_N: NDArray[np.bool_], member_N: NDArray[np.bool_]) -> float:
    return float(2 * (given_N & member_N).sum() / (given_N.sum() + member_N.sum()))


def settle(
    config: DecideConfig,
    labels: Sequence[str],
    logits_NC: NDArray[np.floating[Any]],
    targets_NC: Marks,
) -> Settled:
    """Fit the thresholds on validation, and say what a report says of them.

    Parameters
    ----------
    config : DecideConfig
    labels : sequence of str
    logits_NC : ndarray of float
        Of validation.
    targets_NC : ndarray of int
        0 or 1.

    Returns
    -------
    Settled
        Its rule has ``label_thresholds``: for each label ``label``, ``threshold``, ``fitted``,
        ``rows``, and the F1 on validation ``before`` and ``after``.
    """
    rows, notes = len(targets_NC), []
    found = tuple(Threshold(HALF, False, 0, None, None) for _ in labels)
    if rows:
        found = fit(sigmoid(logits_NC), targets_NC)
    if config.label_thresholds == "half":
        found = tuple(Threshold(HALF, False, t.rows, t.before, t.before) for t in found)
    elif few := [label for label, t in zip(labels, found, strict=True) if not t.fitted]:
        notes.append(
            f"The threshold of {', '.join(few)} stays at 0.5: validation has fewer than {FEWEST} "
            "texts with the label, or without it."
        )
    decision = Decision(label_thresholds=tuple(t.value for t in found), rows=rows)
    calibration = {"temperature": None, "rows": rows, "note": _NOT_CALIBRATED, "validation": None}
    listed = [
        {
            "label": label,
            "threshold": t.value,
            "fitted": t.fitted,
            "rows": t.rows,
            "validation": {"before": t.before, "after": t.after},
        }
        for label, t in zip(labels, found, strict=True)
    ]
    rule = {"threshold": None, "abstain": None, "label_thresholds": listed}
    return Settled(decision, calibration, rule, notes)


_NOT_CALIBRATED = (
    "Not calibrated: probabilities are the model's own, label by label, as transformers.pipeline "
    "gives them too."
)
