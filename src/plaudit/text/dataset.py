"""The same batches as a Dataset and a DataLoader, as every tutorial has them.

Axes: N texts, B texts of a batch, P pieces of a batch (B, or more under ``windows``), T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from plaudit.errors import DataError
from plaudit.text.batches import Batch
from plaudit.text.encoded import Encoded


class ReviewDataset(Dataset[dict[str, torch.Tensor]]):
    """The classical map-style dataset over encoded reviews.

    Parameters
    ----------
    encoded : Encoded
    labels_N : array of int, optional

    Raises
    ------
    DataError
        There are more texts than labels, or fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from plaudit.text.encoded import Encoded
    >>> one = Encoded(np.array([101, 7592, 102]), np.array([0, 3]), np.array([0, 1]),
    ...               np.array([1]), np.array([1]))
    >>> ReviewDataset(one, np.array([1]))[0]["input_ids"]
    tensor([[ 101, 7592,  102]])
    """

    def __init__(self, encoded: Encoded, labels_N: np.ndarray | None = None) -> None:
        if labels_N is not None and len(labels_N) != len(encoded):
            raise DataError(f"there are {len(encoded)} texts and {len(labels_N)} labels")
        self.encoded = encoded
        self.labels_N = labels_N

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, n: int) -> dict[str, torch.Tensor]:
        """Return one text.

        Returns
        -------
        dict
            ``input_ids`` and ``attention_mask`` of shape (pieces, tokens) — one piece except under
            the policy ``windows`` —, ``row``, ``label`` where labels were given, and
            ``token_type_ids`` of pairs for an encoder that reads them.
        """
        size = len(self)
        if not -size <= n < size:
            raise IndexError(f"there is no text {n}; there are {size}")
        n %= size
        parts = self.encoded.pieces_of(n)
        width = max(len(part) for part in parts)
        ids = torch.zeros(len(parts), width, dtype=torch.int64)
        mask = torch.zeros(len(parts), width, dtype=torch.int64)
        for p, part in enumerate(parts):
            ids[p, : len(part)] = torch.from_numpy(np.asarray(part, dtype=np.int64))
            mask[p, : len(part)] = 1
        item = {"input_ids": ids, "attention_mask": mask, "row": torch.tensor(n)}
        second_P = self.encoded.second_P
        if second_P is not None:
            second = int(second_P[self.encoded.first_N[n]])
            item["token_type_ids"] = (torch.arange(width) >= second).long()[None] * mask
        if self.labels_N is not None:
            # One label, or 0 or 1 for each.
            item["label"] = torch.tensor(self.labels_N[n], dtype=torch.int64)
        return item


def collate(items: Sequence[dict[str, torch.Tensor]], pad_id: int = 0) -> Batch:
    """Pad texts to the longest of them.

    Parameters
    ----------
    items : sequence of dict
        As :class:`ReviewDataset` gives them.
    pad_id : int

    Returns
    -------
    Batch
    """
    counts = [len(item["input_ids"]) for item in items]
    width = max(item["input_ids"].shape[1] for item in items)
    ids_PT = torch.full((sum(counts), width), pad_id, dtype=torch.int64)
    mask_PT = torch.zeros_like(ids_PT)
    types_PT = torch.zeros_like(ids_PT) if "token_type_ids" in items[0] else None
    p = 0
    for item, count in zip(items, counts, strict=True):
        real = item["attention_mask"].bool()
        ids_PT[p : p + count, : real.shape[1]].masked_scatter_(real, item["input_ids"][real])
        mask_PT[p : p + count, : real.shape[1]] = item["attention_mask"]
        if types_PT is not None:
            types_PT[p : p + count, : real.shape[1]] = item["token_type_ids"]
        p += count
    labels_B = torch.stack([i["label"] for i in items]) if "label" in items[0] else None
    owner_P = torch.repeat_interleave(torch.arange(len(items)), torch.tensor(counts))
    rows_B = torch.stack([item["row"] for item in items])
    return Batch(ids_PT, mask_PT, owner_P, rows_B, labels_B, int(mask_PT.sum()), types_PT)


def dataloader(
    encoded: Encoded, labels_N: np.ndarray | None, sampler: Sampler[list[int]], pad_id: int = 0
) -> DataLoader[dict[str, torch.Tensor]]:
    """Return a PyTorch DataLoader over :class:`Batch` records.

    Parameters
    ----------
    encoded : Encoded
    labels_N : array of int or None
    sampler : Sampler
    pad_id : int

    Returns
    -------
    torch.utils.data.DataLoader
    """
    return DataLoader(
        ReviewDataset(encoded, labels_N),
        batch_sampler=sampler,
        collate_fn=lambda items: collate(items, pad_id),
        # Its own: else each pass, validation too, would draw from the state that dropout uses.
        generator=torch.Generator(),
    )
