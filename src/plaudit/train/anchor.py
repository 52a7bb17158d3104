"""Keep fine-tuned weights near the pretrained ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier


def pretrained_parameters(model: ReviewClassifier, fresh_layers: int = 0) -> list[nn.Parameter]:
    """Return the trainable parameters that were pretrained: not the head's, nor fresh layers'."""
    stack = families.layers(model.stock)
    fresh = [*families.head_parts(model.stock), *stack[len(stack) - fresh_layers :]]
    ids = {id(p) for part in fresh for p in part.parameters()}
    return [p for p in model.parameters() if p.requires_grad and id(p) not in ids]


class Anchor:
    """The pretrained weights, to be held on to.

    Parameters
    ----------
    model : ReviewClassifier
        Before its first step.
    fresh_layers : int
        Top layers that were given random weights, which nothing calls for a return to.
    """

    def __init__(self, model: ReviewClassifier, *, fresh_layers: int = 0) -> None:
        self.parameters = pretrained_parameters(model, fresh_layers)
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

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the pretrained weights, by position."""
        return {str(i): origin for i, origin in enumerate(self.pretrained)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Hold on to what :meth:`state_dict` returned."""
        for i, origin in enumerate(self.pretrained):
            origin.copy_(state[str(i)])
