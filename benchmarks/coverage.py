"""How often do the 95% intervals of a report hold the truth?

Sets of rows are drawn from sources whose truth is known: two labels, one score a row from a normal
distribution for each label, probabilities by Bayes' rule. Each set is scored as `plaudit evaluate`
scores one, with its 1,000 resamples; counted is how often the interval holds the value that the
source has. A set on which no interval is given counts as a miss. Beside each share stands its own
95% interval (Wilson) over the sets. The seed is 0 and was not chosen.

Should take about 5 minutes a source on one core; --short (20 sets, writes no file) a few seconds.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from common.side_by_side import RESULTS, Document, say
from plaudit.evaluate.metrics import score
from plaudit.evaluate.reliability import wilson

QUESTION = "How often do the 95% intervals of a report hold the truth?"
METRICS = ("accuracy", "macro_f1", "roc_auc")
SETS, SHORT = 1_000, 20
ROWS = 500
VERY_MANY = 4_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from: the second label's share, and how far the labels' scores lie apart."""

    name: str
    positive: float
    apart: float

    def draw(self, rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return calibrated probabilities and true labels."""
        targets_N = (rng.random(rows) < self.positive).astype(np.int64)
        score_N = rng.normal(size=rows) + (targets_N - 0.5) * self.apart
        logit_N = self.apart * score_N + np.log(self.positive / (1 - self.positive))
        positive_N = 1 / (1 + np.exp(-logit_N))
        return np.stack([1 - positive_N, positive_N], axis=1), targets_N


SOURCES = (
    Source("balanced", 0.5, 2.3),
    Source("85:15", 0.15, 2.3),
    Source("balanced, few mistakes", 0.5, 4.2),
    Source("85:15, few mistakes", 0.15, 4.2),
)


def truth(source: Source, rng: np.random.Generator) -> dict[str, float]:
    """Return what very many rows show, and the AUC, which is known exactly."""
    probabilities_NC, targets_N = source.draw(VERY_MANY, rng)
    predicted_N = probabilities_NC.argmax(axis=1)
    counts = np.bincount(2 * targets_N + predicted_N, minlength=4).reshape(2, 2)
    f1 = [2 * counts[c, c] / (counts[c].sum() + counts[:, c].sum()) for c in range(2)]
    return {
        "accuracy": float(np.trace(counts) / counts.sum()),
        "macro_f1": float(np.mean(f1)),
        "roc_auc": NormalDist().cdf(source.apart / 2**0.5),
    }


def measure(source: Source, sets: int) -> dict[str, Any]:
    """Count the sets whose interval holds the truth."""
    rng = np.random.default_rng(0)
    true = truth(source, rng)
    below, above, none = (dict.fromkeys(METRICS, 0) for _ in range(3))
    for seed in range(sets):
        metrics = score(*source.draw(ROWS, rng), ["a", "b"], seed=seed).metrics
        for name in METRICS:
            low, high = metrics[name].low, metrics[name].high
            if low is None or high is None:
                none[name] += 1
                continue
            below[name] += true[name] < low
            above[name] += true[name] > high
    held = {name: sets - below[name] - above[name] - none[name] for name in METRICS}
    return {
        name: {
            "truth": true[name],
            "held": held[name] / sets,
            "held_between": wilson(held[name], sets, 0.95),
            "truth_below": below[name],
            "truth_above": above[name],
            "no_interval": none[name],
        }
        for name in METRICS
    }


def main() -> None:
    """Measure every source and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="20 sets; writes no file")
    parser.add_argument("--out", type=Path, default=RESULTS / "coverage.json")
    args = parser.parse_args()
    sets = SHORT if args.short else SETS
    document = Document(None if args.short else args.out, QUESTION)
    began = time.perf_counter()
    for source in SOURCES:
        found = measure(source, sets)
        document.put(source.name, {"sets": sets, "rows": ROWS, **found})
        for name, one in found.items():
            low, high = one["held_between"]
            say(
                f"{source.name:<24} {name:<9} truth {one['truth']:.4f}  held {one['held']:.3f} "
                f"({low:.3f} to {high:.3f})  below {one['truth_below']} above {one['truth_above']} "
                f"none {one['no_interval']}"
            )
    say(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
