"""Encoded text → packed batches: texts one after the other in one row, without any padding.

Axes: N texts, B texts of a batch, P pieces of a batch (B, or more under ``windows``), S tokens of a
batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Sampler

from plaudit.text.batches import Batch, moved, runs
from plaudit.text.encoded import Encoded


@dataclass(frozen=True, slots=True)
class Spans:
    """Where each piece stands in a packed row.

    Attributes
    ----------
    bounds_P1 : Tensor of int32, shape (P + 1,)
        Piece ``p`` is at ``bounds_P1[p]`` to ``bounds_P1[p + 1] - 1``.
    longest : int
        Tokens of the longest piece.
    texts : int
        Texts that the pieces belong to. Like ``longest`` kept on the host: to read it from the
        device would make the host wait for it.
    """

    bounds_P1: torch.Tensor
    longest: int
    texts: int


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Pieces of text in one row, ready for the model.

    Attributes
    ----------
    ids_1S : Tensor of int64
    spans : Spans
    owner_P : Tensor of int64
        Which of the batch's B texts a piece belongs to.
    rows_B : Tensor of int64
        Positions of the texts in the dataset.
    labels_B : Tensor of int64 or None
    tokens : int
        All tokens: every one is real.
    types_1S : Tensor of int64, or None
        1 from the second text of a pair on; None: all are 0.
    """

    ids_1S: torch.Tensor
    spans: Spans
    owner_P: torch.Tensor
    rows_B: torch.Tensor
    labels_B: torch.Tensor | None
    tokens: int
    types_1S: torch.Tensor | None = None

    @property
    def inputs(self) -> tuple[torch.Tensor, Spans, torch.Tensor, torch.Tensor | None]:
        """What the classifier takes."""
        return self.ids_1S, self.spans, self.owner_P, self.types_1S

    def parts(self, tokens: int) -> Iterator[PackedBatch]:
        """Cut the row between texts into parts of at most so many tokens.

        A text that is larger is a part of its own.
        """
        if self.tokens <= tokens:
            yield self
            return
        bounds_P1 = self.spans.bounds_P1
        ends_B = bounds_P1[1:][torch.bincount(self.owner_P).cumsum(0) - 1]
        sizes = torch.diff(ends_B, prepend=ends_B.new_zeros(1)).tolist()
        for texts in runs(sizes, tokens):
            mine = (self.owner_P >= texts.start) & (self.owner_P < texts.stop)
            lengths_P = torch.diff(bounds_P1)[mine]
            first = int(bounds_P1[:-1][mine][0])
            count = int(lengths_P.sum())
            row = slice(first, first + count)
            own_P1 = torch.cat([bounds_P1.new_zeros(1), lengths_P.cumsum(0).to(bounds_P1)])
            yield PackedBatch(
                ids_1S=self.ids_1S[:, row],
                spans=Spans(own_P1, int(lengths_P.max()), len(sizes[texts])),
                owner_P=self.owner_P[mine] - texts.start,
                rows_B=self.rows_B[texts],
                labels_B=None if self.labels_B is None else self.labels_B[texts],
                tokens=count,
                types_1S=None if self.types_1S is None else self.types_1S[:, row],
            )

    def to(self, device: torch.device | str) -> PackedBatch:
        """Return the batch on another device."""
        bounds_P1 = moved(self.spans.bounds_P1, device)
        return PackedBatch(
            ids_1S=moved(self.ids_1S, device),
            spans=Spans(bounds_P1, self.spans.longest, self.spans.texts),
            owner_P=moved(self.owner_P, device),
            rows_B=moved(self.rows_B, device),
            labels_B=None if self.labels_B is None else moved(self.labels_B, device),
            tokens=self.tokens,
            types_1S=None if self.types_1S is None else moved(self.types_1S, device),
        )


AnyBatch = Batch | PackedBatch


class PackedLoader:
    """Packed batches in a sampler's order.

    They are cut from the flat arrays of the encoded texts: a DataLoader would make a tensor of each
    text first.

    Parameters
    ----------
    encoded : Encoded
    labels_N : array of int or None
    sampler : Sampler
    """

    def __init__(
        self, encoded: Encoded, labels_N: np.ndarray | None, sampler: Sampler[list[int]]
    ) -> None:
        self.encoded = encoded
        self.labels_N = labels_N
        self.sampler = sampler

    def __iter__(self) -> Iterator[PackedBatch]:
        return (pack(self.encoded, rows, self.labels_N) for rows in self.sampler)


def pack(encoded: Encoded, rows: Sequence[int], labels_N: np.ndarray | None = None) -> PackedBatch:
    """Put texts into one row.

    Parameters
    ----------
    encoded : Encoded
    rows : sequence of int
        Positions of the texts.
    labels_N : array of int, optional
        Of all texts.

    Returns
    -------
    PackedBatch

    Examples
    --------
    >>> two = Encoded(np.array([101, 7592, 102, 101, 102]), np.array([0, 3, 5]),
    ...               np.array([0, 1, 2]), np.array([1, 0]), np.array([1, 0]))
    >>> batch = pack(two, [1, 0])
    >>> batch.ids_1S
    tensor([[ 101,  102,  101, 7592,  102]])
    >>> batch.spans.bounds_P1
    tensor([0, 2, 5], dtype=torch.int32)
    """
    parts = [encoded.pieces_of(n) for n in rows]
    flat = [part for pieces in parts for part in pieces]
    lengths = [len(part) for part in flat]
    ids_S = np.concatenate(flat).astype(np.int64)
    bounds_P1 = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    rows_B = np.asarray(rows, dtype=np.int64)
    owner_P = np.repeat(np.arange(len(rows)), [len(pieces) for pieces in parts])
    labels_B = None if labels_N is None else np.asarray(labels_N[rows_B], dtype=np.int64)
    return PackedBatch(
        ids_1S=torch.from_numpy(ids_S)[None],
        spans=Spans(torch.from_numpy(bounds_P1), max(lengths), len(rows)),
        owner_P=torch.from_numpy(owner_P),
        rows_B=torch.from_numpy(rows_B),
        labels_B=None if labels_B is None else torch.from_numpy(labels_B),
        tokens=len(ids_S),
        types_1S=_types(encoded, rows_B, lengths),
    )


def _types(encoded: Encoded, rows_B: np.ndarray, lengths: Sequence[int]) -> torch.Tensor | None:
    """Number the tokens of a row by the text of the pair that they belong to."""
    if encoded.second_P is None:
        return None
    # Pairs come in one piece each.
    seconds = encoded.second_P[encoded.first_N[rows_B]].tolist()
    both = zip(lengths, seconds, strict=True)
    types_S = np.concatenate([np.arange(length) >= second for length, second in both])
    return torch.from_numpy(types_S.astype(np.int64))[None]
