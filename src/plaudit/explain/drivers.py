"""Which words and phrases drive each label over many texts."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from plaudit.evaluate.scores import Estimate
from plaudit.explain.records import Driver, Explanation, GlobalWords, Method, Word
from plaudit.explain.texts import explain_cleaned
from plaudit.predict import Classifier

Sums = dict[str, dict[int, tuple[float, int]]]
"""For each term and each text that has it: the sum of its pushes, and its occurrences."""
ADDS = 1.1
"""A phrase that pushes less than so many times its stronger word says nothing new."""


def global_words(
    classifier: Classifier,
    cleaned: Sequence[str],
    *,
    method: Method = "gradient",
    min_texts: int = 3,
    most: int = 20,
    confidence: float = 0.95,
) -> GlobalWords:
    """List the words and phrases that drive each label.

    Each text is explained towards its predicted label. With two labels a push away from one is a
    push towards the other; with more, a label is driven by the words of the texts that got it.

    Parameters
    ----------
    classifier : Classifier
    cleaned : sequence of str
        Texts cleaned as for the classifier.
    method : {"gradient", "integrated-gradients"}
    min_texts : int
        A word or phrase in fewer texts is not listed.
    most : int
        Words, and phrases, of a label at most.
    confidence : float, in (0, 1)

    Returns
    -------
    GlobalWords

    Raises
    ------
    ConfigError
        The model was exported.

    Examples
    --------
    >>> import plaudit
    >>> classifier = plaudit.Classifier.load("runs/quickstart/model")
    >>> texts = ["a great film", "a great plot", "it was great", "the worst", "worst film"]
    >>> found = plaudit.explain.global_words(classifier, texts)
    >>> [(word.text, word.count) for word in found.words["positive"]]
    [('great', 3)]
    """
    explanations = explain_cleaned(classifier, cleaned, method=method)
    return collect(
        explanations, classifier.labels, min_texts=min_texts, most=most, confidence=confidence
    )


def collect(
    explanations: Sequence[Explanation],
    labels: Sequence[str],
    *,
    min_texts: int = 3,
    most: int = 20,
    confidence: float = 0.95,
) -> GlobalWords:
    """List what drives each label in explanations that were made; see :func:`global_words`."""
    min_texts = max(2, min_texts)  # one text shows no spread
    words: dict[str, Sums] = {label: {} for label in labels}
    phrases: dict[str, Sums] = {label: {} for label in labels}
    for n, explanation in enumerate(explanations):
        for label, sign in _sides(explanation.target, labels):
            _add(words[label], _words(explanation), n, sign)
            _add(phrases[label], _phrases(explanation), n, sign)
    singles = {label: _drivers(sums, min_texts, confidence) for label, sums in words.items()}
    pairs = {label: _drivers(sums, min_texts, confidence) for label, sums in phrases.items()}
    return GlobalWords(
        texts=len(explanations),
        min_texts=min_texts,
        confidence=confidence,
        words={label: _first(found, most) for label, found in singles.items()},
        phrases={
            label: _first([each for each in found if _adds(each, singles[label])], most)
            for label, found in pairs.items()
        },
    )


def _sides(target: str, labels: Sequence[str]) -> list[tuple[str, float]]:
    if len(labels) != 2:
        return [(target, 1.0)]
    return [(label, 1.0 if label == target else -1.0) for label in labels]


def _words(explanation: Explanation) -> Iterator[tuple[str, float]]:
    for word in explanation.words:
        if word.score is not None:
            yield word.text.lower(), word.score


def _phrases(explanation: Explanation) -> Iterator[tuple[str, float]]:
    for left, right in pairwise(explanation.words):
        if left.score is None or right.score is None or not (_spelt(left) and _spelt(right)):
            continue
        yield f"{left.text} {right.text}".lower(), left.score + right.score


def _spelt(word: Word) -> bool:
    return any(character.isalnum() for character in word.text)


def _add(sums: Sums, terms: Iterator[tuple[str, float]], text: int, sign: float) -> None:
    own: defaultdict[str, list[float]] = defaultdict(list)
    for term, score in terms:
        own[term].append(sign * score)
    for term, scores in own.items():
        sums.setdefault(term, {})[text] = (sum(scores), len(scores))


def _drivers(sums: Sums, min_texts: int, confidence: float) -> list[Driver]:
    drivers = []
    for term, of_texts in sums.items():
        if len(of_texts) < min_texts:
            continue
        pushes, counts = np.asarray(list(of_texts.values())).T
        push = _mean(pushes, counts, confidence)
        drivers.append(Driver(term, int(counts.sum()), len(of_texts), push))
    return drivers


def _mean(pushes: np.ndarray, counts: np.ndarray, confidence: float) -> Estimate:
    """Return the mean push of an occurrence, with Student's interval over texts.

    Occurrences in one text are not independent, so the text is what varies: the standard error is
    that of a ratio of sums over texts.
    """
    from scipy.stats import t

    texts, mean = len(pushes), float(pushes.sum() / counts.sum())
    spread = float(((pushes - mean * counts) ** 2).sum()) * texts / (texts - 1)
    half = float(t.ppf(0.5 + confidence / 2, texts - 1)) * math.sqrt(spread) / float(counts.sum())
    return Estimate(mean, mean - half, mean + half)


def _first(drivers: Sequence[Driver], most: int) -> tuple[Driver, ...]:
    towards = [each for each in drivers if each.push.value > 0]
    return tuple(sorted(towards, key=lambda each: (-(each.push.low or 0.0), each.text))[:most])


def _adds(phrase: Driver, words: Sequence[Driver]) -> bool:
    alone = {each.text: each.push.value for each in words}
    strongest = max(alone.get(word, 0.0) for word in phrase.text.split(" "))
    return phrase.push.value >= ADDS * strongest
