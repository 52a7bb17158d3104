"""From probabilities to answers: the costs of mistakes, and when not to rely on an answer.

Every rule is a matrix of costs: a threshold of t on the second of two labels is the matrix with
t against a false alarm and 1 - t against a miss, and a weight on one label of many multiplies its
row. Whoever has the probabilities and a :class:`Decision` gets the same answers.

Axes: N rows, C labels; of a matrix of costs, rows are the truth and columns the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from plaudit.evaluate.bootstrap import Floats, Ints
from plaudit.evaluate.reliability import share
from plaudit.evaluate.scores import Estimate, plain

Matrix = tuple[tuple[float, ...], ...]


class Decision(BaseModel):
    """How a model's logits become answers; fitted on validation data.

    Attributes
    ----------
    temperature : float
        Logits are divided by it.
    costs : tuple of tuple of float, or None
        Of each answer (column) where each label is true (row); the answer costs least on average.
        None: the likeliest label.
    abstain : {"none", "error", "conformal"}
        On what ground an answer is unsure.
    least : float
        error: an answer less probable than this is unsure. conformal: labels at least this
        probable are possible, and an answer is unsure unless it is the only one.
    rows : int
        Rows of validation data that it was fitted on.
    label_thresholds : tuple of float, or None
        Of a model that gives any number of labels, and of that alone: the probability from which
        on each label is given; nothing above applies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = 1.0
    costs: Matrix | None = None
    abstain: Literal["none", "error", "conformal"] = "none"
    least: float = 0.0
    rows: int = 0
    label_thresholds: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Answers for rows.

    Attributes
    ----------
    probabilities_NC : ndarray of float64
        Calibrated.
    chosen_N : ndarray of int64
        The label, also where it is unsure.
    unsure_N : ndarray of bool
    possible_NC : ndarray of bool, or None
        The conformal sets.
    """

    probabilities_NC: Floats
    chosen_N: Ints
    unsure_N: NDArray[np.bool_]
    possible_NC: NDArray[np.bool_] | None = None

    @property
    def given_N(self) -> Floats:
        """The probability of each answer."""
        found: Floats = self.probabilities_NC[np.arange(len(self.chosen_N)), self.chosen_N]
        return found

    def take(self, index: NDArray[np.integer[Any]]) -> Answers:
        """Return the answers at these positions."""
        possible_NC = None if self.possible_NC is None else self.possible_NC[index]
        return Answers(
            self.probabilities_NC[index], self.chosen_N[index], self.unsure_N[index], possible_NC
        )


def answer(probabilities_NC: Floats, decision: Decision | None) -> Answers:
    """Answer, given calibrated probabilities.

    Parameters
    ----------
    probabilities_NC : ndarray of float
        After the decision's temperature.
    decision : Decision or None
        None: the likeliest label, always sure.

    Returns
    -------
    Answers

    Examples
    --------
    A miss of the second label that costs four times a false alarm moves the threshold to 0.2:

    >>> import numpy as np
    >>> rows = np.array([[0.9, 0.1], [0.7, 0.3]])
    >>> answer(rows, Decision(costs=((0, 1), (4, 0)))).chosen_N
    array([0, 1])
    """
    decision = decision or Decision()
    chosen_N = choose(probabilities_NC, decision.costs)
    own_N = probabilities_NC[np.arange(len(chosen_N)), chosen_N]
    if decision.abstain == "none":
        return Answers(probabilities_NC, chosen_N, np.zeros(len(chosen_N), dtype=bool))
    if decision.abstain == "error":
        return Answers(probabilities_NC, chosen_N, own_N < decision.least)
    possible_NC = probabilities_NC >= decision.least
    alone_N = (possible_NC.sum(axis=1) == 1) & (own_N >= decision.least)
    return Answers(probabilities_NC, chosen_N, ~alone_N, possible_NC)


def choose(probabilities_NC: Floats, costs: Matrix | None) -> Ints:
    """Return each row's likeliest label or, given costs, the one expected to cost least.

    Source: Elkan 2001, "The Foundations of Cost-Sensitive Learning".
    """
    if costs is None:
        found: Ints = probabilities_NC.argmax(axis=1)
        return found
    # einsum, since a product by BLAS waits for threads that a busy machine does not have.
    expected_NC = np.einsum("nt,tc->nc", probabilities_NC, np.asarray(costs, dtype=np.float64))
    chosen: Ints = expected_NC.argmin(axis=1)
    return chosen


def weighted(weights_C: Floats) -> Matrix:
    """Return the costs under which the label with the largest weighted probability is chosen."""
    classes = len(weights_C)
    rows = [
        [0.0 if a == t else float(weights_C[t]) for a in range(classes)] for t in range(classes)
    ]
    return tuple(map(tuple, rows))


def threshold(costs: Matrix | None) -> float | None:
    """Return the probability of the second of two labels from which it is the answer.

    Parameters
    ----------
    costs : matrix or None

    Returns
    -------
    float or None
        None without costs, or with more labels.

    Examples
    --------
    >>> threshold(((0, 1), (4, 0)))
    0.2
    """
    if costs is None or len(costs) != 2:
        return None
    alarm, miss = costs[0][1] - costs[0][0], costs[1][0] - costs[1][1]
    return alarm / (alarm + miss) if alarm + miss else None


def measure(
    answers: Answers, targets_N: NDArray[np.integer[Any]], decision: Decision, confidence: float
) -> dict[str, Any]:
    """Measure how many rows were answered for sure, and how well.

    Parameters
    ----------
    answers : Answers
    targets_N : ndarray of int
        At least one row.
    decision : Decision
    confidence : float, in (0, 1)
        Of Wilson's intervals.

    Returns
    -------
    dict
        ``rows``, ``answered``, ``coverage`` (share answered), ``accuracy_answered``,
        ``error_answered``; ``mean_cost`` where there are costs; ``sets`` of conformal answers:
        ``coverage`` (share of rows whose set holds the truth), ``mean_size``, ``sizes`` (rows by
        size).
    """
    rows, sure_N = len(targets_N), ~answers.unsure_N
    answered = int(sure_N.sum())
    right = int((answers.chosen_N == targets_N)[sure_N].sum())
    found: dict[str, Any] = {
        "rows": rows,
        "answered": answered,
        "coverage": _portion(answered, rows, confidence),
        "accuracy_answered": _portion(right, answered, confidence),
        "error_answered": _portion(answered - right, answered, confidence),
    }
    if decision.costs is not None:
        costs_CC = np.asarray(decision.costs, dtype=np.float64)
        found["mean_cost"] = float(costs_CC[targets_N, answers.chosen_N].mean())
    if answers.possible_NC is not None:
        sizes_N = answers.possible_NC.sum(axis=1)
        holds = int(answers.possible_NC[np.arange(rows), targets_N].sum())
        found["sets"] = {
            "coverage": _portion(holds, rows, confidence),
            "mean_size": float(sizes_N.mean()),
            "sizes": {str(n): int((sizes_N == n).sum()) for n in np.unique(sizes_N).tolist()},
        }
    return found


def _portion(part: int, whole: int, confidence: float) -> dict[str, float | None]:
    if not whole:
        return plain(Estimate(float("nan"), None, None))
    return plain(share(part, whole, confidence))
