"""What passes between the study and those who make its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Pruner = Literal["none", "median", "hyperband"]
Outcome = Literal["complete", "pruned", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Order:
    """A trial that is to be made.

    Attributes
    ----------
    number : int
    values : mapping of str to str
        Key to value; empty for the recipe as it is.
    """

    number: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a trial ended.

    Attributes
    ----------
    number : int
    outcome : {"complete", "pruned", "refused", "failed"}
        refused: its values do not go together. failed: training broke.
    value : float or None
        Of a complete one.
    facts : mapping of str to object
        What it cost; ``why`` gives the reason of any other outcome.
    """

    number: int
    outcome: Outcome
    value: float | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of a trial.

    Attributes
    ----------
    number : int
    outcome : {"complete", "pruned", "refused", "failed"}
    values : mapping of str to str
    value : float or None
        Of a complete one, that of the state that was kept.
    validations : list of float
        In order.
    why : str or None
        Why it was refused, pruned or failed.
    facts : mapping of str to object
        What it cost.
    ended_at : str
        ISO 8601.
    """

    number: int
    outcome: Outcome
    values: Mapping[str, str]
    value: float | None
    validations: list[float]
    why: str | None
    facts: Mapping[str, Any]
    ended_at: str


@dataclass(frozen=True, slots=True)
class Direction:
    """Where a study goes.

    Attributes
    ----------
    minimised : bool
        Whether less is better.
    pruner : {"none", "median", "hyperband"}
    seed : int
        Of the sampler.
    most : int
        Validations of a trial at most.
    """

    minimised: bool
    pruner: Pruner
    seed: int
    most: int
