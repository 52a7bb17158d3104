"""Texts in batches, epoch after epoch: what the loop is fed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from plaudit.config import TrainConfig
from plaudit.text.dataset import dataloader
from plaudit.text.encoded import Encoded
from plaudit.text.packing import AnyBatch, PackedLoader
from plaudit.text.sampling import Draw, TokenBudgetSampler


@dataclass(frozen=True, slots=True)
class Feed:
    """Batches of texts.

    Attributes
    ----------
    sampler : TokenBudgetSampler
    loader : iterable of Batch or PackedBatch
        In the sampler's order.
    """

    sampler: TokenBudgetSampler
    loader: Iterable[AnyBatch]

    def batches(self, epoch: int) -> Iterator[AnyBatch]:
        """Return an epoch's batches."""
        self.sampler.epoch = epoch
        return iter(self.loader)


def feed(
    train: TrainConfig,
    texts: Encoded,
    targets_N: np.ndarray | None,
    *,
    pad_id: int | None,
    seed: int,
    draw: Draw | None = None,
) -> Feed:
    """Put texts into batches as a run's settings say.

    Parameters
    ----------
    train : TrainConfig
        ``batch_tokens`` and ``batch_examples``.
    texts : Encoded
    targets_N : ndarray of int64, or None
        None: the batches have no labels.
    pad_id : int or None
        What shorter texts are filled up with; None: batches are packed, without padding.
    seed : int
        Of the order.
    draw : callable, optional
        Which texts an epoch has; by default each once.

    Returns
    -------
    Feed
    """
    sampler = TokenBudgetSampler(
        texts,
        train.batch_tokens,
        batch_examples=train.batch_examples,
        packed=pad_id is None,
        shuffle=True,
        seed=seed,
        draw=draw,
    )
    loader: Iterable[AnyBatch] = (
        PackedLoader(texts, targets_N, sampler)
        if pad_id is None
        else dataloader(texts, targets_N, sampler, pad_id)
    )
    return Feed(sampler, loader)
