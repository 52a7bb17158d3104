"""Two models on the same rows: is one better, and by how much?

Axes: N rows, C labels, R resamples, U cells (truth, first's label, second's label) that occur.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from plaudit.evaluate import bootstrap as resampling
from plaudit.evaluate import confusion
from plaudit.evaluate.bootstrap import Floats, Ints
from plaudit.evaluate.predictions import Predictions
from plaudit.evaluate.reliability import log_losses
from plaudit.evaluate.scores import Estimate

FEW = 25
"""Discordant rows below which McNemar's exact test is stated; the mid-p test from there on."""
COUNTED = ("accuracy", "macro_f1")
METRICS = (*COUNTED, "log_loss")
_CELLS_AT_ONCE = 2_000_000  # 16 MB of counts


@dataclass(frozen=True, slots=True)
class McNemar:
    """Whether two models err equally often on the same rows.

    Attributes
    ----------
    only_first, only_second : int
        Rows that only this one labels correctly.
    p : float
        Two-sided.
    exact, mid_p : float
        Of the two forms of the test; ``p`` is one of them.
    method : {"exact", "mid-p"}
    """

    only_first: int
    only_second: int
    p: float
    exact: float
    mid_p: float
    method: Literal["exact", "mid-p"]


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """Test whether two models err equally often.

    Parameters
    ----------
    only_first, only_second : int
        Rows that only the first, and only the second, labels correctly.

    Returns
    -------
    McNemar
        The exact test where fewer than 25 rows tell them apart; the mid-p test beyond, since the
        exact one is needlessly careful there.

    Examples
    --------
    >>> found = mcnemar(1, 8)
    >>> found.method, round(found.exact, 4), round(found.mid_p, 4)
    ('exact', 0.0391, 0.0215)

    Source: Fagerland, Lydersen and Laake 2013, "The McNemar test for binary matched-pairs data:
    mid-p and asymptotic are better than exact conditional", BMC Medical Research Methodology 13:91.
    """
    from scipy.stats import binom

    discordant = only_first + only_second
    fewer = min(only_first, only_second)
    at_most = float(binom.cdf(fewer, discordant, 0.5))
    just = float(binom.pmf(fewer, discordant, 0.5))
    exact = min(1.0, 2.0 * at_most)
    # Half of the probability of what was seen counts; where both are equal the tails share it.
    # Without a row that tells them apart there was nothing to see.
    even = 1.0 - 0.5 * just if discordant else 1.0
    mid_p = even if only_first == only_second else 2.0 * at_most - just
    if discordant < FEW:
        return McNemar(only_first, only_second, exact, exact, mid_p, "exact")
    return McNemar(only_first, only_second, mid_p, exact, mid_p, "mid-p")


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for having looked at several comparisons.

    Parameters
    ----------
    p_values : sequence of float

    Returns
    -------
    list of float
        In the same order.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    stepped = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return [float(p) for p in adjusted]


def differences(
    first: Predictions, second: Predictions, *, resamples: int, confidence: float, seed: int = 0
) -> dict[str, Estimate]:
    """Estimate how much higher the first's metrics are than the second's, on the same rows.

    Rows are resampled, each with both models' answers, so that what is hard for both cancels out.

    Parameters
    ----------
    first, second : Predictions
        Row by row the same texts, in the same order of labels.
    resamples : int
    confidence : float, in (0, 1)
    seed : int

    Returns
    -------
    dict of str to Estimate
        For accuracy, macro_f1 and log_loss: the first's minus the second's. There is no interval
        where the difference never varies.
    """
    cells_rng, rows_rng = np.random.default_rng(seed).spawn(2)
    classes = len(first.labels)
    exact = _derived(
        confusion.count(first.predicted_N, first.targets_N, classes)[None],
        confusion.count(second.predicted_N, second.targets_N, classes)[None],
    )
    draws = [_derived(*pair) for pair in _confusions(first, second, resamples, cells_rng)]
    found = {
        name: Estimate(
            float(exact[name][0]),
            *resampling.interval(np.concatenate([draw[name] for draw in draws]), confidence),
        )
        for name in COUNTED
    }
    extra_N = log_losses(first.probabilities_NC, first.targets_N)
    extra_N = extra_N - log_losses(second.probabilities_NC, second.targets_N)
    means_R = np.array(
        [
            np.einsum("n,n->", counts_N, extra_N) / len(extra_N)
            for counts_N in resampling.row_counts(len(extra_N), resamples, rows_rng)
        ]
    )
    low, high = resampling.interval(means_R, confidence)
    return found | {"log_loss": Estimate(float(extra_N.mean()), low, high)}


def _derived(first_RCC: Ints, second_RCC: Ints) -> dict[str, Floats]:
    one, other = confusion.derive(first_RCC).metrics, confusion.derive(second_RCC).metrics
    return {name: one[name] - other[name] for name in COUNTED}


def _confusions(
    first: Predictions, second: Predictions, resamples: int, rng: np.random.Generator
) -> Iterator[tuple[Ints, Ints]]:
    """Draw both confusion matrices of resampled rows: one multinomial over what occurs together."""
    classes = len(first.labels)
    triple_N = np.stack([first.targets_N, first.predicted_N, second.predicted_N])
    cells_3U, counts_U = np.unique(triple_N, axis=1, return_counts=True)
    truth_U, one_U, other_U = cells_3U
    chunk = max(1, _CELLS_AT_ONCE // max(classes * classes, len(counts_U)))
    for start in range(0, resamples, chunk):
        size = min(chunk, resamples - start)
        draws_RU = rng.multinomial(len(first), counts_U / len(first), size=size)
        yield (
            _summed(draws_RU, truth_U * classes + one_U, classes),
            _summed(draws_RU, truth_U * classes + other_U, classes),
        )


def _summed(draws_RU: Ints, cell_U: Ints, classes: int) -> Ints:
    """Add up the draws that fall into the same cell of a confusion matrix."""
    order = np.argsort(cell_U, kind="stable")
    cells, starts = np.unique(cell_U[order], return_index=True)
    matrices = np.zeros((len(draws_RU), classes * classes), dtype=np.int64)
    matrices[:, cells] = np.add.reduceat(draws_RU[:, order], starts, axis=1)
    return matrices.reshape(-1, classes, classes)
