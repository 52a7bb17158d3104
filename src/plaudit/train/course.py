"""How long a run is, counted before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plaudit.config import TrainConfig
from plaudit.text.sampling import TokenBudgetSampler

COUNTED = 50
"""Epochs whose batches are counted one by one; each of those beyond is taken for their mean."""


@dataclass(frozen=True, slots=True)
class Course:
    """How many steps and batches a run takes, and after which steps it is validated."""

    steps: int
    batches: int
    steps_per_epoch: float
    validate_after: frozenset[int]


def plan_course(sampler: TokenBudgetSampler, config: TrainConfig, *, validated: bool) -> Course:
    """Count the run's steps ahead, so that the schedule ends where training does.

    Parameters
    ----------
    sampler : TokenBudgetSampler
        Its batches differ a little in number from epoch to epoch.
    config : TrainConfig
    validated : bool
        Whether there is validation data.

    Returns
    -------
    Course
    """
    planned = 0.0
    for epoch in range(min(math.ceil(config.epochs), COUNTED)):
        sampler.epoch = epoch
        planned += len(sampler) * min(1.0, config.epochs - epoch)
    sampler.epoch = 0
    planned *= max(1.0, config.epochs / COUNTED)
    batches = max(1, math.ceil(planned))
    if config.max_steps:
        batches = config.max_steps * config.accumulation
    steps = math.ceil(batches / config.accumulation)
    per_epoch = max(1.0, planned) / config.epochs / config.accumulation
    marks = min(math.ceil(config.evaluations * steps / per_epoch), steps)
    every = steps / max(1, marks)
    # A soup takes a state at each mark, validated or not.
    marked = validated or config.average == "soup"
    after = frozenset(round(every * (i + 1)) for i in range(marks)) if marked else frozenset()
    return Course(steps, batches, per_epoch, after)
