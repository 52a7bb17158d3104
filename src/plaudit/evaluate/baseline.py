"""What a simple model reaches on the same rows, so that the encoder has to earn its cost.

TF-IDF over words and pairs of words with logistic regression is the baseline that the field quotes
for IMDB.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.data.text_pairs import SEPARATOR
from plaudit.ngrams import PAIRS_OF_WORDS, count, frequent, learnt

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
    validation_NC : ndarray of float
        Of what its rule may be fitted on.
    """

    name: str
    probabilities_NC: NDArray[np.float64]
    fit_s: float
    predict_s: float
    validation_NC: NDArray[np.float64]


def tfidf(
    train_texts: Sequence[str],
    train_targets: NDArray[np.integer[Any]],
    test_texts: Sequence[str],
    classes: int,
    validation_texts: Sequence[str] = (),
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
    validation_texts : sequence of str
        Predicted, too, where a rule is to be fitted on them.

    Returns
    -------
    Baseline

    Raises
    ------
    ValueError
        Texts and targets differ in number, or there are none.
    """
    name = "TF-IDF + logistic regression"
    chosen = learnt(train_texts, train_targets)
    if len(chosen) < len(train_texts):
        name += f" on {len(chosen):,} of the {len(train_texts):,} training rows"
    started = time.perf_counter()
    model = _fit(train_texts, np.asarray(train_targets), chosen)
    if SEPARATOR in train_texts[0]:
        name += ", the words of either text counted apart"
    fitted = time.perf_counter()
    probabilities_NC = _predicted(model, test_texts, classes)
    done = time.perf_counter()
    validation_NC = _predicted(model, validation_texts, classes)
    return Baseline(name, probabilities_NC, fitted - started, done - fitted, validation_NC)


def _predicted(model: _Fitted, texts: Sequence[str], classes: int) -> NDArray[np.float64]:
    blocks = count(texts, np.arange(len(texts)), PAIRS_OF_WORDS)
    return np.concatenate(
        [np.zeros((0, classes)), *(model.predict(block, classes) for block in blocks)]
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What training left: the columns kept, their weights, and the classifiers, one or several."""

    columns: NDArray[np.integer[Any]]
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

    counts = sparse.vstack(list(count(texts, chosen, PAIRS_OF_WORDS)), format="csr")
    columns = frequent(counts, len(chosen))
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
