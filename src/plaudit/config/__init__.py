"""What a run is made of, and how recipes and overrides become one configuration."""

from plaudit.config.keys import Setting, as_toml, describe
from plaudit.config.resolve import dump_toml, load
from plaudit.config.rules import check
from plaudit.config.schema import (
    CleanConfig,
    Config,
    DataConfig,
    EvaluateConfig,
    ModelConfig,
    OptimConfig,
    SplitConfig,
    TextConfig,
    TrainConfig,
)
from plaudit.config.shipped import Recipe, recipe, recipes

__all__ = [
    "CleanConfig",
    "Config",
    "DataConfig",
    "EvaluateConfig",
    "ModelConfig",
    "OptimConfig",
    "Recipe",
    "Setting",
    "SplitConfig",
    "TextConfig",
    "TrainConfig",
    "as_toml",
    "check",
    "describe",
    "dump_toml",
    "load",
    "recipe",
    "recipes",
]
