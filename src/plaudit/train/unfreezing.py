"""Layers that begin to train one after the other, from the head down."""

from __future__ import annotations

from torch import nn

from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier


class Unfreezing:
    """What is trained at each point of a run; a function of that point alone, so it has no state.

    Parameters
    ----------
    model : ReviewClassifier
        What is frozen in it now stays so.
    fraction : float, in (0, 1]
        Share of the steps after which all is trained. In the first of as many equal parts as there
        are layers and embeddings, the head trains alone; in each further one, a layer more.

    Notes
    -----
    Source: Howard and Ruder 2018, "Universal Language Model Fine-tuning for Text Classification",
    section 3.3, with parts of a run in place of epochs.
    """

    def __init__(self, model: ReviewClassifier, fraction: float) -> None:
        depth = families.depth_of_parameters(model, model.stock)
        top = max(depth.values())
        self._opens: list[tuple[float, nn.Parameter]] = [
            (fraction * (top - depth[name]) / top, parameter)
            for name, parameter in model.named_parameters()
            if parameter.requires_grad
        ]
        self._done = -1.0

    def at(self, done: float) -> None:
        """Freeze and unfreeze for a share of the steps that is over."""
        if self._done >= max(opens for opens, _ in self._opens):
            return
        self._done = done
        for opens, parameter in self._opens:
            # A thousandth of a step's rounding must not hold a layer back.
            parameter.requires_grad_(done >= opens - 1e-9)
