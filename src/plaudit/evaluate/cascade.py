"""When a quick model is so sure that a slow one need not be asked: a cascade of two.

Axes: N rows, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from plaudit.evaluate.calibrate import fit_temperature

Logits = NDArray[np.floating[Any]]
_HAIR = 1e-6
RARE = 0.01
"""Share of validation rows that may have fewer known features than a row needs."""


class Cascade(BaseModel):
    """When and how the quick model answers by itself; fitted on validation data.

    Attributes
    ----------
    lead : float
        It does where the logit of its likeliest class leads the next one's by at least this.
    known : int
        And where it knows at least so many features of the row: on texts much shorter than nearly
        all of validation's its being sure has not been tried.
    scale : float
        What its logits are multiplied by then, so that they mean what those of both mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lead: float
    known: int
    scale: float

    def sure(self, quick_NC: Logits, known_N: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Say for which rows the quick model answers alone, shape (N,)."""
        found: NDArray[np.bool_] = (leads(quick_NC) >= self.lead) & (known_N >= self.known)
        return found


def leads(logits_NC: Logits) -> NDArray[np.float64]:
    """Return by how much the likeliest class leads the next one, in logits, shape (N,)."""
    highest_N2 = np.partition(logits_NC.astype(np.float64), -2, axis=1)[:, -2:]
    found: NDArray[np.float64] = highest_N2[:, 1] - highest_N2[:, 0]
    return found


def may_change(most: float, rows: int) -> int:
    """Return how many of so many rows a share lets change."""
    return int(most * rows + 1e-9)  # 0.29 * 100 is a hair below 29


def fit_cascade(
    both_NC: Logits,
    quick: tuple[Logits, NDArray[np.integer[Any]]],
    targets_N: NDArray[np.integer[Any]],
    most: float,
) -> Cascade | None:
    """Let the quick model answer as many rows as may be, surest first.

    Parameters
    ----------
    both_NC : ndarray of float
        Logits of both together, of rows that neither was trained on.
    quick : (ndarray of float, ndarray of int)
        The quick model's logits of these, and how many of each row's features it knows.
    targets_N : ndarray of int
    most : float
        Share of all rows that may have another likeliest class by it. No bound for other rows:
        where ``k`` of ``n`` may change, of others some ``(k + 1) / (n + 1)`` do.

    Returns
    -------
    Cascade or None
        None where not even the surest row may be answered so; or where so few rows cannot show
        that share, not a single one being allowed to change.

    Notes
    -----
    Source: Viola and Jones 2001, "Rapid Object Detection using a Boosted Cascade of Simple
    Features"; for texts Varshney and Baral 2022, "Model Cascading".
    """
    quick_NC, known_N = quick
    if not (cap := may_change(most, len(targets_N))):
        return None
    least = int(np.quantile(known_N, RARE, method="lower"))
    # Rows that it knows too little of come last, and no lead reaches them.
    lead_N = np.where(known_N >= least, leads(quick_NC), -1.0)
    order_N = np.argsort(-lead_N, kind="stable")
    changed_N = quick_NC.argmax(axis=1) != both_NC.argmax(axis=1)
    # Rows of one lead are all answered so or none is.
    ends_N = np.append(np.diff(lead_N[order_N]) != 0, True) & (lead_N[order_N] >= 0)
    fits_N = ends_N & (np.cumsum(changed_N[order_N]) <= cap)
    if not fits_N.any():
        return None
    lead = float(lead_N[order_N[np.flatnonzero(fits_N)[-1]]])
    sure_N = lead_N >= lead
    # As warm as the other rows are, so that one temperature suits all of them afterwards.
    own = fit_temperature(quick_NC[sure_N], targets_N[sure_N])
    rest = fit_temperature(both_NC[~sure_N], targets_N[~sure_N])
    # A hair below the last row's own: what computes it in another order must not leave it out.
    return Cascade(lead=lead * (1 - _HAIR), known=least, scale=rest / own)
