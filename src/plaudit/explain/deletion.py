"""Are the words that an explanation names those that the answer depends on? Hide them and see.

Axes: N texts, F shares of words that are hidden, W words of all texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plaudit.errors import DataError
from plaudit.evaluate import bootstrap
from plaudit.evaluate.scores import Estimate
from plaudit.explain.reading import Reading
from plaudit.explain.records import Explanation, Faithfulness, Method
from plaudit.explain.texts import explain_cleaned, reading_of
from plaudit.predict import Classifier

HIDDEN = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
RESAMPLES = 1000


def faithfulness(
    classifier: Classifier,
    cleaned: Sequence[str],
    *,
    method: Method = "gradient",
    hidden: Sequence[float] = HIDDEN,
    confidence: float = 0.95,
    seed: int = 0,
) -> Faithfulness:
    """Compare explanations with random ones by a deletion curve.

    The words of each text are hidden, behind [MASK] and from a model of words, step by step: from
    the most supportive of its label on, in random order, and from the least supportive on; the
    probability of the label is measured at each step. An explanation that says nothing gives equal
    curves.

    Parameters
    ----------
    classifier : Classifier
    cleaned : sequence of str
        Texts cleaned as for the classifier.
    method : {"gradient", "integrated-gradients"}
    hidden : sequence of float, in (0, 1)
        Shares of a text's words to hide, ascending; none and all are measured too.
    confidence : float, in (0, 1)
    seed : int
        Of the random order and of the bootstrap.

    Returns
    -------
    Faithfulness

    Raises
    ------
    DataError
        No text has a word.
    ConfigError
        The model was exported.

    Notes
    -----
    Source: Petsiuk, Das and Saenko 2018, "RISE", the deletion metric; Samek et al. 2017,
    "Evaluating the Visualization of What a Deep Neural Network Has Learned", for the comparison
    with random order.

    Examples
    --------
    >>> import plaudit
    >>> classifier = plaudit.Classifier.load("runs/quickstart/model")
    >>> texts = ["A great film", "The worst plot"]
    >>> found = plaudit.explain.faithfulness(classifier, texts, hidden=[0.4])
    >>> found.texts, found.hidden
    (2, (0.0, 0.4, 1.0))
    >>> found.supportive[1] < found.reverse[1]
    True
    """
    explanations = explain_cleaned(classifier, cleaned, method=method)
    return measure(classifier, explanations, hidden, confidence=confidence, seed=seed)


def measure(
    classifier: Classifier,
    explanations: Sequence[Explanation],
    hidden: Sequence[float] = HIDDEN,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> Faithfulness:
    """Compare explanations of predicted labels with random ones; see :func:`faithfulness`."""
    told = [each for each in explanations if any(word.score is not None for word in each.words)]
    if not told:
        raise DataError("no text has a word that the model reads, so there is nothing to hide")
    reading = reading_of(classifier, [each.text for each in told])
    targets_N = np.asarray([classifier.labels.index(each.predicted) for each in told])
    # Towards the predicted label, whatever the explanation was asked for.
    sign = {True: 1.0, False: -1.0}
    scores_W = np.asarray(
        [sign[e.target == e.predicted] * (w.score or 0.0) for e in told for w in e.words]
    )
    random_ = np.random.default_rng(seed)
    orders = (-scores_W, random_.random(len(scores_W)), scores_W)
    shares = (0.0, *hidden, 1.0)
    ends = {share: _hide(classifier, reading, scores_W, share, targets_N) for share in (0.0, 1.0)}
    curves = [
        np.stack(
            [
                ends[share]
                if share in ends
                else _hide(classifier, reading, key_W, share, targets_N)
                for share in shares
            ],
            axis=1,
        )
        for key_W in orders
    ]
    supportive, chance, reverse = curves

    def below(other_NF: np.ndarray) -> Estimate:
        areas_N = np.trapezoid(other_NF - supportive, shares, axis=1)
        return _estimate(areas_N, confidence, random_)

    return Faithfulness(
        texts=len(told),
        hidden=shares,
        supportive=_mean(supportive),
        random=_mean(chance),
        reverse=_mean(reverse),
        below_random=below(chance),
        below_reverse=below(reverse),
        confidence=confidence,
    )


def _mean(curves_NF: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, curves_NF.mean(axis=0)))


def _hide(
    classifier: Classifier, reading: Reading, key_W: np.ndarray, share: float, targets_N: np.ndarray
) -> np.ndarray:
    """Return the probability of each text's label with the first words by the key hidden, (N,)."""
    read_W = reading.read_W()
    hide_W = np.zeros(len(key_W), dtype=bool)
    for start, end in zip(reading.first_N[:-1], reading.first_N[1:], strict=True):
        words = start + np.flatnonzero(read_W[start:end])
        first = words[np.argsort(key_W[words], kind="stable")]
        hide_W[first[: round(share * len(first))]] = True
    logits_NC = classifier.engine.logits(reading.hide(hide_W), pad_id=classifier.encoder.pad_id)
    if reading.beside is not None:
        logits_NC = classifier.spec.mixture.logits(logits_NC, reading.left_beside(hide_W))
    found: np.ndarray = classifier.calibrated(logits_NC)[np.arange(len(targets_N)), targets_N]
    return found


def _estimate(values_N: np.ndarray, confidence: float, random_: np.random.Generator) -> Estimate:
    counts = bootstrap.row_counts(len(values_N), RESAMPLES, random_)
    means_R = np.asarray([count_N @ values_N / len(values_N) for count_N in counts])
    return Estimate(float(values_N.mean()), *bootstrap.interval(means_R, confidence))
