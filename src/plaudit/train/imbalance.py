"""From the sizes of the classes to what training does about them.

Axes: N texts of the training data, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaudit.config import ImbalanceConfig
from plaudit.errors import DataError
from plaudit.model.losses import class_weights, positive_weights
from plaudit.text.balance import drawn, prior_shift, wanted
from plaudit.text.sampling import Draw


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """What is done about classes of unequal size.

    Attributes
    ----------
    counts_C : ndarray of int64
        Texts of each class.
    shown_C : ndarray of float64
        What training shows of each in an epoch: texts drawn, or texts times their weight.
    weights_C : ndarray of float64, or None
        Factors on the loss; where texts may have several labels, on that of the texts that have
        the label.
    gamma : float
        Of the focal loss; 0: cross entropy.
    draw : callable or None
        Which texts an epoch has; None: each once.
    shift_C : ndarray of float64, or None
        What the model's logits have more than those that training sees: they are then for the
        classes' real shares.
    """

    counts_C: np.ndarray
    shown_C: np.ndarray
    weights_C: np.ndarray | None = None
    gamma: float = 0.0
    draw: Draw | None = None
    shift_C: np.ndarray | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the section ``training.imbalance`` of a report."""
        return {
            "counts": self.counts_C.tolist(),
            "shown": self.shown_C.round(6).tolist(),
            "prior_shift": None if self.shift_C is None else self.shift_C.tolist(),
        }


def balance(
    config: ImbalanceConfig, targets_N: np.ndarray, labels: Sequence[str], seed: int
) -> Balance:
    """Decide what is done about classes of unequal size.

    Parameters
    ----------
    config : ImbalanceConfig
    targets_N : ndarray of int64
        Of the training data; shape (N, C) where texts may have several labels.
    labels : sequence of str
        Class names.
    seed : int
        Of what is drawn.

    Returns
    -------
    Balance

    Raises
    ------
    DataError
        A class that was to be balanced has no text.
    """
    several = targets_N.ndim == 2
    counts_C = targets_N.sum(axis=0) if several else np.bincount(targets_N, minlength=len(labels))
    shown_C, weights_C, draw = counts_C.astype(np.float64), None, None
    method = config.method
    if method != "none" and not counts_C.all():
        empty = labels[int(counts_C.argmin())]
        raise DataError(
            f"imbalance.method = {method}: the training data has no text of {empty!r}. Give it "
            "some, leave the class out with data.labels, or set imbalance.method to none."
        )
    match method:
        case "weights" if several:
            weights_C = positive_weights(counts_C, len(targets_N))
            shown_C = counts_C * weights_C
        case "weights" | "focal":
            beta = config.beta if config.beta is not None else float(method == "weights")
            if beta:
                weights_C = class_weights(counts_C, beta)
                shown_C = counts_C * weights_C
        case "oversample" | "undersample":
            draw = drawn(targets_N, method, config.ratio, seed)
            shown_C = wanted(counts_C, method, config.ratio).astype(np.float64)
    return Balance(
        counts_C=counts_C,
        shown_C=shown_C,
        weights_C=weights_C,
        gamma=config.gamma if method == "focal" else 0.0,
        draw=draw,
        shift_C=prior_shift(counts_C, shown_C) if config.prior_correction else None,
    )
