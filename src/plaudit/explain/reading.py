"""Texts as the model reads them, with every id traced back to the words it comes from.

Axes: N texts, S ids of all pieces, W words of all texts, K pairs of an id and a word of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plaudit.explain.beside import Beside, beside
from plaudit.explain.words import shares, spans
from plaudit.ngrams import NgramModel
from plaudit.text.encode import Encoded, TextEncoder


@dataclass(frozen=True, slots=True)
class Reading:
    """Encoded texts and the words in them.

    Attributes
    ----------
    texts : tuple of str
    encoded : Encoded
    hidden_id : int
        The id that stands for a hidden token.
    special_S : ndarray of bool
        Which ids are special tokens, such as [CLS] and [SEP].
    spans_W2 : ndarray of int64
        The characters of each word.
    first_N : ndarray of int64, shape (N + 1,)
        Text ``n`` has the words ``first_N[n]`` to ``first_N[n + 1] - 1``.
    ids_K, words_K : ndarray of int64
        Which id belongs to which word. Windows repeat a word's tokens, and some tokenizers join two
        words in one token.
    share_K : ndarray of float64
        The part of the id that falls to the word.
    beside : Beside or None
        What a model of words adds.
    """

    texts: tuple[str, ...]
    encoded: Encoded
    hidden_id: int
    special_S: np.ndarray
    spans_W2: np.ndarray
    first_N: np.ndarray
    ids_K: np.ndarray
    words_K: np.ndarray
    share_K: np.ndarray
    beside: Beside | None = None

    def hide(self, words_W: np.ndarray) -> Encoded:
        """Return the texts with the tokens of some words hidden.

        Parameters
        ----------
        words_W : ndarray of bool
        """
        ids = np.array(self.encoded.ids)
        ids[self.ids_K[words_W[self.words_K]]] = self.hidden_id
        return replace(self.encoded, ids=ids)

    def left_beside(self, words_W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ask the model of words about the texts with some words hidden.

        Parameters
        ----------
        words_W : ndarray of bool

        Returns
        -------
        (ndarray of float64, shape (N, C), ndarray of int64, shape (N,))
            Its own logits, and how many of each text's features it knows.
        """
        assert self.beside is not None  # noqa: S101 - asked only where there is one
        found = []
        for n, text in enumerate(self.texts):
            own = slice(int(self.first_N[n]), int(self.first_N[n + 1]))
            hidden = np.zeros(len(text), dtype=bool)
            for start, end in self.spans_W2[own][words_W[own]].tolist():
                hidden[start:end] = True
            found.append(self.beside.left(text, hidden))
        logits, known = zip(*found, strict=True)
        return np.stack(logits), np.array(known, dtype=np.int64)

    def baseline(self) -> Encoded:
        """Return the texts with every token hidden but the special ones, which say nothing."""
        ids = np.where(self.special_S, self.encoded.ids, self.hidden_id)
        return replace(self.encoded, ids=ids.astype(self.encoded.ids.dtype))

    def read_W(self) -> np.ndarray:
        """Say which words are read at least in part; a model of words reads all."""
        read_W: np.ndarray = np.bincount(self.words_K, minlength=len(self.spans_W2)) > 0
        return read_W if self.beside is None else np.ones_like(read_W)

    def by_word(self, scores_S: np.ndarray) -> np.ndarray:
        """Add up the scores of each word's tokens, shape (W,)."""
        weights = self.share_K * scores_S[self.ids_K]
        return np.bincount(self.words_K, weights=weights, minlength=len(self.spans_W2))


def read(
    encoder: TextEncoder,
    cleaned: Sequence[str],
    ngrams: NgramModel | None = None,
    weight: float = 0.0,
) -> Reading:
    """Encode texts as the classifier does, and find the words of each id.

    Parameters
    ----------
    encoder : TextEncoder
    cleaned : sequence of str
    ngrams : NgramModel, optional
        What counts beside the encoder.
    weight : float
        How much it counts.

    Returns
    -------
    Reading
    """
    traces = [encoder.trace(text) for text in cleaned]
    found = [spans(text) for text in cleaned]
    first_N = np.concatenate([[0], np.cumsum([len(each) for each in found])]).astype(np.int64)
    pairs: list[tuple[int, int, float]] = []
    at = 0
    for n, (text, trace) in enumerate(zip(cleaned, traces, strict=True)):
        parts = shares(text, found[n], trace.offsets_T2)
        for place, token in enumerate(trace.source_S.tolist(), start=at):
            if token >= 0:
                pairs += [(place, int(first_N[n]) + word, part) for word, part in parts[token]]
        at += len(trace.source_S)
    source_S = np.concatenate([np.zeros(0, np.int64), *(trace.source_S for trace in traces)])
    encoded = encoder.encode(cleaned)
    if len(encoded.ids) != at:
        raise RuntimeError(f"{at} ids were traced, {len(encoded.ids)} encoded")
    columns = list(zip(*pairs, strict=True)) or [(), (), ()]
    return Reading(
        texts=tuple(cleaned),
        encoded=encoded,
        hidden_id=_hidden_id(encoder.tokenizer),
        special_S=source_S < 0,
        spans_W2=np.asarray([s for each in found for s in each], dtype=np.int64).reshape(-1, 2),
        first_N=first_N,
        ids_K=np.asarray(columns[0], dtype=np.int64),
        words_K=np.asarray(columns[1], dtype=np.int64),
        share_K=np.asarray(columns[2], dtype=np.float64),
        beside=None if ngrams is None else beside(ngrams, weight, cleaned, found),
    )


def _hidden_id(tokenizer: Any) -> int:
    """Return the id of [MASK], which pretraining taught to mean "some word stands here".

    [PAD] is never attended to, so its embedding is whatever it was initialised to; and models that
    count positions from padding would number a hidden text otherwise.
    """
    for token in (tokenizer.mask_token_id, tokenizer.unk_token_id, tokenizer.pad_token_id):
        if token is not None:
            return int(token)
    return 0
