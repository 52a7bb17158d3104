"""Linear layers that only answer, in bf16 on a processor: laid out once as oneDNN multiplies.

Given a plain matrix, oneDNN lays it out anew for each product. And GELU, done in the same pass as
the product before it, spares writing and reading the widest states of a layer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from plaudit.model import families


def serves() -> bool:
    """Say whether this build of torch, on this processor, has such products in bf16.

    The operators are those that torch's own compiler calls for frozen weights. They are not part of
    torch's public interface, so their absence is a case, not a mistake.
    """
    wanted = ("_linear_pointwise", "_reorder_linear_weight", "_is_mkldnn_bf16_supported")
    if not all(hasattr(torch.ops.mkldnn, name) for name in wanted):
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Laid(nn.Module):
    """A linear layer, and perhaps GELU, in bf16; it cannot learn.

    Parameters
    ----------
    linear : nn.Linear
        Copied.
    gelu : bool
        Whether GELU (by the error function) follows.
    """

    def __init__(self, linear: nn.Linear, *, gelu: bool = False) -> None:
        super().__init__()
        weight, bias = linear.weight.detach(), linear.bias
        self.matrix = torch.ops.mkldnn._reorder_linear_weight(weight.to(torch.bfloat16))
        self.bias = None if bias is None else bias.detach().to(torch.bfloat16)
        self.then = "gelu" if gelu else "none"

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Multiply states of any leading shape."""
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            states.to(torch.bfloat16), self.matrix, self.bias, self.then, [], "none"
        )
        return out


def lay_out(stock: Any) -> None:
    """Put such layers in place of all linear layers of an encoder.

    Parameters
    ----------
    stock : transformers.PreTrainedModel
        Of one of ``plaudit.model.attention.FAMILIES``. Changed in place.
    """
    for layer in families.layers(stock):
        holder, dense, activation = families.widening(stock.config, layer)
        if families.is_gelu(stock.config):
            setattr(holder, dense, Laid(getattr(holder, dense), gelu=True))
            setattr(holder, activation, nn.Identity())
        for name, module in list(layer.named_modules()):
            if isinstance(module, nn.Linear):
                parent, _, own = name.rpartition(".")
                setattr(layer.get_submodule(parent), own, Laid(module))
