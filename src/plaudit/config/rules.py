"""Rules that bind several settings together, which a type cannot state."""

from __future__ import annotations

import math

from plaudit.config import decisions, multilabel, rows
from plaudit.config.conflict import Conflict
from plaudit.config.keys import by_key, value_at
from plaudit.config.schema import Config
from plaudit.errors import ConfigError

SPECIAL_TOKENS = 2
"""[CLS] and [SEP], or their like: BERT-family encoders put two around one text."""


def check(config: Config) -> None:
    """Raise when settings contradict each other.

    Parameters
    ----------
    config : Config
        Valid key by key, for example built in Python.

    Raises
    ------
    ConfigError
        All contradictions, one sentence each.
    """
    if not isinstance(config, Config):
        raise ConfigError(
            f"a configuration is needed, not {type(config).__name__}: give "
            'plaudit.load_config("quickstart"), or of a .toml file.'
        )
    if found := conflicts(config):
        raise ConfigError([conflict.message for conflict in found])


def conflicts(config: Config) -> list[Conflict]:
    """Find settings that are allowed one by one but not together.

    Parameters
    ----------
    config : Config

    Returns
    -------
    list of Conflict
        Empty when all is well.
    """
    return [
        *_finite(config),
        *_tokens(config),
        *rows.conflicts(config),
        *_imbalance(config),
        *_craft(config),
        *_contrast(config),
        *_lora(config),
        *_models(config),
        *decisions.conflicts(config),
        *multilabel.conflicts(config),
    ]


def _finite(config: Config) -> list[Conflict]:
    # TOML has inf and nan, and "above 0" lets inf through.
    values = {key: value_at(config, key) for key in by_key()}
    return [
        Conflict((key,), f"{key} must be a finite number, not {value}.")
        for key, value in values.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]


def _tokens(config: Config) -> list[Conflict]:
    text, train = config.text, config.train
    found = []
    if train.batch_examples is None and train.batch_tokens < text.max_tokens:
        found.append(
            Conflict(
                ("train.batch_tokens", "text.max_tokens"),
                f"train.batch_tokens is {train.batch_tokens}, but one text may have "
                f"{text.max_tokens} tokens (text.max_tokens): it must be at least that.",
            )
        )
    if text.policy == "windows" and text.stride >= text.max_tokens - SPECIAL_TOKENS:
        found.append(
            Conflict(
                ("text.stride", "text.max_tokens"),
                f"text.stride is {text.stride}, but a window of {text.max_tokens} tokens "
                f"(text.max_tokens) holds {text.max_tokens - SPECIAL_TOKENS} of the text: "
                "it must be below that, or windows do not advance.",
            )
        )
    return found


def _imbalance(config: Config) -> list[Conflict]:
    method = config.imbalance.method
    if not config.imbalance.prior_correction or method not in ("none", "focal"):
        return []
    return [
        Conflict(
            ("imbalance.prior_correction", "imbalance.method"),
            f"imbalance.prior_correction undoes what weights or resampling do to the classes' "
            f"shares, but imbalance.method is {method}: choose weights, oversample or undersample.",
        )
    ]


def _craft(config: Config) -> list[Conflict]:
    model, craft, found = config.model, config.craft, []
    adapters = config.lora.dropout if config.lora.rank else 0.0
    if craft.rdrop and not any(
        (model.dropout, model.attention_dropout, model.head_dropout, adapters)
    ):
        found.append(
            Conflict(
                ("craft.rdrop", "model.dropout", "model.attention_dropout", "model.head_dropout"),
                f"craft.rdrop is {craft.rdrop}, but without dropout two passes agree anyway: set "
                "model.dropout above 0.",
            )
        )
    if craft.fgm and (model.freeze_embeddings or model.freeze_layers):
        found.append(
            Conflict(
                ("craft.fgm", "model.freeze_embeddings", "model.freeze_layers"),
                f"craft.fgm is {craft.fgm}, but the embeddings that it moves are frozen: set "
                "model.freeze_embeddings to false and model.freeze_layers to 0.",
            )
        )
    return found


def _contrast(config: Config) -> list[Conflict]:
    text = config.text
    if not (config.contrast.steps and text.policy == "windows" and text.window_pooling == "max"):
        return []
    return [
        Conflict(
            ("contrast.steps", "text.window_pooling"),
            "contrast.steps is above 0: the head is then fitted on the mean of a text's windows, "
            "and would answer by their maximum. Set text.window_pooling to mean, or text.policy "
            "to head_tail.",
        )
    ]


def _lora(config: Config) -> list[Conflict]:
    if not config.lora.rank:
        return []
    clashes = (
        ("model.reinit_layers", "gives layers random weights, which adapters leave as they are"),
        ("craft.fgm", "moves the embeddings along their gradient, and they have none"),
        ("craft.pull", "pulls weights back to where they were, and they stay there"),
    )
    return [
        Conflict(
            (key, "lora.rank"),
            f"{key} {why} when lora.rank is above 0: set {key} or lora.rank to 0.",
        )
        for key, why in clashes
        if value_at(config, key)
    ]


def _models(config: Config) -> list[Conflict]:
    """Texts that a model is to answer for, without the model, would be passed over in silence."""
    distill, pseudo, found = config.distill, config.pseudo, []
    if distill.texts is not None and distill.teacher is None:
        found.append(
            Conflict(
                ("distill.teacher", "distill.texts"),
                "distill.texts has no labels, and there is no distill.teacher whose answers could "
                "be followed on it: name one, or leave distill.texts out.",
            )
        )
    if (pseudo.model is None) != (pseudo.texts is None):
        found.append(
            Conflict(
                ("pseudo.model", "pseudo.texts"),
                "pseudo.model and pseudo.texts go together: the one labels the other. Name both, "
                "or neither.",
            )
        )
    return found
