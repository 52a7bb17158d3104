"""A linear model of words and pairs of words, which can stand beside an encoder.

It reads whole texts, where an encoder reads what its tokens hold, and errs on other ones: a mean of
both is right more often than either. Words are hashed, so that memory does not grow with the
vocabulary (the pairs of 25,000 reviews alone are some two million strings).

Axes: N texts, F features that are kept, K classifiers (one for two classes, else one each, against
the rest), C classes, T words of a text, G runs of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit.ngrams.counting import PAIRS_OF_TOKENS, Integers, count, frequent, learnt, runs

# Of those tried on 3,746 reviews of a training part, these have the least log loss (docs/LOG.md).
_INVERSE_REGULARISATION = 10.0
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class NgramModel:
    """Logistic regression on which words and pairs of words a text has, each by what it tells.

    Attributes
    ----------
    columns_F : ndarray of int32
        Which of the hashed features are kept.
    ratios_KF : ndarray of float32
        How much more frequent each is with the class than without it (its logarithm).
    weights_KF, bias_K : ndarray of float32

    Notes
    -----
    Source: Wang and Manning 2012, "Baselines and Bigrams", with logistic regression in place of the
    SVM; beside a neural model, Mesnil et al. 2015, "Ensemble of Generative and Discriminative
    Techniques for Sentiment Analysis of Movie Reviews".
    """

    columns_F: NDArray[np.int32]
    ratios_KF: NDArray[np.float32]
    weights_KF: NDArray[np.float32]
    bias_K: NDArray[np.float32]

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return a logit of each class.

        Parameters
        ----------
        texts : sequence of str
            Cleaned as those of training.

        Returns
        -------
        ndarray of float64, shape (N, C)
        """
        return self.read(texts)[0]

    def read(self, texts: Sequence[str]) -> tuple[NDArray[np.float64], Integers]:
        """Return the logits of texts, and how many of their features the model knows.

        Parameters
        ----------
        texts : sequence of str
            Cleaned as those of training.

        Returns
        -------
        (ndarray of float64, shape (N, C), ndarray of int64, shape (N,))
        """
        margins, known = [np.zeros((0, len(self.bias_K)))], [np.zeros(0, dtype=np.int64)]
        for block in count(texts, np.arange(len(texts)), PAIRS_OF_TOKENS):
            kept = self._kept(block)
            margins.append(self._margins(kept))
            known.append(np.diff(kept.indptr).astype(np.int64))
        return _by_class(np.concatenate(margins)), np.concatenate(known)

    def known(self, text: str, hidden: NDArray[np.bool_]) -> int:
        """Return how many features it knows of a text of which some characters are hidden."""
        found = runs(text, PAIRS_OF_TOKENS).without(hidden)
        return int(self._places(np.unique(found.columns_G))[1].sum())

    def pushes(
        self, text: str, hidden: NDArray[np.bool_] | None = None
    ) -> tuple[Integers, NDArray[np.float64]]:
        """Say what each word adds to the logits, which are those of an empty text and all of that.

        A run counts once however often a text has it, so its places share what it adds, and its
        words share that again.

        Parameters
        ----------
        text : str
            A single one, cleaned.
        hidden : ndarray of bool, optional
            For each character of the text whether it is out of sight; words with such a character,
            and runs with such a word, are not counted.

        Returns
        -------
        (ndarray of int64, shape (T, 2), ndarray of float64, shape (T, C))
            The characters of each word, first and one past the last; and what it adds.
        """
        found = runs(text, PAIRS_OF_TOKENS)
        if hidden is not None:
            found = found.without(hidden)
        seen_U, which_G, times_U = np.unique(
            found.columns_G, return_inverse=True, return_counts=True
        )
        place_U, known_U = self._places(seen_U)
        ratios_KU = self.ratios_KF[:, place_U].astype(np.float64) * known_U
        length_K1 = np.maximum(np.linalg.norm(ratios_KU, axis=1, keepdims=True), 1e-300)
        adds_KU = ratios_KU / length_K1 * self.weights_KF[:, place_U] / times_U
        adds_GK = adds_KU.T[which_G] / found.words_G[:, None]
        adds_TK = np.zeros((len(found.spans_T2), len(self.bias_K)))
        for further in range(PAIRS_OF_TOKENS.longest):
            within_G = found.words_G > further
            np.add.at(adds_TK, found.first_G[within_G] + further, adds_GK[within_G])
        return found.spans_T2, _by_class(adds_TK)

    def _margins(self, kept: Any) -> NDArray[np.float64]:
        rows = zip(self.ratios_KF, self.weights_KF, self.bias_K, strict=True)
        margins = [_weighted(kept, ratios_F) @ w_F + bias for ratios_F, w_F, bias in rows]
        return np.stack(margins, axis=1).astype(np.float64)

    def _places(self, columns: Integers) -> tuple[Integers, NDArray[np.bool_]]:
        """Look features up: where each would stand among those that are kept, and whether it does.

        A text has few of them, and the model may keep half a million.
        """
        places = np.minimum(np.searchsorted(self.columns_F, columns), len(self.columns_F) - 1)
        return places, self.columns_F[places] == columns

    def _kept(self, counts: Any) -> Any:
        """Return the counts of the features that are kept; a text has few, so by look-up."""
        from scipy import sparse

        places, hit = self._places(counts.indices)
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[hit]
        shape = (counts.shape[0], len(self.columns_F))
        return sparse.csr_matrix((counts.data[hit], (rows, places[hit])), shape)

    def save(self, path: Path) -> None:
        """Write the model into a safetensors file."""
        from safetensors.numpy import save_file

        save_file(
            {
                "columns": self.columns_F,
                "ratios": self.ratios_KF,
                "weights": self.weights_KF,
                "bias": self.bias_K,
            },
            path,
            metadata=PAIRS_OF_TOKENS.described(),
        )

    @classmethod
    def load(cls, path: Path, classes: int) -> NgramModel:
        """Read a model back.

        Raises
        ------
        ValueError
            The file holds something else.
        """
        from safetensors import safe_open
        from safetensors.numpy import load_file

        with safe_open(path, framework="np") as file:
            counted = file.metadata()
        if counted != PAIRS_OF_TOKENS.described():
            raise ValueError(
                f"{path.name} is of a model that counts {counted}; this version of plaudit counts "
                f"{PAIRS_OF_TOKENS.described()}"
            )
        found = load_file(path)
        if sorted(found) != ["bias", "columns", "ratios", "weights"]:
            raise ValueError(f"{path.name} holds {sorted(found)}, not a model of words")
        own = cls(found["columns"], found["ratios"], found["weights"], found["bias"])
        shape = (_classifiers(classes), len(own.columns_F))
        if own.ratios_KF.shape != shape or own.weights_KF.shape != shape:
            raise ValueError(
                f"{path.name}: weights of shape {own.weights_KF.shape}, where {shape} was expected"
            )
        if own.bias_K.shape != shape[:1] or own.columns_F.dtype != np.int32:
            raise ValueError(f"{path.name}: the bias or the columns are not those of such a model")
        return own


