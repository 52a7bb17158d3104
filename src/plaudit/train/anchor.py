"""Keep fine-tuned weights near the pretrained ones."""

from __future__ import annotations

import torch
from torch import nn

from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier


def encoder_parameters(model: ReviewClassifier) -> list[nn.Parameter]:
    """Return the trainable parameters that were pretrained: all but the head's."""
    head = {id(p) for part in families.head_parts(model.stock) for p in part.parameters()}
    return [p for p in model.parameters() if p.requires_grad and id(p) not in head]


class Anchor:
    """The pretrained weights, to be held on to.

    Parameters
    ----------
    model : ReviewClassifier
        Before its first step.
    """

    def __init__(self, model: ReviewClassifier) -> None:
        self.parameters = encoder_parameters(model)
        self.pretrained = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def pull(self, strength: float) -> None:
        """Add the gradient of ``strength / 2 * |w - w_pretrained|²`` to each weight's.

        Notes
        -----
        Source: Li, Grandvalet and Davoine 2018, "Explicit Inductive Bias for Transfer Learning
        with Convolutional Networks", L2-SP.
        """
        for parameter, origin in zip(self.parameters, self.pretrained, strict=True):
            if parameter.grad is not None:
                parameter.grad.add_(parameter.detach() - origin, alpha=strength)

    @torch.no_grad()
    def distance(self) -> float:
        """Return how far the weights have gone, in the Euclidean norm."""
        squares = [
            (parameter - origin).square().sum()
            for parameter, origin in zip(self.parameters, self.pretrained, strict=True)
        ]
        return float(torch.stack(squares).sum().sqrt()) if squares else 0.0
