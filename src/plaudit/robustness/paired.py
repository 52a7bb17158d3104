"""A model on pairs of an original and an edited text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprints, loose_fingerprints
from plaudit.data.pairs import Pairs, Side
from plaudit.evaluate.robustness import PairScores, pair_scores
from plaudit.predict import Classifier

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Missed:
    """A pair, cleaned, of which the original was labelled rightly and the edited text was not."""

    original: Side
    edited: Side
    probabilities: tuple[float, float]
    """Of each side's true label."""


@dataclass(frozen=True, slots=True)
class Paired:
    """Results on pairs.

    Attributes
    ----------
    pairs : Pairs
    labels : tuple of str
    scores : PairScores
    seen_originals, seen_edited : int
        How many of each side training or selection has seen.
    fresh : PairScores or None
        Without the pairs that were seen in part; None when that is all or none of them.
    missed : tuple of Missed
        Of the originals labelled rightly whose edited text was not, those most surely wrong.
    """

    pairs: Pairs
    labels: tuple[str, ...]
    scores: PairScores
    seen_originals: int
    seen_edited: int
    fresh: PairScores | None
    missed: tuple[Missed, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "asked": list(self.pairs.asked),
            "layout": self.pairs.layout,
            "files": dict(self.pairs.files),
            **self.scores.to_dict(),
            "seen_originals": self.seen_originals,
            "seen_edited": self.seen_edited,
            "unseen": self.fresh.to_dict() if self.fresh else None,
            "examples": [self._example(each) for each in self.missed],
        }

    def _example(self, missed: Missed) -> dict[str, Any]:
        return {
            "original": missed.original.text,
            "edited": missed.edited.text,
            "label": self.labels[missed.original.target],
            "edited_label": self.labels[missed.edited.target],
            "probability": missed.probabilities[0],
            "edited_probability": missed.probabilities[1],
            "origin": missed.original.origin,
        }


def score(classifier: Classifier, pairs: Pairs, intervals: tuple[int, float], seed: int) -> Paired:
    """Ask a model about both sides of each pair.

    Parameters
    ----------
    classifier : Classifier
    pairs : Pairs
    intervals : (int, float)
        Resamples and coverage.
    seed : int
        Of the resampling.

    Returns
    -------
    Paired
    """
    sides = [side for pair in pairs.pairs for side in pair]
    texts = [clean(side.text, classifier.spec.clean) for side in sides]
    answers = classifier.answers(classifier.probabilities(texts))
    targets_N = np.array([side.target for side in sides])
    right_P2 = (answers.chosen_N == targets_N).reshape(-1, 2)
    true_P2 = answers.probabilities_NC[np.arange(len(sides)), targets_N].reshape(-1, 2)
    seen_P2 = _seen(texts, classifier.seen_prints_N).reshape(-1, 2)
    fresh_P = np.flatnonzero(~seen_P2.any(axis=1))

    def scored(right_P2: np.ndarray) -> PairScores:
        resamples, confidence = intervals
        first, second = right_P2.T
        return pair_scores(first, second, bootstrap=resamples, confidence=confidence, seed=seed)

    missed = np.flatnonzero(right_P2[:, 0] & ~right_P2[:, 1])
    surest = missed[np.argsort(true_P2[missed, 1], kind="stable")][:EXAMPLES]
    return Paired(
        pairs=pairs,
        labels=classifier.labels,
        scores=scored(right_P2),
        seen_originals=int(seen_P2[:, 0].sum()),
        seen_edited=int(seen_P2[:, 1].sum()),
        fresh=scored(right_P2[fresh_P]) if 0 < len(fresh_P) < len(right_P2) else None,
        missed=tuple(_missed(pairs.pairs[p], texts[2 * p : 2 * p + 2], true_P2[p]) for p in surest),
    )


def _missed(pair: tuple[Side, Side], texts: list[str], true_2: np.ndarray) -> Missed:
    original, edited = (replace(side, text=text) for side, text in zip(pair, texts, strict=True))
    return Missed(original, edited, (float(true_2[0]), float(true_2[1])))


def _seen(texts: list[str], seen_prints_N: np.ndarray) -> np.ndarray:
    """Tell which texts training or selection has seen; copies for such files are never exact."""
    exact_N = np.isin(fingerprints(texts), seen_prints_N)
    return exact_N | np.isin(loose_fingerprints(texts), seen_prints_N)
