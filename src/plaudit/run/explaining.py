"""The part of a run's report on what its answers depend on, at a bounded cost.

A budget of tokens bounds the encoder's cost, whatever the texts and the policy: on a processor
about as much as labelling 200 long reviews, on a GPU more texts in less time. A model of words
beside it reads whole texts, 10,000 characters in some 40 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from plaudit.data.cleaned import Rows
from plaudit.explain import Explanation, Method, explain_cleaned
from plaudit.explain.deletion import measure
from plaudit.explain.drivers import collect
from plaudit.explain.texts import torch_engine
from plaudit.predict import Classifier
from plaudit.run.sparing import spared

METHOD: Method = "gradient"
EXPLAINED_TEXTS, HIDDEN_TEXTS = 200, 40
"""At most, for the list of words and for the deletion curve."""
EXPLAINED_TOKENS, HIDDEN_TOKENS = 3.0, 1.75
"""At most, beside the tokens that the device computes on at a time."""
HIDDEN = (0.1, 0.3)
"""Each share costs three passes over the texts of the curve."""


def explanation(
    classifier: Classifier,
    rows: Rows,
    mistakes: Sequence[Mapping[str, Any]],
    settings: tuple[int, float],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Explain mistakes and a sample of the test texts for the report.

    Parameters
    ----------
    classifier : Classifier
    rows : Rows
        The test rows.
    mistakes : sequence of mapping
        Of the report.
    settings : (int, float)
        The seed of the sample, and the coverage of intervals.
    say : callable

    Returns
    -------
    dict
        The section ``explanation`` of the report. What goes wrong is told in it under ``failed``:
        an explanation that is missing must not cost the run its report.
    """
    say("Explaining the surest mistakes and a sample of the test texts.")
    return spared(
        "the answers could not be explained",
        lambda: _explanation(classifier, rows, mistakes, settings),
        say,
    )


def _explanation(
    classifier: Classifier,
    rows: Rows,
    mistakes: Sequence[Mapping[str, Any]],
    settings: tuple[int, float],
) -> dict[str, Any]:
    seed, confidence = settings
    tokens = torch_engine(classifier).compute.exact.tokens_at_once
    order = np.random.default_rng(seed).permutation(len(rows.texts))[:EXPLAINED_TEXTS]
    drawn = [rows.texts[n] for n in order]
    encoded = classifier.encoder.encode(drawn)
    lengths_N = np.diff(encoded.starts_P[encoded.first_N])
    several = _within(lengths_N, EXPLAINED_TOKENS * tokens, EXPLAINED_TEXTS)
    few = _within(lengths_N, HIDDEN_TOKENS * tokens, HIDDEN_TEXTS)
    found = explain_cleaned(classifier, drawn[:several], method=METHOD)
    wrong = explain_cleaned(classifier, [each["text"] for each in mistakes], method=METHOD)
    faithful = measure(classifier, found[:few], HIDDEN, confidence=confidence, seed=seed)
    return {
        "method": METHOD,
        "mistakes": [_words(each) for each in wrong],
        "faithfulness": faithful.to_dict(),
        "global": collect(found, classifier.labels, confidence=confidence).to_dict(),
    }


def _within(lengths_N: np.ndarray, tokens: float, most: int) -> int:
    """Return how many of the first texts fit in a budget of tokens; at least one."""
    return max(1, min(most, int((np.cumsum(lengths_N) <= tokens).sum())))


def _words(explanation: Explanation) -> list[dict[str, Any]]:
    return [
        {
            "start": word.start,
            "end": word.end,
            "score": None if word.score is None else round(word.score, 4),
        }
        for word in explanation.words
    ]
