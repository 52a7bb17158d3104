"""Refuses models that bring code of their own.

transformers ignores that code as long as nobody trusts it. It then either says how to trust it or,
when the architecture's name is one that it knows, computes something else without a word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plaudit.errors import ConfigError

CODE = "auto_map"
"""The key of config.json and tokenizer_config.json that names classes to import from the model."""
SETTINGS = ("config.json", "tokenizer_config.json")


def check_model(location: str) -> None:
    """Raise ConfigError when a model, on disk or on the hub, asks for code of its own."""
    import transformers

    _refuse(location, transformers.PreTrainedConfig.get_config_dict(location)[0])


def check_tokenizer(location: str) -> None:
    """Raise ConfigError when a tokenizer, on disk or on the hub, asks for code of its own."""
    from transformers.models.auto.tokenization_auto import get_tokenizer_config

    _refuse(location, get_tokenizer_config(location))


def _refuse(location: str, settings: Mapping[str, Any]) -> None:
    if settings.get(CODE):
        raise ConfigError(
            f"{location} asks for code of its own ({CODE}), which plaudit never runs. Use a model "
            "of an architecture that transformers has."
        )


def files_with_code(folder: Path) -> list[str]:
    """Return what in a folder is code or asks for some, a sentence each.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of str
        Empty when all is well.
    """
    found = [f"{path.name} is code" for path in sorted(folder.iterdir()) if path.suffix == ".py"]
    for name in SETTINGS:
        path = folder / name
        if not path.is_file():
            continue
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            found.append(f"{name} is not JSON")
            continue
        if not isinstance(settings, dict) or settings.get(CODE):
            found.append(f"{name} asks for code of its own ({CODE})")
    return found
