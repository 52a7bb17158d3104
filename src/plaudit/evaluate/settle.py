"""Fit a whole decision on validation data: the temperature, then the threshold, then abstention.

All three are fitted on the same rows, so none of them may be judged on these. The bound on errors
and the coverage of conformal sets are exact for rows that nothing else was fitted on; one
temperature and a threshold cost them little (a test simulates it), but early stopping has seen the
rows too. What holds is what the report measures on the test set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.config import DecideConfig
from plaudit.errors import ConfigError
from plaudit.evaluate import abstain, calibrate, threshold
from plaudit.evaluate.bootstrap import Floats
from plaudit.evaluate.decide import Decision, Matrix, choose
from plaudit.evaluate.decide import threshold as threshold_of

Targets = NDArray[np.integer[Any]]
MAX_LABELS = 50
"""For weights by mean F1: each label is a search over all rows and labels."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision, and what a report says of how it was fitted.

    Attributes
    ----------
    decision : Decision
    calibration : dict
        ``temperature`` (null where none was fitted), ``rows``, ``note``, and ``validation`` before
        and after.
    rule : dict or None
        ``threshold`` and ``abstain`` as asked for and as fitted; None without either.
    notes : list of str
        What could not be had, for the user.
    ngrams : dict or None
        What is said of a model of words beside the encoder or in its place; its logits are in
        those that the decision was fitted on.
    """

    decision: Decision
    calibration: dict[str, Any]
    rule: dict[str, Any] | None
    notes: list[str]
    ngrams: dict[str, Any] | None = None


def check_labels(config: DecideConfig, labels: Sequence[str]) -> None:
    """Refuse, before training, a rule that names labels which the data does not have.

    Raises
    ------
    ConfigError
        All such names, or a rule that needs one.
    """
    allowed = f"the labels are {', '.join(labels)}"
    costs = config.costs or {}
    named = [("decide.label", config.label)] if config.label is not None else []
    named += [
        ("decide.costs", name) for name in (*costs, *(a for row in costs.values() for a in row))
    ]
    problems = [
        f"{key}: there is no label {name!r}; {allowed}."
        for key, name in dict.fromkeys(named)
        if name not in labels
    ]
    alone = config.label is None and len(labels) > 2
    if config.threshold in ("precision", "recall") and alone:
        problems.append(
            f"decide.threshold is {config.threshold}, of which label? Set decide.label; {allowed}."
        )
    if config.threshold == "f1" and alone and len(labels) > MAX_LABELS:
        problems.append(
            f"decide.threshold=f1 over {len(labels)} labels is a search over too many (at most "
            f"{MAX_LABELS}); set decide.label."
        )
    if problems:
        raise ConfigError(problems)


def settle(
    config: DecideConfig,
    labels: Sequence[str],
    logits_NC: NDArray[np.floating[Any]],
    targets_N: Targets,
) -> Settled:
    """Fit what was asked for.

    Parameters
    ----------
    config : DecideConfig
    labels : sequence of str
    logits_NC : ndarray of float
        Of validation, before any temperature. Without rows nothing is fitted but given costs.
    targets_N : ndarray of int

    Returns
    -------
    Settled
    """
    rows, notes = len(targets_N), []
    temperature = calibrate.fit_temperature(logits_NC, targets_N) if config.calibrate else 1.0
    plain_NC = calibrate.softmax(logits_NC)
    probabilities_NC = calibrate.softmax(np.asarray(logits_NC, dtype=np.float64) / temperature)
    calibration = _calibration(config, temperature, plain_NC, probabilities_NC, targets_N)
    if not rows and config.calibrate:
        notes.append(calibration["note"])
    costs, chosen = _costs(config, labels, probabilities_NC, targets_N, notes)
    limit, unsure = _limit(config, probabilities_NC, targets_N, costs, notes)
    decision = Decision(
        temperature=temperature,
        costs=costs,
        abstain=config.abstain,
        least=limit.least if limit else 0.0,
        rows=rows,
    )
    rule = {"threshold": chosen, "abstain": unsure} if chosen or unsure else None
    return Settled(decision, calibration, rule, notes)


def _calibration(
    config: DecideConfig,
    temperature: float,
    before_NC: Floats,
    after_NC: Floats,
    targets_N: Targets,
) -> dict[str, Any]:
    rows = len(targets_N)
    note = f"Fitted on {rows:,} validation texts."
    if not config.calibrate:
        note = "Not calibrated: decide.calibrate is false."
    elif not rows:
        note = "Not calibrated: there is no validation data to fit a temperature on."
    return {
        "temperature": temperature if config.calibrate and rows else None,
        "rows": rows,
        "note": note,
        "validation": {
            "before": calibrate.quality(before_NC, targets_N),
            "after": calibrate.quality(after_NC, targets_N),
        }
        if rows
        else None,
    }


def _costs(
    config: DecideConfig,
    labels: Sequence[str],
    probabilities_NC: Floats,
    targets_N: Targets,
    notes: list[str],
) -> tuple[Matrix | None, dict[str, Any] | None]:
    by = config.threshold
    if by == "none":
        return None, None
    about: dict[str, Any] = {"by": by, "label": None, "target": None, "reached": True}
    if by == "cost":
        costs = _matrix(config.costs or {}, labels)
    else:
        label = config.label or (labels[1] if by != "f1" else None)
        if label is None:
            fitted = threshold.by_macro_f1(probabilities_NC, targets_N)
        else:
            about["label"] = label
            fitted = threshold.of_label(
                probabilities_NC, targets_N, list(labels).index(label), (by, config.target)
            )
        costs = fitted.costs
        about["target"] = None if by == "f1" else config.target
        about["reached"] = fitted.reached
        about["validation"] = {"before": fitted.before, "after": fitted.after}
        if not fitted.reached:
            notes.append(
                f"No threshold reaches a {by} of {config.target:g} for {label} on validation; the "
                f"nearest, {fitted.after:.3f}, was taken."
            )
    about["probability"] = threshold_of(costs)
    about["costs"] = [list(row) for row in costs]
    return costs, about


def _matrix(costs: dict[str, dict[str, float]], labels: Sequence[str]) -> Matrix:
    return tuple(
        tuple(costs.get(true, {}).get(given, 0.0 if given == true else 1.0) for given in labels)
        for true in labels
    )


def _limit(
    config: DecideConfig,
    probabilities_NC: Floats,
    targets_N: Targets,
    costs: Matrix | None,
    notes: list[str],
) -> tuple[abstain.Limit | None, dict[str, Any] | None]:
    if config.abstain == "none":
        return None, None
    if config.abstain == "error":
        chosen_N = choose(probabilities_NC, costs)
        own_N = probabilities_NC[np.arange(len(chosen_N)), chosen_N]
        limit = abstain.limit_error(own_N, chosen_N == targets_N, config.max_error)
        wanted, what = config.max_error, "an error among answers of at most"
    else:
        limit = abstain.limit_sets(probabilities_NC, targets_N, config.coverage)
        wanted, what = config.coverage, "a coverage of"
    if not limit.reached:
        notes.append(
            f"{len(targets_N):,} validation texts cannot promise {what} {wanted:g}; the best that "
            f"they can, {limit.promised:.3f}, was taken. More of them may (split.validation_size)."
        )
    return limit, {
        "by": config.abstain,
        "wanted": wanted,
        "promised": limit.promised,
        "reached": limit.reached,
        "least": limit.least,
    }
