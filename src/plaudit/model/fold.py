"""Write a mean-pooled classifier down as a stock model, and read it back.

A stock BERT head reads the first token only. So that plain transformers computes what we compute,
a mean-pooled model is saved with one more encoder layer: no queries and keys (attention is even
over all real tokens), values passed through, a feed-forward part of zeros. Its first token then is
``layer_norm(MEAN_WEIGHT * mean + first token)``, the very vector that ``ReviewClassifier.pool``
feeds to the head. plaudit reads the model back without that layer.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from plaudit.model import families
from plaudit.model.classifier import MEAN_WEIGHT, ReviewClassifier


def layers_added(model_type: str, pooling: str) -> int:
    """Return how many layers the saved form has more than the trained one."""
    return int(pooling == "mean" and families.mean_fold(model_type) == "extra_layer")


def is_stock(model_type: str, pooling: str) -> bool:
    """Say whether the saved form computes the same in plain transformers."""
    if pooling == "max":
        return False
    return pooling != "mean" or families.mean_fold(model_type) != "none"


def folded(model: ReviewClassifier) -> Any:
    """Return the stock model to save.

    Parameters
    ----------
    model : ReviewClassifier

    Returns
    -------
    transformers.PreTrainedModel
        The model's own stock part, or a deeper copy of it.
    """
    stock = model.stock
    if not layers_added(stock.config.model_type, model.pooling):
        return stock
    config = copy.deepcopy(stock.config)
    _add_layers(config, 1)
    deeper = type(stock)(config)
    missing, unexpected = deeper.load_state_dict(stock.state_dict(), strict=False)
    top = families.layers(deeper)[-1]
    if unexpected or len(missing) != len(top.state_dict()):
        raise RuntimeError(f"unexpected {unexpected}, missing {missing}")
    with torch.no_grad():
        _average(top)
    return deeper.eval()


def shallower(config: Any, pooling: str) -> Any:
    """Return the configuration of the trained form from that of the saved one."""
    config = copy.deepcopy(config)
    _add_layers(config, -layers_added(config.model_type, pooling))
    return config


def _add_layers(config: Any, count: int) -> None:
    name = "n_layers" if config.model_type == "distilbert" else "num_hidden_layers"
    setattr(config, name, getattr(config, name) + count)


def _average(layer: nn.Module) -> None:
    """Set one stock layer's weights so that its first token is the mean of all."""
    for name, parameter in layer.named_parameters():
        parameter.zero_()
        last = name.rsplit(".", 2)[-2:]
        if last[-1] != "weight":
            continue
        if parameter.ndim == 1:
            parameter.fill_(1.0)
        elif last[0] in ("value", "v_lin"):
            parameter.copy_(torch.eye(*parameter.shape))
        elif name.endswith(("attention.output.dense.weight", "attention.out_lin.weight")):
            parameter.copy_(torch.eye(*parameter.shape) * MEAN_WEIGHT)
