"""What a model of words beside the encoder adds to an answer, word by word.

Axes: N texts, W words of all texts, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plaudit.explain.words import shares
from plaudit.ngrams import NgramModel


@dataclass(frozen=True, slots=True)
class Beside:
    """What is added to the encoder's logits, or stands in their place.

    Attributes
    ----------
    logits_NC : ndarray of float64
        Of the whole texts, its weight included.
    empty_C : ndarray of float64
        Of a text without words.
    pushes_WC : ndarray of float64
        What each word adds to that.
    model : NgramModel
    own_empty_C : ndarray of float64
        The model's own logits of a text without words.
    """

    logits_NC: np.ndarray
    empty_C: np.ndarray
    pushes_WC: np.ndarray
    model: NgramModel
    own_empty_C: np.ndarray

    def left(self, text: str, hidden: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the model's own logits of a text of which some characters are hidden, (C,).

        And how many of the features that are left it knows.
        """
        _, adds_TC = self.model.pushes(text, hidden)
        left_C: np.ndarray = self.own_empty_C + adds_TC.sum(axis=0)
        return left_C, self.model.known(text, hidden)

    def scores(self, slopes_NC: np.ndarray, first_N: np.ndarray) -> np.ndarray:
        """Return each word's push, shape (W,), by how the log-odds follow each text's logits.

        Parameters
        ----------
        slopes_NC : ndarray of float64
        first_N : ndarray of int64, shape (N + 1,)
            Text ``n`` has the words ``first_N[n]`` to ``first_N[n + 1] - 1``.
        """
        scores_W: np.ndarray = (
            self.pushes_WC * np.repeat(slopes_NC, np.diff(first_N), axis=0)
        ).sum(axis=1)
        return scores_W


def beside(
    model: NgramModel,
    weight: float,
    texts: Sequence[str],
    spans: Sequence[list[tuple[int, int]]],
) -> Beside:
    """Ask a model of words what each word adds.

    Parameters
    ----------
    model : NgramModel
    weight : float
    texts : sequence of str
    spans : sequence of list of (int, int)
        The characters of each text's words, as a reader sees them; what the model counts falls
        to them by its characters.

    Returns
    -------
    Beside
    """
    empty_C = model.logits([""])[0]
    first_N = np.concatenate([[0], np.cumsum([len(words) for words in spans])]).astype(np.int64)
    pushes_WC = np.zeros((int(first_N[-1]), len(empty_C)))
    for text, words, first in zip(texts, spans, first_N[:-1].tolist(), strict=True):
        spans_T2, adds_TC = model.pushes(text)
        for adds_C, parts in zip(adds_TC, shares(text, words, spans_T2), strict=True):
            for word, part in parts:
                pushes_WC[first + word] += part * adds_C
    return Beside(
        logits_NC=weight * model.logits(texts),
        empty_C=weight * empty_C,
        pushes_WC=weight * pushes_WC,
        model=model,
        own_empty_C=empty_C,
    )
