"""bf16 on a processor: states that stay in it from layer to layer, matrices that are cast once."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from plaudit.model import attention, families, onednn
from plaudit.model.classifier import ReviewClassifier, with_its_weights
from plaudit.model.device import Compute


def prepare(stock: Any, compute: Compute) -> None:
    """Give an encoder that is about to be trained in bf16 on a processor what is fastest there.

    Parameters
    ----------
    stock : transformers.PreTrainedModel
    compute : Compute
    """
    if serves(stock, compute):
        keep_states(stock)
        attention.enable(stock)


def serves(stock: Any, compute: Compute) -> bool:
    """Say whether an encoder is of a family, and on a device, that this room is for."""
    return compute.half_on_cpu and stock.config.model_type in attention.FAMILIES


def keep_states(stock: Any) -> None:
    """Hand the embeddings on in bf16, wherever products are cast to it.

    Autocast leaves what the embeddings give in fp32. Every sum with it, and every normalisation of
    that sum, is then in fp32 too, and each product casts its input anew.

    Parameters
    ----------
    stock : transformers.PreTrainedModel
    """
    embeddings = families.embeddings(stock)
    if _halved not in embeddings._forward_hooks.values():
        embeddings.register_forward_hook(_halved)


def _halved(module: nn.Module, inputs: Any, states_PTD: torch.Tensor) -> torch.Tensor:
    if states_PTD.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return states_PTD
    return states_PTD.to(torch.get_autocast_dtype("cpu"))


def twin(model: ReviewClassifier) -> ReviewClassifier:
    """Return a model that answers alike, with the matrices of its layers in bf16.

    Autocast would make the same matrices of them, anew for each call: a third of the time that one
    short text takes. Where oneDNN multiplies in bf16, they are laid out for it too, and products
    go on to GELU at once (docs/LOG.md): GELU then reads what has not been rounded to bf16, so that
    answers are the model's to within that rounding. It attends by what is fastest here. All else is
    shared with the model.

    Parameters
    ----------
    model : ReviewClassifier

    Returns
    -------
    ReviewClassifier
        To be called under autocast. In evaluation mode.
    """
    other = with_its_weights(model).eval()
    if onednn.serves():
        onednn.lay_out(other.stock)
    else:
        _halve(other.stock)
    keep_states(other.stock)
    attention.enable(other.stock)
    return other


def _halve(stock: Any) -> None:
    for layer in families.layers(stock):
        for module in layer.modules():
            if isinstance(module, nn.Linear):
                for name, own in list(module.named_parameters(recurse=False)):
                    halved = own.detach().to(torch.bfloat16)
                    module.register_parameter(name, nn.Parameter(halved, requires_grad=False))
