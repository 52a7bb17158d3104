"""Rules that bind several settings together, which a type cannot state."""

from __future__ import annotations

import math
from collections.abc import Iterator

from plaudit.config import multilabel
from plaudit.config.conflict import Conflict
from plaudit.config.keys import by_key
from plaudit.config.schema import Config
from plaudit.config.stating import DecideConfig
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
        *_pairs(config),
        *_split(config),
        *_imbalance(config),
        *_craft(config),
        *_contrast(config),
        *_lora(config),
        *_models(config),
        *_decide(config),
        *multilabel.conflicts(config),
    ]


def _finite(config: Config) -> list[Conflict]:
    # TOML has inf and nan, and "above 0" lets inf through.
    values = {key: _value(config, key) for key in by_key()}
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


def _pairs(config: Config) -> list[Conflict]:
    if config.data.text_pair is None:
        return []
    single = "its texts are single ones"
    unfit = [
        ("text.policy", config.text.policy == "windows", "windows over two texts are not defined"),
        ("data.exclude", config.data.exclude is not None, "single texts equal no pair"),
        ("pretrain.texts", config.pretrain.texts is not None, single),
        ("distill.texts", config.distill.texts is not None, single),
        ("pseudo.texts", config.pseudo.texts is not None, single),
        ("report.robustness", config.report.robustness, "it changes single texts only"),
    ]
    return [
        Conflict(
            (key, "data.text_pair"),
            f"{key} is {_value(config, key)}, but data.text_pair is set: {why}. Leave {key} out.",
        )
        for key, is_set, why in unfit
        if is_set
    ]


def _split(config: Config) -> list[Conflict]:
    split, found = config.split, []
    if split.train_size == 0:
        found.append(
            Conflict(
                ("split.train_size",),
                "split.train_size is 0: there would be nothing to train on; give a share or a "
                "number of rows, or leave it out to take all.",
            )
        )
    if split.per_class is not None and split.train_size is not None:
        found.append(
            Conflict(
                ("split.per_class", "split.train_size"),
                "split.per_class and split.train_size both say how many rows to train on: leave "
                "one of them out.",
            )
        )
    if config.cotrain.words is not None and split.per_class is None:
        found.append(
            Conflict(
                ("cotrain.words", "split.per_class"),
                "cotrain.words labels the texts that split.per_class leaves without a label: set "
                "split.per_class.",
            )
        )
    if config.train.patience > 0 and split.validation_size == 0 and config.data.validation is None:
        found.append(
            Conflict(
                ("train.patience", "split.validation_size", "data.validation"),
                f"train.patience is {config.train.patience}, but there is no validation data to "
                "watch: set split.validation_size above 0, name data.validation, or set "
                "train.patience to 0.",
            )
        )
    aside = _share(split.validation_size) * (config.data.validation is None)
    aside += _share(split.test_size) * (config.data.test is None)
    if aside >= 1:
        found.append(
            Conflict(
                ("split.test_size", "split.validation_size"),
                f"split.validation_size and split.test_size set aside {aside:.0%} of the data: "
                "together they must stay below all of it.",
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
        if _value(config, key)
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


def _decide(config: Config) -> list[Conflict]:
    decide, found = config.decide, []
    threshold, sought = decide.threshold, decide.threshold in ("f1", "precision", "recall")
    if (threshold == "cost") != (decide.costs is not None):
        found.append(
            Conflict(
                ("decide.costs", "decide.threshold"),
                "decide.costs and decide.threshold=cost go together: the one says what mistakes "
                "cost, the other that answers follow from it.",
            )
        )
    if decide.label is not None and not sought:
        found.append(
            Conflict(
                ("decide.label", "decide.threshold"),
                f"decide.label names whose F1, precision or recall to choose by, but "
                f"decide.threshold is {threshold}: choose f1, precision or recall.",
            )
        )
    found += _idle(decide)
    blind = config.split.validation_size == 0 and config.data.validation is None
    for key, value, fitted in (
        ("decide.threshold", threshold, sought),
        ("decide.abstain", decide.abstain, decide.abstain != "none"),
        ("ngrams.weight", config.ngrams.weight, config.ngrams.weight == "fit"),
    ):
        if blind and fitted:
            found.append(
                Conflict(
                    (key, "split.validation_size", "data.validation"),
                    f"{key} is {value}, but there is no validation data to fit it on: set "
                    "split.validation_size above 0 or name data.validation.",
                )
            )
    return found


def _idle(decide: DecideConfig) -> Iterator[Conflict]:
    """Say of a bound that was set that nothing asks for it."""
    for name, switch, asks in (
        ("target", "threshold", ("precision", "recall")),
        ("max_error", "abstain", ("error",)),
        ("coverage", "abstain", ("conformal",)),
    ):
        value, chosen = getattr(decide, name), getattr(decide, switch)
        if value != type(decide).model_fields[name].default and chosen not in asks:
            yield Conflict(
                (f"decide.{name}", f"decide.{switch}"),
                f"decide.{name} = {value} says nothing while decide.{switch} is {chosen}: choose "
                f"{' or '.join(asks)}, or leave decide.{name} out.",
            )


def _share(size: int | float) -> float:
    return size if isinstance(size, float) else 0.0


def _value(config: Config, key: str) -> object:
    section, _, name = key.rpartition(".")
    return getattr(getattr(config, section) if section else config, name)
