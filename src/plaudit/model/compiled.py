"""torch.compile for the encoder's layers, where most of the time goes."""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import Any

from plaudit.errors import ConfigError
from plaudit.model import families

COMPILERS = ("c++", "g++", "clang++")


def compile_layers(stock: Any, device: str) -> None:
    """Compile the encoder's layers in place; parameters keep their names.

    Layer by layer, since all layers share one compiled code: the whole encoder would take as many
    times longer to compile as it has layers. With dynamic shapes, since each batch has its own.

    Parameters
    ----------
    stock : transformers.PreTrainedModel
    device : str
        Such as ``"cpu"``.

    Raises
    ------
    ConfigError
        There is nothing to compile with.
    """
    if lack := _compiler_lacks(device):
        raise ConfigError(f"train.compile = true, but {lack}; or set train.compile to false.")
    for layer in families.layers(stock):
        layer.compile(dynamic=True)


def _compiler_lacks(device: str) -> str:
    if device == "cuda" and importlib.util.find_spec("triton") is None:
        return "triton is not installed: pip install triton"
    if not any(shutil.which(name) for name in (os.environ.get("CXX", ""), *COMPILERS) if name):
        return f"there is no C++ compiler ({', '.join(COMPILERS)}): install one"
    return ""
