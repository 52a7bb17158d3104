"""Adversarial training on the word embeddings: a step in the direction that hurts most."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def perturbed(embedding: nn.Embedding, epsilon: float) -> Iterator[None]:
    """Move the word embeddings along their gradient, and put them back.

    Inside, a second backward pass adds the gradient of the moved loss to the present one.

    Parameters
    ----------
    embedding : nn.Embedding
        With the gradient of a first backward pass; without one nothing moves.
    epsilon : float
        Length of the step, over the whole table.

    Notes
    -----
    Source: Miyato, Dai and Goodfellow 2017, "Adversarial Training Methods for Semi-Supervised Text
    Classification", equation 5: the fast gradient method, here on the table in place of a text's
    own vectors, so that one pass serves a whole batch.
    """
    weight = embedding.weight
    norm = None if weight.grad is None else weight.grad.norm()
    if norm is None or not torch.isfinite(norm) or norm == 0:
        yield
        return
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.add_(weight.grad, alpha=epsilon / float(norm))  # type: ignore[arg-type]
    try:
        yield
    finally:
        # A copy, not a step back: that would leave rounding errors in the weights.
        with torch.no_grad():
            weight.copy_(kept)
