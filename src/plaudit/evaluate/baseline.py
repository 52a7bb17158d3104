"""What a simple model reaches on the same rows, so that the encoder has to earn its cost.

TF-IDF over words and pairs of words with logistic regression is the baseline that the field quotes
for IMDB. Words are hashed, so that memory does not grow with the vocabulary (the pairs of 25,000
reviews alone are some two million strings).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.data.text_pairs import SEPARATOR, halves

_HASHED_FEATURES = 2**20
_ROWS_AT_ONCE = 5_000
_MAX_ROWS = 100_000  # about 1.5 GB while fitting; more rows hardly move a linear model
_ROWS_FOR_MIN_DF = 200  # with fewer, dropping words seen once leaves too little
# scikit-learn's default of 1 regularises length-normalised TF-IDF too strongly for long reviews.
_INVERSE_REGULARISATION = 10.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """Predictions of the simple model.

    Attributes
    ----------
    name : str
        What it is, for a table's heading.
    probabilities_NC : ndarray of float
        One row a test text, one column a label.
    fit_s, predict_s : float
        Seconds for training and for the test texts.
    """

    name: str
    probabilities_NC: NDArray[np.float64]
    fit_s: float
    predict_s: float


def tfidf(
    train_texts: Sequence[str],
    train_targets: NDArray[np.integer[Any]],
    test_texts: Sequence[str],
    classes: int,
) -> Baseline:
    """Train TF-IDF and logistic regression, and predict the test texts.

    Parameters
    ----------
    train_texts : sequence of str
        Cleaned as for the encoder. Of more than 100,000, evenly spaced ones are used; the name
        says so.
    train_targets : ndarray of int
        Index of the label of each text; where texts may have several, 0 or 1 for each, shape
        (N, C): then one classifier a label, each against the rest.
    test_texts : sequence of str
    classes : int
        Number of labels; one that is absent from training gets probability 0.

    Returns
    -------
    Baseline

    Raises
    ------
    ValueError
        Texts and targets differ in number, or there are none.
    """
    if len(train_texts) != len(train_targets) or not len(train_texts):
        raise ValueError(
            f"one target a text is needed, found {len(train_texts)} texts and "
            f"{len(train_targets)} targets"
        )
    name = "TF-IDF + logistic regression"
    chosen = np.arange(len(train_texts))
    if len(chosen) > _MAX_ROWS:
        chosen = np.linspace(0, len(chosen) - 1, _MAX_ROWS).astype(np.int64)
        name += f" on {_MAX_ROWS:,} of the {len(train_texts):,} training rows"
    started = time.perf_counter()
    model = _fit(train_texts, np.asarray(train_targets), chosen)
    if SEPARATOR in train_texts[0]:
        name += ", the words of either text counted apart"
    fitted = time.perf_counter()
    probabilities = np.zeros((len(test_texts), classes))
    start = 0
    for block in _count(test_texts, np.arange(len(test_texts))):
        stop = start + block.shape[0]
        probabilities[start:stop] = model.predict(block, classes)
        start = stop
    return Baseline(name, probabilities, fitted - started, time.perf_counter() - fitted)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What training left: the columns kept, their weights, and the classifiers, one or several."""

    columns: NDArray[np.int64]
    weighting: Any
    classifiers: tuple[_Classifier, ...]
    several: bool

    def predict(self, counts: Any, classes: int) -> NDArray[np.float64]:
        """Return a probability for each class: of one classifier, or the second of each."""
        weighted = self.weighting.transform(counts[:, self.columns])
        if self.several:
            return np.stack([each.predict(weighted, 2)[:, 1] for each in self.classifiers], axis=1)
        return self.classifiers[0].predict(weighted, classes)


@dataclass(frozen=True, slots=True)
class _Classifier:
    """A logistic regression and the classes that training showed it; None where it was only one."""

    present: NDArray[np.integer[Any]]
    model: Any | None

    def predict(self, weighted: Any, classes: int) -> NDArray[np.float64]:
        found = np.zeros((weighted.shape[0], classes))
        found[:, self.present] = 1.0 if self.model is None else self.model.predict_proba(weighted)
        return found


def _fit(texts: Sequence[str], targets: NDArray[np.integer[Any]], chosen: Any) -> _Fitted:
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = sparse.vstack(list(_count(texts, chosen)), format="csr")
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    columns = np.flatnonzero(documents >= (2 if len(chosen) >= _ROWS_FOR_MIN_DF else 1))
    if not len(columns):  # no word at all: an empty column leaves the classes' shares to learn
        columns = np.zeros(1, dtype=np.int64)
    weighting = TfidfTransformer(sublinear_tf=True)
    features = weighting.fit_transform(counts[:, columns])
    del counts
    several = targets.ndim == 2
    own = targets[chosen].T if several else [targets[chosen]]
    return _Fitted(columns, weighting, tuple(_classifier(features, t) for t in own), several)


def _classifier(features: Any, targets: NDArray[np.integer[Any]]) -> _Classifier:
    from sklearn.linear_model import LogisticRegression

    present = np.unique(targets)
    if len(present) == 1:
        return _Classifier(present, None)
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=1000)
    return _Classifier(present, model.fit(features, targets))


def _count(texts: Sequence[str], chosen: NDArray[np.int64]) -> Iterator[Any]:
    """Count words and pairs of words, in sparse blocks of bounded size."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    counter = HashingVectorizer(
        n_features=_HASHED_FEATURES,
        ngram_range=(1, 2),
        token_pattern=r"\b\w+\b",  # noqa: S106 - words of one letter count too; no password
        alternate_sign=False,
        norm=None,
        dtype=np.float32,
    )
    for start in range(0, len(chosen), _ROWS_AT_ONCE):
        block = [texts[row] for row in chosen[start : start + _ROWS_AT_ONCE].tolist()]
        if SEPARATOR not in block[0]:
            yield counter.transform(block)
        else:
            both = zip(*map(halves, block), strict=True)
            yield sparse.hstack([counter.transform(half) for half in both], format="csr")
