"""A learning rate from one short climb over all of them: where the loss falls fastest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from plaudit.config import Config, check
from plaudit.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from plaudit.run.learning import Lesson

SMOOTHING = 0.8
"""What a new loss leaves of the mean so far: single batches are noisy."""
DIVERGED = 2.0
"""Times the lowest smoothed loss at which the climb ends."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the climb.

    Attributes
    ----------
    lr : float
        Of the top layer.
    loss : float
        Of the step's texts.
    smoothed : float
        The moving mean, without its bias towards the first step.
    """

    lr: float
    loss: float
    smoothed: float


@dataclass(frozen=True, slots=True)
class Climb:
    """What the finder found.

    Attributes
    ----------
    rungs : tuple of Rung
    suggested : float or None
        The rate at which the smoothed loss falls fastest; None where it never fell.
    """

    rungs: tuple[Rung, ...]
    suggested: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"suggested": self.suggested, "rungs": [asdict(rung) for rung in self.rungs]}


def lr(config: Config, *, low: float = 1e-6, high: float = 1e-1, steps: int = 60) -> Climb:
    """Train for a few steps at ever higher rates, on training data alone, and keep nothing.

    The encoder is the one that ``model.encoder`` names, without further training on words.

    Parameters
    ----------
    config : Config
        Its ``optim.lr`` is what is sought; the head's own rate keeps its ratio to it.
    low, high : float
        Rates of the first and of the last step; they rise by equal factors.
    steps : int

    Returns
    -------
    Climb

    Raises
    ------
    plaudit.errors.PlauditError
        The configuration or the data cannot be used, or memory ran out.

    Examples
    --------
    >>> import plaudit
    >>> found = plaudit.lr(plaudit.load_config("reviews.toml"), low=1e-5, high=1.0, steps=30)
    >>> 1e-5 < found.suggested < 1.0
    True

    Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3.
    """
    check(config)
    if steps < 2 or not 0.0 < low < high:
        raise ConfigError(
            f"a climb of {steps} steps from {low:g} to {high:g}: it needs 2 steps at least, and to "
            "rise from above 0."
        )
    if config.contrast.steps:
        raise ConfigError(
            f"contrast.steps is {config.contrast.steps}: the head is fitted before the first step, "
            "so the loss has nowhere to fall from, and where it falls fastest would be chance. "
            "Compare rates instead: plaudit ablate … optim.lr=1e-5,1e-4; or set contrast.steps=0."
        )
    from plaudit.train.state import callers_own

    with callers_own():
        return _climb(config, low, high, steps)


def _climb(config: Config, low: float, high: float, steps: int) -> Climb:
    from plaudit.train.course import Course
    from plaudit.train.loop import Settings, fit

    taught = _taught(config)
    # The optimiser's rates are those of the last step; the factor takes them down from there.
    head = config.optim.head_lr and config.optim.head_lr / config.optim.lr * high
    optim = config.optim.model_copy(update={"lr": high, "head_lr": head})
    train = config.train.model_copy(update={"max_seconds": None})
    course = Course(steps, steps * train.accumulation, float(steps), frozenset())
    settings = Settings(
        optim, train, taught.craft, factor=lambda step: (low / high) ** (1 - step / (steps - 1))
    )
    climbed: list[tuple[float, float]] = []
    try:
        for record in fit(taught.model, taught.feed.batches, course, taught.compute, settings):
            climbed.append((record.lr, record.loss))
            *before, last = smoothed([loss for _, loss in climbed])
            if len(before) > 4 and last > DIVERGED * min(before):
                break
    except TrainingError as error:
        # No number any more: the climb is over, which is what it is for. Not so when memory ran
        # out, nor where there was none from the start.
        if error.__cause__ is not None or not climbed:
            raise
    return summit(climbed)


def _taught(config: Config) -> Lesson:
    """Make ready what a run of these settings would train, and on what."""
    from plaudit.data.prepare import prepare
    from plaudit.data.sources import silent
    from plaudit.model.device import plan
    from plaudit.run.consulting import with_pseudo_labels, with_teacher
    from plaudit.run.learning import lesson, new_model
    from plaudit.run.material import encoded, text_encoder

    prepared = with_pseudo_labels(config, prepare(config, silent), silent)
    encoder = text_encoder(config)
    model = new_model(config, prepared.labels, encoder)
    compute = plan(config.train.device, config.train.precision)
    data = with_teacher(config, encoded(prepared, encoder), encoder, silent)
    return lesson(config, model, data, compute)


def summit(climbed: Sequence[tuple[float, float]]) -> Climb:
    """Smooth losses and find where they fall fastest.

    Parameters
    ----------
    climbed : sequence of (lr, loss)

    Returns
    -------
    Climb
    """
    means = smoothed([loss for _, loss in climbed])
    rungs = [Rung(*each, mean) for each, mean in zip(climbed, means, strict=True)]
    falls = [after.smoothed - before.smoothed for before, after in pairwise(rungs)]
    if not falls or min(falls) >= 0:
        return Climb(tuple(rungs), None)
    return Climb(tuple(rungs), rungs[falls.index(min(falls)) + 1].lr)


def smoothed(losses: Sequence[float]) -> list[float]:
    """Average each loss with those before it, which count less the longer they are past.

    Parameters
    ----------
    losses : sequence of float

    Returns
    -------
    list of float
        Divided by what the weights add up to, so that the first is the first loss.
    """
    means: list[float] = []
    mean = 0.0
    for number, loss in enumerate(losses, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        means.append(mean / (1 - SMOOTHING**number))
    return means
