"""Rules about what is decided by, and fitted on validation."""

from __future__ import annotations

from collections.abc import Iterator

from plaudit.config.conflict import Conflict
from plaudit.config.schema import Config
from plaudit.config.stating import DecideConfig

_SOUGHT = ("f1", "precision", "recall")


def conflicts(config: Config) -> list[Conflict]:
    """Find settings of ``decide`` that do not go together, or lack the data to be fitted on.

    Parameters
    ----------
    config : Config

    Returns
    -------
    list of Conflict
    """
    own = config.decide
    return [*_threshold(own), *_cascaded(config), *_idle(own), *_blind(config)]


def _threshold(decide: DecideConfig) -> list[Conflict]:
    threshold, found = decide.threshold, []
    if (threshold == "cost") != (decide.costs is not None):
        found.append(
            Conflict(
                ("decide.costs", "decide.threshold"),
                "decide.costs and decide.threshold=cost go together: the one says what mistakes "
                "cost, the other that answers follow from it.",
            )
        )
    if decide.label is not None and threshold not in _SOUGHT:
        found.append(
            Conflict(
                ("decide.label", "decide.threshold"),
                f"decide.label names whose F1, precision or recall to choose by, but "
                f"decide.threshold is {threshold}: choose f1, precision or recall.",
            )
        )
    return found


def _cascaded(config: Config) -> list[Conflict]:
    """Say that a threshold moves labels which a cascade was fitted to keep."""
    if not config.ngrams.cascade or config.decide.threshold == "none":
        return []
    return [
        Conflict(
            ("ngrams.cascade", "decide.threshold"),
            f"ngrams.cascade keeps the likeliest labels, and decide.threshold = "
            f"{config.decide.threshold} gives others: how many change by it is not known. Set "
            "ngrams.cascade to 0, or decide.threshold to none.",
        )
    ]


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


def _blind(config: Config) -> list[Conflict]:
    """Say what is to be fitted on validation data that there is none of."""
    if config.split.validation_size != 0 or config.data.validation is not None:
        return []
    decide = config.decide
    fitted = (
        ("decide.threshold", decide.threshold, decide.threshold in _SOUGHT),
        ("decide.abstain", decide.abstain, decide.abstain != "none"),
        ("ngrams.weight", config.ngrams.weight, config.ngrams.weight == "fit"),
        ("ngrams.cascade", config.ngrams.cascade, config.ngrams.cascade > 0),
    )
    return [
        Conflict(
            (key, "split.validation_size", "data.validation"),
            f"{key} is {value}, but there is no validation data to fit it on: set "
            "split.validation_size above 0 or name data.validation.",
        )
        for key, value, is_fitted in fitted
        if is_fitted
    ]
