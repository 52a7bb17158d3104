"""Parameter groups, optimisers and schedules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from plaudit.config import OptimConfig
from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier


def parameter_groups(model: ReviewClassifier, config: OptimConfig) -> list[dict[str, Any]]:
    """Group trainable parameters by learning rate and weight decay.

    The top layer trains at ``lr``, each layer below at ``layer_decay`` times the rate above it, the
    head at ``head_lr``, by default ``lr``. Biases and normalisation weights are not decayed.

    Returns
    -------
    list of dict
        As torch.optim takes them: ``params``, ``lr``, ``weight_decay``.

    Notes
    -----
    Source of layer-wise decay: Sun et al. 2019, section 5.3.4; Howard and Ruder 2018.
    """
    depth = families.depth_of_parameters(model, model.stock)
    top = max(depth.values())
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        lr = config.lr * config.layer_decay ** max(0, top - 1 - depth[name])
        if depth[name] == top:
            lr = config.head_lr or config.lr
        decay = config.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((lr, decay), []).append(parameter)
    return [
        {"params": params, "lr": lr, "weight_decay": decay}
        for (lr, decay), params in groups.items()
    ]


def make_optimizer(groups: list[dict[str, Any]], config: OptimConfig) -> torch.optim.Optimizer:
    """Build the configured optimiser over parameter groups."""
    match config.optimizer:
        case "adamw":
            # One fused pass over the weights instead of a dozen.
            return torch.optim.AdamW(groups, betas=config.betas, eps=config.eps, fused=True)
        case "adafactor":
            return torch.optim.Adafactor(groups)
        case "sgd":
            return torch.optim.SGD(groups, momentum=config.betas[0])


def schedule(config: OptimConfig, steps: int) -> Callable[[float], float]:
    """Return the factor on the learning rate at each step.

    Parameters
    ----------
    config : OptimConfig
    steps : int
        All optimiser steps of the run.

    Returns
    -------
    callable
        From steps taken so far, also between two, to a factor in [0, 1].
    """
    warmup = round(config.warmup_fraction * steps)

    def factor(step: float) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        done = (step - warmup) / max(1, steps - warmup)
        match config.schedule:
            case "constant":
                return 1.0
            case "linear":
                return max(0.0, 1.0 - done)
            case "cosine":
                return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))

    return factor
