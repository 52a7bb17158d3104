"""Whether probabilities hold: of the answers given with 80%, are 80% right?

Confidence is the probability of the likeliest label. The headline error is that of bins that hold
equally many rows: bins of equal width leave most of them nearly empty when a model is sure, and
their few rows decide the figure (Nixon et al. 2019, "Measuring Calibration in Deep Learning").

Axes: N rows, C classes, B bins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.evaluate.bootstrap import Floats, Ints
from plaudit.evaluate.scores import Estimate

BINS = 15
"""As in Guo et al. 2017, so that figures compare with theirs."""
_CHANCE_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of like confidence.

    Attributes
    ----------
    rows : int
    confidence, accuracy : float
        Means over the rows.
    low, high : float
        Wilson's 95% interval of the accuracy.
    """

    rows: int
    confidence: float
    accuracy: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Return the bin as plain values."""
        return asdict(self)


def wilson(hits: int, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share.

    Parameters
    ----------
    hits, rows : int
        Rows is at least 1.
    confidence : float, in (0, 1)

    Returns
    -------
    tuple of (float, float)

    Examples
    --------
    >>> [round(end, 3) for end in wilson(90, 100)]
    [0.826, 0.945]

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, shrink = hits / rows, 1 + z * z / rows
    middle = (share + z * z / (2 * rows)) / shrink
    half = z * float(np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))) / shrink
    # Exactly so, not but for rounding.
    low = max(0.0, middle - half) if hits else 0.0
    return low, min(1.0, middle + half) if hits < rows else 1.0


def share(count: int, total: int, confidence: float = 0.95) -> Estimate:
    """Estimate a share of independent cases.

    Failures are often few or none, where a bootstrap states no interval: hence Wilson's.

    Parameters
    ----------
    count : int
    total : int
        At least 1.
    confidence : float, in (0, 1)

    Returns
    -------
    Estimate

    Examples
    --------
    >>> none = share(0, 100)
    >>> none.value, none.low, round(none.high, 3)
    (0.0, 0.0, 0.037)
    """
    return Estimate(count / total, *wilson(count, total, confidence))


def of_all(confusion_CC: Ints, confidence: float) -> Estimate | None:
    """Return the accuracy with Wilson's interval where all rows, or none, are labelled rightly.

    Resamples of such rows are all alike and say nothing, but 16 of 16 is not certainty.

    Parameters
    ----------
    confusion_CC : ndarray of int
    confidence : float, in (0, 1)

    Returns
    -------
    Estimate or None
        None where some are and some are not.

    Examples
    --------
    >>> of_all(np.diag([10, 6]), 0.95)
    Estimate(value=1.0, low=0.80..., high=1.0)
    """
    hits, rows = int(np.trace(confusion_CC)), int(confusion_CC.sum())
    return share(hits, rows, confidence) if hits in (0, rows) else None


def top(
    probabilities_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return each row's confidence, and whether its likeliest label is the true one."""
    confidences_N = probabilities_NC.max(axis=1).astype(np.float64)
    return confidences_N, probabilities_NC.argmax(axis=1) == targets_N


def places(confidences_N: Floats, *, equal_mass: bool = True, bins: int = BINS) -> Ints:
    """Return the number of each row's bin.

    Parameters
    ----------
    confidences_N : ndarray of float
    equal_mass : bool
        Bins of equally many rows; else of equal width. Equal confidences share a bin, so that the
        order of the rows cannot matter.
    bins : int

    Returns
    -------
    ndarray of int, shape (N,)
    """
    if equal_mass:
        edges = np.quantile(confidences_N, np.arange(1, bins) / bins)
    else:
        edges = np.arange(1, bins) / bins
    found: Ints = np.searchsorted(edges, confidences_N, side="left").astype(np.int64)
    return found


def error(places_N: Ints, gaps_N: Floats, rows: int) -> float:
    """Return the expected calibration error.

    Parameters
    ----------
    places_N : ndarray of int
        From :func:`places`.
    gaps_N : ndarray of float
        Right (1 or 0) less confidence; times the row's count in a resample.
    rows : int

    Returns
    -------
    float
        The mean over rows of their bin's distance between confidence and accuracy.

    Source: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    return float(np.abs(np.bincount(places_N, weights=gaps_N)).sum()) / rows


def error_by_chance(confidences_N: Floats, seed: int = 0) -> float:
    """Return the error that probabilities which hold exactly would show on so many rows.

    The figure is never 0 on a finite sample; what a model shows is to be read against this.

    Parameters
    ----------
    confidences_N : ndarray of float
    seed : int

    Returns
    -------
    float
        Mean over simulated truths.

    Source: Bröcker and Smith 2007, "Increasing the Reliability of Reliability Diagrams".
    """
    rng = np.random.default_rng(seed)
    places_N, rows = places(confidences_N), len(confidences_N)
    draws = [
        error(places_N, (rng.random(rows) < confidences_N) - confidences_N, rows)
        for _ in range(_CHANCE_DRAWS)
    ]
    return float(np.mean(draws))


def diagram(
    probabilities_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]
) -> list[Bin]:
    """Return the bins of a reliability diagram, by rising confidence.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    targets_N : ndarray of int

    Returns
    -------
    list of Bin
        Bins of equally many rows; an empty one is left out.
    """
    confidences_N, right_N = top(probabilities_NC, targets_N)
    places_N = places(confidences_N)
    found = []
    for place in np.unique(places_N):
        of_bin = places_N == place
        rows, hits = int(of_bin.sum()), int(right_N[of_bin].sum())
        ends = wilson(hits, rows)
        found.append(Bin(rows, float(confidences_N[of_bin].mean()), hits / rows, *ends))
    return found


def brier(
    probabilities_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]
) -> Floats:
    """Return each row's Brier score.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    targets_N : ndarray of int

    Returns
    -------
    ndarray of float, shape (N,)
        As scikit-learn scales it: of two labels half the sum of squares, from 0 to 1; of more the
        sum, from 0 to 2.

    Source: Brier 1950, "Verification of Forecasts Expressed in Terms of Probability".
    """
    apart_NC = probabilities_NC.astype(np.float64, copy=True)
    apart_NC[np.arange(len(targets_N)), targets_N] -= 1.0
    squares_N: Floats = np.einsum("nc,nc->n", apart_NC, apart_NC)
    return squares_N / 2 if probabilities_NC.shape[1] == 2 else squares_N


def log_losses(
    probabilities_NC: NDArray[np.floating[Any]], targets_N: NDArray[np.integer[Any]]
) -> Floats:
    """Return each row's log loss, bounded where a probability is 0.

    Parameters
    ----------
    probabilities_NC : ndarray of float
    targets_N : ndarray of int

    Returns
    -------
    ndarray of float, shape (N,)
    """
    # Softmax underflows to 0; scikit-learn's bound, the precision of the type, keeps it finite.
    smallest = float(np.finfo(probabilities_NC.dtype).eps)
    true_N = probabilities_NC[np.arange(len(targets_N)), targets_N].astype(np.float64)
    losses: Floats = -np.log(np.clip(true_N, smallest, 1.0))
    return losses
