"""Encoded text → logits, the one path for validation, evaluation, scoring and serving."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from plaudit.model import half, packed
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.text.batches import Batch, batch_of
from plaudit.text.encoded import Encoded
from plaudit.text.packing import AnyBatch, PackedLoader
from plaudit.text.sampling import TokenBudgetSampler


class Engine(Protocol):
    """What computes logits: torch, or a runtime of exported models."""

    def logits(self, encoded: Encoded, *, pad_id: int) -> np.ndarray:
        """Return the logits of encoded texts in their order, float32, shape (N, C)."""


@dataclass(frozen=True, slots=True, eq=False)
class TorchEngine:
    """The model as it was trained.

    Attributes
    ----------
    model : ReviewClassifier
        On ``compute.device``.
    compute : Compute
    quick : ReviewClassifier or None
        What answers in its place, where it answers alike and sooner. Its matrices are copies: who
        changes those of ``model`` needs a new engine.
    """

    model: ReviewClassifier
    compute: Compute
    quick: ReviewClassifier | None = None

    @classmethod
    def of(cls, model: ReviewClassifier, compute: Compute) -> TorchEngine:
        """Prepare a model to answer."""
        model = model.to(compute.device).eval()
        return cls(model, compute, half.twin(model) if half.serves(model.stock, compute) else None)

    def __reduce__(self) -> tuple[Any, ...]:
        # What answers in the model's place can hold matrices that cannot be copied: made anew.
        return TorchEngine.of, (self.model, self.compute)

    def logits(self, encoded: Encoded, *, pad_id: int) -> np.ndarray:
        """Return the logits of encoded texts in their order, float32, shape (N, C)."""
        return logits(self.quick or self.model, encoded, self.compute, pad_id=pad_id)


def logits(
    model: ReviewClassifier,
    encoded: Encoded,
    compute: Compute,
    *,
    batch_tokens: int | None = None,
    pad_id: int = 0,
) -> np.ndarray:
    """Classify encoded texts, packed where the device has a kernel for it, else longest first.

    Parameters
    ----------
    model : ReviewClassifier
        On ``compute.device``. Its training mode is restored afterwards.
    encoded : Encoded
    compute : Compute
    batch_tokens : int, optional
        Tokens of a batch at most, padding included; by default what suits the device.
    pad_id : int

    Returns
    -------
    ndarray of float32, shape (N, C)
        In the order of ``encoded``.
    """
    batch_tokens = batch_tokens or compute.tokens_at_once

    def run(batch: AnyBatch) -> np.ndarray:
        on = batch.to(compute.device)
        logits_BC: torch.Tensor = model(*on.inputs)
        return logits_BC.float().cpu().numpy()

    shape = (len(encoded), int(model.stock.config.num_labels))
    was_training = model.training
    if was_training:  # else spared: each way it goes through every module
        model.eval()
    with torch.inference_mode(), autocast(compute):
        out_NC = in_order(_batches(model, encoded, compute, batch_tokens, pad_id), run, shape)
    if was_training:
        model.train()
    return out_NC


def _batches(
    model: ReviewClassifier, encoded: Encoded, compute: Compute, batch_tokens: int, pad_id: int
) -> Iterable[AnyBatch]:
    if packed.choose("auto", model.stock, compute).packed:
        return PackedLoader(encoded, None, TokenBudgetSampler(encoded, batch_tokens, packed=True))
    return padded(encoded, batch_tokens, pad_id)


def padded(encoded: Encoded, batch_tokens: int, pad_id: int) -> Iterator[Batch]:
    """Return batches of texts of like length, longest first."""
    for rows in TokenBudgetSampler(encoded, batch_tokens).batches():
        yield batch_of(encoded, rows, pad_id)


def in_order(
    batches: Iterable[AnyBatch], run: Callable[[Any], np.ndarray], shape: tuple[int, int]
) -> np.ndarray:
    """Put the logits of each batch's texts where the texts stand, shape (N, C)."""
    out_NC = np.zeros(shape, dtype=np.float32)
    for batch in batches:
        out_NC[batch.rows_B.numpy()] = run(batch)
    return out_NC


def autocast(compute: Compute) -> contextlib.AbstractContextManager[object]:
    """Return the context in which products run in bf16, where that was chosen."""
    if compute.precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(compute.device, dtype=torch.bfloat16)
