"""Metrics over several seeds, and how far they move with the rows: the same resamples for all arms,
so that what is hard for each of them cancels out of a difference.

Axes: S seeds, N rows, C classes, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plaudit.evaluate import confusion, reliability
from plaudit.evaluate.bootstrap import error_interval, interval, row_counts
from plaudit.evaluate.predictions import Predictions
from plaudit.evaluate.reliability import log_losses
from plaudit.evaluate.scores import Estimate

COUNTED = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")
MINORITY, ECE = "minority_f1", "ece"


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Metrics of an arm, the mean over its seeds.

    Attributes
    ----------
    values : dict of str to float
    draws : dict of str to ndarray, shape (R,)
        The same on resampled rows.
    seeds : dict of str to list of float
        Of each seed.
    """

    values: dict[str, float]
    draws: dict[str, np.ndarray]
    seeds: dict[str, list[float]]

    def estimates(self, confidence: float) -> dict[str, Estimate]:
        """Return each metric with its interval."""
        return {
            name: Estimate(value, *self._interval(name, value, confidence))
            for name, value in self.values.items()
        }

    def without(self, name: str) -> Sampled:
        """Leave a metric out."""
        return Sampled(
            {key: value for key, value in self.values.items() if key != name},
            {key: draws for key, draws in self.draws.items() if key != name},
            {key: values for key, values in self.seeds.items() if key != name},
        )

    def minus(self, other: Sampled, confidence: float) -> dict[str, Estimate]:
        """Return how much higher each metric is than another arm's on the same rows."""
        return {
            name: Estimate(
                value - other.values[name],
                # Resampled, this error grows, and by how much depends on the arm.
                *(None, None)
                if name == ECE
                else interval(self.draws[name] - other.draws[name], confidence),
            )
            for name, value in self.values.items()
        }

    def _interval(
        self, name: str, value: float, confidence: float
    ) -> tuple[float | None, float | None]:
        if name == ECE:
            return error_interval(value, self.draws[name], confidence)
        return interval(self.draws[name], confidence)


def sample(answers: Sequence[Predictions], minority: int | None, resamples: int) -> Sampled:
    """Measure an arm.

    Parameters
    ----------
    answers : sequence of Predictions
        One a seed, of the same rows.
    minority : int or None
        The class that has the fewest texts in training; None: there is no such one.
    resamples : int
        The draws are the same for equal numbers of rows.

    Returns
    -------
    Sampled
    """
    classes, rows = len(answers[0].labels), len(answers[0])
    cells_SN = np.stack([one.targets_N * classes + one.predicted_N for one in answers])
    losses_SN = np.stack([log_losses(one.probabilities_NC, one.targets_N) for one in answers])
    tops = [reliability.top(one.probabilities_NC, one.targets_N) for one in answers]
    bins = [(reliability.places(sure_N), right_N - sure_N) for sure_N, right_N in tops]

    def measure(counts_N: np.ndarray) -> dict[str, np.ndarray]:
        matrices = [np.bincount(cells_N, counts_N, classes**2) for cells_N in cells_SN]
        derived = confusion.derive(np.stack(matrices).reshape(-1, classes, classes).round())
        found = {name: derived.metrics[name] for name in COUNTED}
        if minority is not None:
            found[MINORITY] = derived.per_class["f1"][:, minority]
        errors = [reliability.error(bins_N, gaps_N * counts_N, rows) for bins_N, gaps_N in bins]
        found[ECE] = np.array(errors)
        return found | {"log_loss": np.einsum("sn,n->s", losses_SN, counts_N) / rows}

    exact = measure(np.ones(rows))
    random = np.random.default_rng(0)
    draws = [measure(counts_N) for counts_N in row_counts(rows, resamples, random)]
    return Sampled(
        values={name: float(value_S.mean()) for name, value_S in exact.items()},
        draws={name: np.array([draw[name].mean() for draw in draws]) for name in exact},
        seeds={name: value_S.tolist() for name, value_S in exact.items()},
    )
