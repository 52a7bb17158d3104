"""Rules about rows: single texts and pairs, and how many of them go where."""

from __future__ import annotations

from plaudit.config.conflict import Conflict
from plaudit.config.keys import value_at
from plaudit.config.schema import Config


def conflicts(config: Config) -> list[Conflict]:
    """Find settings of ``data`` and ``split`` that do not go together, or with others.

    Parameters
    ----------
    config : Config

    Returns
    -------
    list of Conflict
    """
    return [*_pairs(config), *_training(config), *_aside(config)]


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
            f"{key} is {value_at(config, key)}, but data.text_pair is set: {why}. Leave {key} out.",
        )
        for key, is_set, why in unfit
        if is_set
    ]


def _training(config: Config) -> list[Conflict]:
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
    return found


def _aside(config: Config) -> list[Conflict]:
    split, found = config.split, []
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


def _share(size: int | float) -> float:
    return size if isinstance(size, float) else 0.0
