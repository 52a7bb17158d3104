"""Weights on disk, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn


def save_weights(model: nn.Module, path: Path) -> None:
    """Write a model's weights so that a crash leaves either the old file or the new one.

    Parameters
    ----------
    model : nn.Module
    path : Path
        Its folder is made when missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.staged")
    # Cloned: safetensors refuses tensors that share memory.
    state = {name: t.detach().cpu().clone() for name, t in model.state_dict().items()}
    save_file(state, staged)
    with staged.open("rb") as file:
        os.fsync(file.fileno())
    staged.replace(path)


def load_weights(model: nn.Module, path: Path) -> None:
    """Read weights into a model of the same shape."""
    device = next(model.parameters()).device
    state: dict[str, torch.Tensor] = load_file(path, device=str(device))
    model.load_state_dict(state, strict=True)
