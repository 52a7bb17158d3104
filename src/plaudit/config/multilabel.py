"""What does not go together with several labels a text, each with the reason."""

from __future__ import annotations

from typing import Any

from plaudit.config.conflict import Conflict
from plaudit.config.keys import value_at
from plaudit.config.schema import Config
from plaudit.errors import ConfigError

_EXCLUSIVE = "is about labels that exclude each other"
_NOT_YET = "works on one label a text so far"
REFUSED: dict[str, tuple[tuple[Any, ...], str]] = {
    "data.text_pair": ((), f"{_NOT_YET}; leave it out"),
    "split.per_class": ((), "counts the texts of classes; set split.train_size, a number of rows"),
    "cotrain.words": ((), f"{_EXCLUSIVE}; leave it out"),
    "contrast.steps": ((), "draws the texts of one class together; set it to 0"),
    "distill.teacher": ((), f"{_NOT_YET}; leave it out"),
    "pseudo.model": ((), f"{_NOT_YET}; leave it out"),
    "imbalance.method": (
        ("focal", "oversample", "undersample"),
        "works by the one class of a text; choose weights, which weighs having each label by how "
        "rare it is, or none",
    ),
    "imbalance.prior_correction": (
        (True,),
        "restores shares of classes that exclude each other; thresholds of each label are fitted "
        "on real shares anyway (decide.label_thresholds), so leave it false",
    ),
    "imbalance.beta": (
        (),
        "counts the texts of classes, while here having a label is weighed against lacking it; "
        "leave it out",
    ),
    "craft.label_smoothing": (
        (),
        f"spreads a target over all labels and {_EXCLUSIVE}; set it to 0",
    ),
    "craft.rdrop": ((), f"compares one distribution over all labels and {_EXCLUSIVE}; set it to 0"),
    "decide.threshold": (
        ("f1", "cost", "precision", "recall"),
        f"{_EXCLUSIVE}; decide.label_thresholds=f1 fits a threshold for each label",
    ),
    "decide.label": ((), f"{_EXCLUSIVE}; leave it out"),
    "decide.costs": ((), f"{_EXCLUSIVE}; leave it out"),
    "decide.abstain": (("error", "conformal"), f"{_EXCLUSIVE}; set it to none"),
    "ngrams.weight": ((), f"{_NOT_YET}; set it to 0"),
    "ngrams.cascade": ((), f"{_NOT_YET}; set it to 0"),
    "train.select": (("mcc",), "is not defined; choose accuracy, macro_f1 or log_loss"),
    "seeds": ((), f"{_NOT_YET}; set it to 1 and start a run for each seed"),
    "report.robustness": ((True,), f"{_NOT_YET}; set it to false"),
}
"""Settings, the values that are refused (empty: any but the default), and why."""


def conflicts(config: Config) -> list[Conflict]:
    """Find settings that have no meaning where a text may have several labels.

    Parameters
    ----------
    config : Config

    Returns
    -------
    list of Conflict
    """
    if not config.data.multilabel:
        return _idle(config)
    found = []
    for key, (values, reason) in REFUSED.items():
        value, default = value_at(config, key), value_at(Config(), key)
        if value in values or (not values and value != default):
            found.append(
                Conflict(
                    (key, "data.multilabel"),
                    f"{key} is {value}, but data.multilabel is true: {key} {reason}.",
                )
            )
    return found


def refuse(config: Config, command: str) -> None:
    """Raise where a command would treat a set of labels as one.

    Parameters
    ----------
    config : Config
    command : str
        Such as ``plaudit ablate``.

    Raises
    ------
    ConfigError
        Texts may have several labels.
    """
    if config.data.multilabel:
        raise ConfigError(
            f"{command}: data.multilabel is true, and it compares answers of one label a text so "
            "far. Use plaudit train for each value and read the two reports, or set "
            "data.multilabel to false."
        )


def _idle(config: Config) -> list[Conflict]:
    """Find settings of several labels a text where a text has one: they would do nothing."""
    return [
        Conflict(
            ("data.multilabel", key),
            f"{key} is {value_at(config, key)!r}, which has a meaning with several labels a text "
            "only: set data.multilabel to true, or leave it out.",
        )
        for key in ("data.label_separator", "decide.label_thresholds")
        if value_at(config, key) != value_at(Config(), key)
    ]
