"""What a run is made of, and how recipes and overrides become one configuration."""

from plaudit.config.keys import Setting, describe, value_at
from plaudit.config.practice import (
    ContrastConfig,
    CotrainConfig,
    CraftConfig,
    DistillConfig,
    ImbalanceConfig,
    LoraConfig,
    NgramsConfig,
    PretrainConfig,
    PseudoConfig,
)
from plaudit.config.resolve import load
from plaudit.config.rules import check
from plaudit.config.schema import (
    CleanConfig,
    Config,
    DataConfig,
    ModelConfig,
    OptimConfig,
    SplitConfig,
    TextConfig,
    TrainConfig,
)
from plaudit.config.shipped import Recipe, recipe, recipes
from plaudit.config.stating import DecideConfig, EvaluateConfig
from plaudit.config.toml import as_toml, dump_toml

__all__ = [
    "CleanConfig",
    "Config",
    "ContrastConfig",
    "CotrainConfig",
    "CraftConfig",
    "DataConfig",
    "DecideConfig",
    "DistillConfig",
    "EvaluateConfig",
    "ImbalanceConfig",
    "LoraConfig",
    "ModelConfig",
    "NgramsConfig",
    "OptimConfig",
    "PretrainConfig",
    "PseudoConfig",
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
    "value_at",
]
