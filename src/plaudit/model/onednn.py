"""Linear layers that only answer, in bf16 on a processor: laid out once as oneDNN multiplies.

Given a plain matrix, oneDNN lays it out anew for each product. And GELU, done in the same pass as
the product before it, spares writing and reading the widest states of a layer.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn

from plaudit.model import families


def serves() -> bool:
    """Say whether this build of torch, on this processor, has such products in bf16.

    The operators are those that torch's own compiler calls for frozen weights. They are not part of
    torch's public interface, so that they are gone, or differ, is a case and not a mistake. With
    ARM's library GELU in the same pass is slow, and torch's compiler does not use it either.
    """
    mkldnn = torch.ops.mkldnn
    wanted = ("_linear_pointwise", "_reorder_linear_weight", "_is_mkldnn_bf16_supported")
    built = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not (built and torch.backends.mkldnn.enabled):
        return False
    if not all(hasattr(mkldnn, name) for name in wanted):
        return False
    arm = getattr(mkldnn, "_is_mkldnn_acl_supported", lambda: False)
    return bool(mkldnn._is_mkldnn_bf16_supported()) and not arm() and _works()


@functools.cache
def _works() -> bool:
    # What stands in it does not matter, and new weights would be drawn from the caller's seed.
    linear = nn.Linear(32, 32, device="meta").to_empty(device="cpu")
    try:
        Laid(linear, gelu=True)(torch.zeros(1, 32))
    except (AttributeError, RuntimeError, TypeError):
        return False
    return True


class Laid(nn.Module):
    """A linear layer, and perhaps GELU, in bf16 whatever it is given; it cannot learn.

    Its matrix is no parameter: laid out so, it can be neither moved nor saved.

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
        self.matrix = torch.ops.mkldnn._reorder_linear_weight.default(weight.to(torch.bfloat16))
        self.bias = None if bias is None else bias.detach().to(torch.bfloat16)
        self.then = "gelu" if gelu else "none"

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Multiply states of any leading shape.

        Returns
        -------
        Tensor of bfloat16
        """
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise.default(
            states.to(torch.bfloat16), self.matrix, self.bias, self.then, [], "none"
        )
        return out


def lay_out(stock: Any) -> None:
    """Put such layers in place of all linear layers of an encoder.

    Parameters
    ----------
    stock : transformers.PreTrainedModel
        Of one of ``plaudit.model.attention.FAMILIES``, without adapters. Changed in place.
    """
    for layer in families.layers(stock):
        holder, dense, activation = families.widening(stock.config, layer)
        if families.is_gelu(stock.config) and isinstance(getattr(holder, dense), nn.Linear):
            setattr(holder, dense, Laid(getattr(holder, dense), gelu=True))
            setattr(holder, activation, nn.Identity())
        for name, module in list(layer.named_modules()):
            if isinstance(module, nn.Linear):
                parent, _, own = name.rpartition(".")
                setattr(layer.get_submodule(parent), own, Laid(module))
