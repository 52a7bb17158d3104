"""Out-of-fold probabilities of a fast model: each row is judged by one that has not seen it.

Two linear models over words and pairs of words share the work: TF-IDF with logistic regression, and
the same with features weighted by their naive Bayes log-count ratio. Their errors differ enough
for the mean to find more wrong labels than either (benchmarks/label_errors.py).

Axes: N rows, C labels.

Notes
-----
Source of the weights: Wang and Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and
Topic Classification".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.audit.records import Ints
from plaudit.data.records import Order
from plaudit.data.split import Prints

FOLDS = 5
# A weaker pull towards 0 suits unit-length rows of a few hundred features; 3 and 10 were measured.
_TFIDF_C, _BAYES_C = 3.0, 10.0
_TOLERANCE = 1e-3

Floats = NDArray[np.float64]


def folds(prints_N: Prints, targets_N: Ints, order: Order, *, seed: int) -> Ints:
    """Divide rows into folds.

    Parameters
    ----------
    prints_N : ndarray of uint64
        Fingerprints of the texts.
    targets_N : ndarray of int64
    order : {"any", "blocks"}
        "any": drawn for each text of each label. "blocks": contiguous blocks within each label,
        since neighbours are related, and a model that has seen one knows too much of the other.
    seed : int
        Of the draw.

    Returns
    -------
    ndarray of int64, shape (N,)
        The number of each row's fold.
    """
    fold_N = np.zeros(len(targets_N), dtype=np.int64)
    random = np.random.default_rng(seed)
    for label in np.unique(targets_N):
        rows = np.flatnonzero(targets_N == label)
        if order == "any":
            rows = random.permutation(rows)
        fold_N[rows] = np.arange(len(rows)) * FOLDS // len(rows)
    if order == "any":
        # Equal texts stand together, whatever their labels.
        first_N = np.unique(prints_N, return_index=True, return_inverse=True)
        fold_N = fold_N[first_N[1]][first_N[2]]
    return fold_N


def out_of_fold(has_NF: Any, targets_N: Ints, prints_N: Prints, fold_N: Ints) -> Floats:
    """Return the probability of each label for each row, from models of the other folds.

    Parameters
    ----------
    has_NF : scipy.sparse.csr_matrix
        1 where a text has a word or pair of words.
    targets_N : ndarray of int64
        From 0 to C - 1, each present.
    prints_N : ndarray of uint64
        Rows with the text of a held-out row are not trained on.
    fold_N : ndarray of int64
        From :func:`folds`.

    Returns
    -------
    ndarray of float64, shape (N, C)
    """
    classes = int(targets_N.max()) + 1
    scores_MNC = np.zeros((2, len(targets_N), classes))
    for fold in np.unique(fold_N):
        held = np.flatnonzero(fold_N == fold)
        taught = np.flatnonzero((fold_N != fold) & ~np.isin(prints_N, prints_N[held]))
        if len(taught):
            scores_MNC[:, held] = _scores(has_NF[taught], targets_N[taught], has_NF[held], classes)
    spread_M = scores_MNC.std(axis=(1, 2), keepdims=True)
    return _calibrated((scores_MNC / np.maximum(spread_M, 1e-9)).mean(axis=0), targets_N)


def _scores(taught_NF: Any, targets_N: Ints, held_NF: Any, classes: int) -> Floats:
    """Return both models' scores of each label against the others, shape (2, N, C)."""
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import normalize

    weighting = TfidfTransformer()
    tfidf = weighting.fit_transform(taught_NF), weighting.transform(held_NF)
    scores = np.zeros((2, held_NF.shape[0], classes))
    for label in range(1 if classes == 2 else 0, classes):
        own_N = targets_N == label
        if own_N.all() or not own_N.any():  # the fold's models know nothing of this label
            scores[:, :, label] = 1.0 if own_N.all() else -1.0
            continue
        ratio_F = _log_count_ratio(taught_NF, own_N)
        bayes = [normalize(each.multiply(ratio_F).tocsr()) for each in (taught_NF, held_NF)]
        scores[0, :, label] = _linear(tfidf[0], tfidf[1], own_N, _TFIDF_C)
        scores[1, :, label] = _linear(bayes[0], bayes[1], own_N, _BAYES_C)
    if classes == 2:
        scores[:, :, 0] = -scores[:, :, 1]
    return scores


def _log_count_ratio(has_NF: Any, own_N: NDArray[np.bool_]) -> NDArray[np.float32]:
    own_F = np.asarray(has_NF[np.flatnonzero(own_N)].sum(axis=0)).ravel() + 1.0
    other_F = np.asarray(has_NF[np.flatnonzero(~own_N)].sum(axis=0)).ravel() + 1.0
    ratio: NDArray[np.float32] = np.log((own_F / own_F.sum()) / (other_F / other_F.sum()))
    return ratio.astype(np.float32)


def _linear(taught_NF: Any, held_NF: Any, own_N: NDArray[np.bool_], c: float) -> Floats:
    from sklearn.linear_model import LogisticRegression

    # liblinear's dual solver: the fastest for sparse rows, and the same on every machine.
    model = LogisticRegression(
        C=c, solver="liblinear", dual=True, tol=_TOLERANCE, max_iter=1000, random_state=0
    )
    return np.asarray(model.fit(taught_NF, own_N).decision_function(held_NF), dtype=np.float64)


def _calibrated(scores_NC: Floats, targets_N: Ints) -> Floats:
    """Turn scores into probabilities, by the one factor under which the labels are likeliest."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    rows = np.arange(len(targets_N))

    def loss(log_factor: float) -> float:
        log_NC = log_softmax(scores_NC * np.exp(log_factor), axis=1)
        return -float(log_NC[rows, targets_N].mean())

    best = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x
    probabilities: Floats = np.exp(log_softmax(scores_NC * np.exp(best), axis=1))
    return probabilities