def fit(texts: Sequence[str], targets_N: Integers, classes: int) -> NgramModel:
    """Train the model.

    Parameters
    ----------
    texts : sequence of str
        Cleaned. Of more than 100,000, evenly spaced ones are used.
    targets_N : ndarray of int
        Index of the class of each text.
    classes : int
        Two or more.

    Returns
    -------
    NgramModel

    Raises
    ------
    ValueError
        Texts and targets differ in number, or there are none.
    """
    from scipy import sparse

    chosen = learnt(texts, targets_N)
    counts = sparse.vstack(list(count(texts, chosen, PAIRS_OF_TOKENS)), format="csr")
    columns_F = frequent(counts, len(chosen))
    kept, own_N = counts[:, columns_F], np.asarray(targets_N)[chosen]
    positives = [own_N == k for k in range(classes)][-_classifiers(classes) :]
    fitted = [_against_the_rest(kept, is_class_N) for is_class_N in positives]
    ratios, weights, bias = zip(*fitted, strict=True)
    return NgramModel(
        columns_F.astype(np.int32),
        np.stack(ratios).astype(np.float32),
        np.stack(weights).astype(np.float32),
        np.array(bias, dtype=np.float32),
    )


def _by_class(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give each class its own; of two classes, each has half of what tells them apart."""
    if margins.shape[1] == 1:
        return np.concatenate([-margins / 2, margins / 2], axis=1)
    return margins


def _classifiers(classes: int) -> int:
    return 1 if classes == 2 else classes


def _against_the_rest(
    counts: Any, is_class_N: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[Any], float]:
    from sklearn.linear_model import LogisticRegression

    with_F, without_F = (_shares(counts[rows]) for rows in (is_class_N, ~is_class_N))
    ratios_F = np.log(with_F / without_F).astype(np.float32)
    positive = int(is_class_N.sum())
    if positive in (0, len(is_class_N)):  # nothing to tell apart: the classes' shares are left
        bias = math.log((positive + 1) / (len(is_class_N) - positive + 1))
        return ratios_F, np.zeros_like(ratios_F), bias
    model = LogisticRegression(C=_INVERSE_REGULARISATION, tol=_TOLERANCE, max_iter=1000)
    model.fit(_weighted(counts, ratios_F), is_class_N)
    return ratios_F, model.coef_[0], float(model.intercept_[0])


def _shares(counts: Any) -> NDArray[np.float64]:
    """Return how often each feature occurs in texts, of all occurrences; each once more."""
    texts_F = np.bincount(counts.indices, minlength=counts.shape[1]) + 1.0
    shares: NDArray[np.float64] = texts_F / texts_F.sum()
    return shares


def _weighted(counts: Any, ratios_F: NDArray[np.float32]) -> Any:
    """Return each text's features by their ratios, at length 1."""
    from scipy import sparse
    from sklearn.preprocessing import normalize

    values = ratios_F[counts.indices]
    return normalize(sparse.csr_matrix((values, counts.indices, counts.indptr), counts.shape))
