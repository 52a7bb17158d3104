"""What a random split of IMDB gives away: the films, since reviews stand film by film.

The same TF-IDF baseline, the same 25,000 bundled reviews, each labelled once by a model that has
not been trained on it: with folds that are contiguous blocks of each label, and with folds drawn at
random. Rows that repeat an earlier one are left out of both. The interval is over runs of 25
neighbours, since reviews of one film are not independent.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from common import reviews
from common.side_by_side import RESULTS, Document, say
from plaudit.data.fingerprint import fingerprints
from plaudit.evaluate.baseline import tfidf

RESULT = RESULTS / "film_leak.json"
RUN = 25


def folds(labels_N: np.ndarray, count: int, seed: int | None) -> np.ndarray:
    """Give each row its fold: blocks of each label, or, with a seed, drawn at random."""
    fold_N = np.zeros(len(labels_N), dtype=np.int64)
    for label in np.unique(labels_N):
        own = np.flatnonzero(labels_N == label)
        if seed is not None:
            own = np.random.default_rng([seed, int(label)]).permutation(own)
        for fold, rows in enumerate(np.array_split(own, count)):
            fold_N[rows] = fold
    return fold_N


def right(texts: list[str], labels_N: np.ndarray, fold_N: np.ndarray) -> np.ndarray:
    """Whether each row is labelled rightly by the baseline of the other folds."""
    right_N = np.zeros(len(labels_N), dtype=bool)
    for fold in np.unique(fold_N):
        taught, asked = np.flatnonzero(fold_N != fold), np.flatnonzero(fold_N == fold)
        found = tfidf([texts[n] for n in taught], labels_N[taught], [texts[n] for n in asked], 2)
        right_N[asked] = found.probabilities_NC.argmax(1) == labels_N[asked]
    return right_N


def difference(
    random_N: np.ndarray, blocks_N: np.ndarray, resamples: int = 10_000
) -> dict[str, float]:
    """Points that a random split adds, with a 95% interval over runs of neighbours."""
    gain_N = 100.0 * (random_N.astype(float) - blocks_N.astype(float))
    cuts = range(RUN, len(gain_N), RUN)
    sums = np.array([part.sum() for part in np.split(gain_N, list(cuts))])
    sizes = np.array([len(part) for part in np.split(gain_N, list(cuts))])
    draws = np.random.default_rng(0).integers(0, len(sums), (resamples, len(sums)))
    low, high = np.quantile(sums[draws].sum(1) / sizes[draws].sum(1), [0.025, 0.975])
    return {"value": float(gain_N.mean()), "low": float(low), "high": float(high)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="1,000 reviews; writes no file")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    every = reviews.bundled(1000 if args.short else None)
    _, first = np.unique(fingerprints(every.texts), return_index=True)
    kept = every.take(np.sort(first))
    sides = {
        "blocks": right(kept.texts, kept.labels_N, folds(kept.labels_N, args.folds, None)),
        "random": right(kept.texts, kept.labels_N, folds(kept.labels_N, args.folds, 0)),
    }
    found: dict[str, Any] = {
        "rows": len(kept),
        "folds": args.folds,
        "accuracy": {name: float(right_N.mean()) for name, right_N in sides.items()},
        "difference_points": difference(sides["random"], sides["blocks"]),
    }
    for name, value in found["accuracy"].items():
        say(f"{name:8} {100 * value:.2f}")
    say(
        "random − blocks {value:+.2f} points ({low:+.2f} to {high:+.2f})".format(
            **found["difference_points"]
        )
    )
    Document(None if args.short else args.out, __doc__ or "").put("split", found)


if __name__ == "__main__":
    main()
