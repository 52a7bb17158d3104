"""Encoded text → padded batches. Which texts come together: :mod:`plaudit.text.sampling`.

Axes: N texts, B texts of a batch, P pieces of a batch (B, or more under ``windows``), T tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from plaudit.text.encoded import Encoded


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded pieces of text, ready for the model.

    Attributes
    ----------
    ids_PT : Tensor of int64
    mask_PT : Tensor of int64
        1 for real tokens, 0 for padding.
    owner_P : Tensor of int64
        Which of the batch's B texts a piece belongs to.
    rows_B : Tensor of int64
        Positions of the texts in the dataset.
    labels_B : Tensor of int64 or None
    tokens : int
        Real tokens, padding not counted.
    types_PT : Tensor of int64, or None
        1 from the second text of a pair on; None: all are 0.
    """

    ids_PT: torch.Tensor
    mask_PT: torch.Tensor
    owner_P: torch.Tensor
    rows_B: torch.Tensor
    labels_B: torch.Tensor | None
    tokens: int
    types_PT: torch.Tensor | None = None

    @property
    def inputs(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """What the classifier takes."""
        return self.ids_PT, self.mask_PT, self.owner_P, self.types_PT

    def parts(self, tokens: int) -> Iterator[Batch]:
        """Cut the batch between texts into parts of at most so many tokens, padding included.

        A part is no wider than its longest piece; a text that is larger is a part of its own.
        """
        count_B = torch.bincount(self.owner_P)
        room = max(1, tokens // self.ids_PT.shape[1])
        for texts in runs(count_B.tolist(), room):
            pieces = slice(int(count_B[: texts.start].sum()), int(count_B[: texts.stop].sum()))
            mask_PT = self.mask_PT[pieces]
            width = int(mask_PT.sum(dim=1).max())
            yield Batch(
                ids_PT=self.ids_PT[pieces, :width],
                mask_PT=mask_PT[:, :width],
                owner_P=self.owner_P[pieces] - texts.start,
                rows_B=self.rows_B[texts],
                labels_B=None if self.labels_B is None else self.labels_B[texts],
                tokens=int(mask_PT.sum()),
                types_PT=None if self.types_PT is None else self.types_PT[pieces, :width],
            )

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on another device."""
        return Batch(
            ids_PT=moved(self.ids_PT, device),
            mask_PT=moved(self.mask_PT, device),
            owner_P=moved(self.owner_P, device),
            rows_B=moved(self.rows_B, device),
            labels_B=None if self.labels_B is None else moved(self.labels_B, device),
            tokens=self.tokens,
            types_PT=None if self.types_PT is None else moved(self.types_PT, device),
        )


def runs(sizes: Sequence[int], room: int) -> Iterator[slice]:
    """Cut a list into runs whose sizes add up to at most ``room``, or that hold one item."""
    start = filled = 0
    for i, size in enumerate(sizes):
        if i > start and filled + size > room:
            yield slice(start, i)
            start, filled = i, 0
        filled += size
    yield slice(start, len(sizes))


def moved(tensor: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """Return a tensor on another device; a GPU fetches it by itself, and the host goes on."""
    if torch.device(device).type == "cuda" and not tensor.is_cuda:
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def batch_of(encoded: Encoded, rows: Sequence[int], pad_id: int = 0) -> Batch:
    """Pad some texts to the longest of them, straight from the arrays, without labels.

    What :func:`plaudit.text.dataset.collate` makes of the dataset's items, but without a tensor for
    each text: for one short review, that and a DataLoader took longer than a layer of a small
    encoder.

    Parameters
    ----------
    encoded : Encoded
    rows : sequence of int
        Positions of the texts; at least one.
    pad_id : int

    Returns
    -------
    Batch
    """
    parts_P = [part for n in rows for part in encoded.pieces_of(n)]
    width = max(map(len, parts_P))
    ids_PT = np.full((len(parts_P), width), pad_id, dtype=np.int64)
    mask_PT = np.zeros_like(ids_PT)
    for p, part in enumerate(parts_P):
        ids_PT[p, : len(part)] = part
        mask_PT[p, : len(part)] = 1
    types_PT = _types(encoded, rows, mask_PT)
    rows_B = np.asarray(rows, dtype=np.int64)
    count_B = encoded.first_N[rows_B + 1] - encoded.first_N[rows_B]
    return Batch(
        ids_PT=torch.from_numpy(ids_PT),
        mask_PT=torch.from_numpy(mask_PT),
        owner_P=torch.from_numpy(np.repeat(np.arange(len(rows_B)), count_B)),
        rows_B=torch.from_numpy(rows_B),
        labels_B=None,
        tokens=sum(map(len, parts_P)),
        types_PT=None if types_PT is None else torch.from_numpy(types_PT),
    )


def _types(encoded: Encoded, rows: Sequence[int], mask_PT: np.ndarray) -> np.ndarray | None:
    """Number tokens by the text of the pair that they belong to; padding is 0, as elsewhere."""
    if encoded.second_P is None:
        return None
    # Pairs come in one piece each.
    second_P = encoded.second_P[encoded.first_N[np.asarray(rows)]]
    types_PT: np.ndarray = (np.arange(mask_PT.shape[1]) >= second_P[:, None]) * mask_PT
    return types_PT
