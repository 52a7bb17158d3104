"""Encoded text → logits, the one path for validation, evaluation, scoring and serving."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import numpy as np
import torch

from plaudit.model import packed
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.text.batches import TokenBudgetSampler, dataloader
from plaudit.text.encode import Encoded
from plaudit.text.packing import AnyBatch, PackedLoader, PackingSampler


def logits(
    model: ReviewClassifier,
    encoded: Encoded,
    compute: Compute,
    *,
    batch_tokens: int = 8192,
    pad_id: int = 0,
) -> np.ndarray:
    """Classify encoded texts, packed where the device has a kernel for it, else longest first.

    Parameters
    ----------
    model : ReviewClassifier
        On ``compute.device``. Its training mode is restored afterwards.
    encoded : Encoded
    compute : Compute
    batch_tokens : int
        Tokens of a batch at most, padding included.
    pad_id : int

    Returns
    -------
    ndarray of float32, shape (N, C)
        In the order of ``encoded``.
    """
    classes = int(model.stock.config.num_labels)
    out_NC = np.zeros((len(encoded), classes), dtype=np.float32)
    was_training = model.training
    model.eval()
    with torch.inference_mode(), autocast(compute):
        for batch in _batches(model, encoded, compute, batch_tokens, pad_id):
            on = batch.to(compute.device)
            logits_BC = model(*on.inputs)
            out_NC[batch.rows_B.numpy()] = logits_BC.float().cpu().numpy()
    model.train(was_training)
    return out_NC


def _batches(
    model: ReviewClassifier, encoded: Encoded, compute: Compute, batch_tokens: int, pad_id: int
) -> Iterable[AnyBatch]:
    if packed.choose("auto", model.stock, compute).packed:
        return PackedLoader(encoded, None, PackingSampler(encoded, batch_tokens))
    return dataloader(encoded, None, TokenBudgetSampler(encoded, batch_tokens), pad_id)


def autocast(compute: Compute) -> contextlib.AbstractContextManager[object]:
    """Return the context in which products run in bf16, where that was chosen."""
    if compute.precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(compute.device, dtype=torch.bfloat16)


def softmax(logits_NC: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities, shape (N, C), in float64."""
    shifted = np.asarray(logits_NC, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return result
