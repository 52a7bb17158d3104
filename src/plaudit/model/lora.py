"""Low-rank adapters in the encoder, by peft: added, saved on their own, merged into the weights.

The adapters stand inside the stock model, so that all else (freezing by depth, layer-wise decay,
averages, checkpoints) finds them where their layers are. What is saved as the artefact has them
merged into the weights and is a stock model again.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from plaudit.config import LoraConfig
from plaudit.errors import ConfigError, MissingExtra
from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier

NAME = "default"
"""peft's name for the only adapter."""
PREFIX = "base_model.model."
"""What peft writes before each name in an adapter's file."""


def adapt(model: ReviewClassifier, config: LoraConfig, *, frozen_layers: int = 0) -> None:
    """Freeze the encoder and put trainable low-rank adapters beside some of its matrices.

    A matrix W then acts as ``W + alpha / rank * B A``, with A random and B zero, so that training
    starts from the encoder as it is. The head trains as it does without adapters. A's numbers come
    from torch's global random state, which the caller seeds.

    Parameters
    ----------
    model : ReviewClassifier
        Changed in place.
    config : LoraConfig
        With a rank above 0.
    frozen_layers : int
        The lowest layers, which get no adapters.

    Raises
    ------
    MissingExtra
        peft is not installed.
    ConfigError
        ``lora.targets`` names no linear layers of the encoder, or all its layers are frozen.

    Notes
    -----
    Source: Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1; that
    queries and values are the matrices to adapt by default: section 7.1.
    """
    try:
        import peft
    except ImportError as error:
        raise MissingExtra("lora.rank above 0", "peft") from error
    stock = model.stock
    settings = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=_matrices(stock, config, frozen_layers),
        task_type="SEQ_CLS",
    )
    peft.inject_adapter_in_model(settings, stock, adapter_name=NAME)
    for part in families.head_parts(stock):
        part.requires_grad_(True)


def has_adapters(model: ReviewClassifier) -> bool:
    """Say whether :func:`adapt` was here."""
    return bool(getattr(model.stock, "peft_config", None))


def size(model: ReviewClassifier) -> int:
    """Return how many weights the adapters have; :func:`merged` leaves none of them."""
    named = model.stock.named_parameters() if has_adapters(model) else ()
    return sum(weights.numel() for name, weights in named if ".lora_" in name)


def merged(model: ReviewClassifier) -> ReviewClassifier:
    """Return the model with its adapters added to the weights: a stock one, of the same logits.

    Parameters
    ----------
    model : ReviewClassifier
        Left as it is; returned itself when it has no adapters.
    """
    if not has_adapters(model):
        return model
    from peft.tuners.tuners_utils import BaseTunerLayer

    whole = copy.deepcopy(model)
    stock = whole.stock
    for name, module in list(stock.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge(safe_merge=True)
            parent, _, last = name.rpartition(".")
            setattr(stock.get_submodule(parent), last, module.get_base_layer())
    del stock.peft_config
    return whole


def save_adapters(model: ReviewClassifier, folder: Path) -> None:
    """Write the adapters and the head as peft reads them, some hundredths of the model's size.

    Parameters
    ----------
    model : ReviewClassifier
        With adapters, not merged.
    folder : Path
        Must not exist.
    """
    from peft import get_peft_model_state_dict

    stock = model.stock
    folder.mkdir(parents=True)
    settings = copy.copy(stock.peft_config[NAME])
    settings.base_model_name_or_path = stock.config.name_or_path
    settings.inference_mode = True
    settings.modules_to_save = _head_names(stock)
    settings.save_pretrained(folder)
    tensors = get_peft_model_state_dict(stock, adapter_name=NAME)
    head = tuple(f"{name}." for name in settings.modules_to_save)
    tensors |= {name: t for name, t in stock.state_dict().items() if name.startswith(head)}
    save_file(
        {_named(name): tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        folder / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )


def _named(name: str) -> str:
    return name if name.startswith(PREFIX) else PREFIX + name


def _head_names(stock: Any) -> list[str]:
    """Name the head's modules that have weights, as peft finds them."""
    own = {id(part) for part in families.head_parts(stock) if list(part.parameters())}
    return [name for name, module in stock.named_modules() if id(module) in own]


def _matrices(stock: Any, config: LoraConfig, frozen_layers: int) -> list[str]:
    """Name every matrix that gets an adapter in full, so that none outside the layers does."""
    wanted = config.targets or families.query_and_value(stock.config.model_type)
    stack = families.layers(stock)
    names = {id(module): name for name, module in stock.named_modules()}
    linear = {
        names[id(module)]: inner
        for layer in stack
        for inner, module in layer.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    missing = [t for t in wanted if not any(_is(inner, t) for inner in linear.values())]
    if missing:
        raise ConfigError(
            f"lora.targets: {', '.join(map(repr, missing))} is no linear layer of this "
            f"{stock.config.model_type} encoder; it has {', '.join(sorted(set(linear.values())))}. "
            "Name some of these, or leave lora.targets out."
        )
    if frozen_layers >= len(stack):
        raise ConfigError(
            f"model.freeze_layers = {frozen_layers}, but the encoder has {len(stack)} layers: none "
            "is left for lora.rank to adapt. Freeze fewer, or set lora.rank to 0."
        )
    allowed = tuple(f"{names[id(layer)]}." for layer in stack[frozen_layers:])
    return [
        name
        for name, inner in linear.items()
        if name.startswith(allowed) and any(_is(inner, target) for target in wanted)
    ]


def _is(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")
