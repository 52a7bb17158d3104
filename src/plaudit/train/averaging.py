"""The mean of the weights along the way, which often generalises better than where it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import nn


class Average:
    """A mean of a model's weights, of the same size as the model.

    Parameters
    ----------
    model : nn.Module
    decay : float
        Of the exponential moving average; 0: the plain mean of all states that were added.

    Attributes
    ----------
    count : int
        States added so far.

    Notes
    -----
    Sources: Polyak and Juditsky 1992 (averaging); Izmailov et al. 2018 and Wortsman et al. 2022
    (the plain mean of checkpoints, a uniform soup). As in the optimisers, a young average follows
    the weights faster than ``decay`` says, or it would hold on to its beginning.
    """

    def __init__(self, model: nn.Module, decay: float = 0.0) -> None:
        self._own: list[torch.Tensor] = [p for p in model.parameters() if p.requires_grad]
        self.mean = [p.detach().clone() for p in self._own]
        self.decay = decay
        self.count = 0

    @torch.no_grad()
    def add(self) -> None:
        """Take in the model's weights as they are now."""
        self.count += 1
        share = 1.0 / self.count
        if self.decay:
            share = max(1.0 - self.decay, 10.0 / (9.0 + self.count))
        torch._foreach_lerp_(self.mean, [p.detach() for p in self._own], share)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model have the mean, and give it its own weights back."""
        if not self.count:
            yield
            return
        kept = [p.detach().clone() for p in self._own]
        self.copy()
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self._own, kept)

    @torch.no_grad()
    def copy(self) -> None:
        """Give the model the mean for good, if there is one yet."""
        if self.count:
            torch._foreach_copy_(self._own, self.mean)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return the mean, by position, and how many states are in it."""
        state = {str(i): mean for i, mean in enumerate(self.mean)}
        return state | {"count": torch.tensor(self.count)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what :meth:`state_dict` returned."""
        self.count = int(state["count"])
        for i, mean in enumerate(self.mean):
            mean.copy_(state[str(i)])
