"""THE loop: a generator of StepRecord. Whoever drives it logs, saves and stops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from plaudit.config import OptimConfig, TrainConfig
from plaudit.errors import TrainingError
from plaudit.model import half, heap
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.text.packing import AnyBatch
from plaudit.train.clock import Clock
from plaudit.train.course import Course
from plaudit.train.craft import Craft, Validate
from plaudit.train.optim import make_optimizer, parameter_groups, schedule
from plaudit.train.room import Room
from plaudit.train.state import RandomStates, State

STEADIER = "Try a lower optim.lr, a longer optim.warmup_fraction, or train.precision=fp32."
"""What to do where training breaks."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one optimiser step did.

    Attributes
    ----------
    step, steps : int
        This step, counted from 1, and all that are planned.
    epoch : float
        Passes over the data so far.
    loss : float
        Mean over the step's texts of what is minimised: cross entropy, if nothing else was asked.
    lr : float
        Learning rate of the top layer.
    grad_norm : float
        Before clipping.
    tokens : int
        Real tokens so far, padding not counted.
    tokens_per_s : float
        Over the training so far, validation not counted.
    seconds : float
        Since the start, validation included.
    eta_s : float
        Seconds left, estimated.
    validation : mapping of str to float, or None
    """

    step: int
    steps: int
    epoch: float
    loss: float
    lr: float
    grad_norm: float
    tokens: int
    tokens_per_s: float
    seconds: float
    eta_s: float
    validation: Mapping[str, float] | None


@dataclass(frozen=True, slots=True)
class Settings:
    """How steps are taken.

    Attributes
    ----------
    optim : OptimConfig
    train : TrainConfig
    craft : Craft or None
        None: plain training.
    factor : callable or None
        From steps taken so far to a factor on the learning rates; None: as ``optim.schedule`` says.
    state : State or None
        Takes in all that changes from step to step, and may know where to go on.
    room : Room or None
        How much is computed at a time; None: what suits the device.
    """

    optim: OptimConfig
    train: TrainConfig
    craft: Craft | None = None
    factor: Callable[[float], float] | None = None
    state: State | None = None
    room: Room | None = None


def fit(
    model: ReviewClassifier,
    batches: Callable[[int], Iterator[AnyBatch]],
    course: Course,
    compute: Compute,
    settings: Settings,
    validate: Validate | None = None,
) -> Iterator[StepRecord]:
    """Train, yielding after each optimiser step; the weights are then those of that step.

    Parameters
    ----------
    model : ReviewClassifier
        Trained in place. fp32 weights; under bf16 they are the masters of bf16 products.
    batches : callable
        From an epoch's number to its batches.
    course : Course
    compute : Compute
    settings : Settings
    validate : callable, optional
        Called at the steps that ``course`` names, with the weights that would be kept; its result
        is put into the record.

    Yields
    ------
    StepRecord

    Raises
    ------
    TrainingError
        The loss or the gradient is no longer a number.
    """
    with heap.kept(compute):
        yield from _steps(model, batches, course, compute, settings, validate)


def _steps(
    model: ReviewClassifier,
    batches: Callable[[int], Iterator[AnyBatch]],
    course: Course,
    compute: Compute,
    settings: Settings,
    validate: Validate | None,
) -> Iterator[StepRecord]:
    optim, train = settings.optim, settings.train
    state, room = settings.state or State(), settings.room or Room(compute.tokens_at_once)
    craft = settings.craft or Craft(model)
    accelerator, prepared, optimizer = _prepared(model, optim, compute)
    moves = _Moves(accelerator, prepared, optimizer, craft, room, optim.clip_norm or math.inf)
    peaks = [group["lr"] for group in optimizer.param_groups]
    factor = settings.factor or schedule(optim, course.steps)
    clock = Clock(course, train.max_seconds)
    state.hold(model=model, optimizer=optimizer, craft=craft, clock=clock, room=room)
    stream = batches_of(batches, course, clock.step * train.accumulation)
    taken = _taken(stream, train.accumulation, accelerator.device)
    state.hold(random=RandomStates())  # last: nothing may draw between here and the next step
    if clock.step and clock.is_last(clock.step):
        return
    for step in range(clock.step + 1, course.steps + 1):
        progress = clock.progress(step - 1)
        share = factor(progress)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * share
        craft.before_step(progress / course.steps)
        outcome = moves.take(step, taken)
        clock.count(step, sum(batch.tokens for batch in taken))
        # A GPU is still at work on the step: what comes next is made ready before it is waited for.
        taken = _taken(stream, train.accumulation, accelerator.device)
        *parts, norm = outcome.tolist()
        loss = sum(parts)
        _check(step, loss, norm)
        last = clock.is_last(step)
        due = clock.is_due(step, last=last)
        craft.after_step(clock.progress(step) / course.steps, evaluated=due)
        training_s = clock.training_s()
        yield StepRecord(
            validation=clock.validating(craft.validating(validate)) if validate and due else None,
            step=step,
            steps=course.steps,
            epoch=step / course.steps_per_epoch,
            loss=loss,
            lr=optim.lr * share,
            grad_norm=norm,
            tokens=clock.tokens,
            tokens_per_s=clock.tokens / training_s,
            seconds=clock.seconds(),
            eta_s=0.0 if last else clock.left_s(step),
        )
        if last:
            return


@dataclass(frozen=True, slots=True)
class _Moves:
    """What takes an optimiser step."""

    accelerator: Accelerator
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    craft: Craft
    room: Room
    clip_norm: float

    def take(self, step: int, group: list[AnyBatch]) -> torch.Tensor:
        """Move the weights along the gradient of the mean loss over all texts of the group.

        Returns
        -------
        Tensor
            What each part adds to that loss and, last, the gradient's norm. Not read here: that
            would wait for the device.
        """
        backward = partial(_backward, self.accelerator, self.model, self.craft, group)

        def gradient(at_once: int) -> torch.Tensor:
            self.optimizer.zero_grad()
            return self.craft.gradient(partial(backward, at_once))

        losses = self.room.enough_for(step, partial(_largest, group), gradient)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return torch.cat([losses, norm[None]])


def _prepared(
    model: ReviewClassifier, optim: OptimConfig, compute: Compute
) -> tuple[Accelerator, torch.nn.Module, torch.optim.Optimizer]:
    # The process-wide state remembers the precision of an earlier run; this run chooses its own.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(
        mixed_precision="bf16" if compute.precision == "bf16" else "no", cpu=compute.device == "cpu"
    )
    half.prepare(model.stock, compute)
    optimizer = make_optimizer(parameter_groups(model, optim), optim)
    prepared, optimizer = accelerator.prepare(model, optimizer)
    prepared.train()
    return accelerator, prepared, optimizer


def batches_of(
    batches: Callable[[int], Iterator[AnyBatch]], course: Course, taken: int
) -> Iterator[AnyBatch]:
    """Return a course's batches, epoch by epoch, after so many of them."""
    stream = islice(_endless(batches), course.batches)
    for _ in islice(stream, taken):
        pass
    return stream


def _taken(stream: Iterator[AnyBatch], count: int, device: torch.device | str) -> list[AnyBatch]:
    """Return the next batches, on their way to the device."""
    return [batch.to(device) for batch in islice(stream, count)]


def _endless(batches: Callable[[int], Iterator[AnyBatch]]) -> Iterator[AnyBatch]:
    epoch = 0
    while True:
        yield from batches(epoch)
        epoch += 1


def _backward(
    accelerator: Accelerator,
    model: torch.nn.Module,
    craft: Craft,
    group: list[AnyBatch],
    tokens_at_once: int,
) -> torch.Tensor:
    """Accumulate the gradient of the mean loss over all texts of the group.

    Returns
    -------
    Tensor
        What each part adds to that loss. Not read here: that would wait for the device.
    """
    texts = sum(len(batch.rows_B) for batch in group)
    losses = []
    for on in (part for batch in group for part in batch.parts(tokens_at_once)):
        assert on.labels_B is not None  # noqa: S101 - training batches always carry labels
        forward = partial(_logits, accelerator, model, on)
        # Divided by the texts of the whole group: batches of long texts hold fewer of them.
        loss = craft.loss(forward, on.labels_B, on.rows_B) / texts
        accelerator.backward(loss)
        losses.append(loss.detach())
    return torch.stack(losses)


def _largest(group: list[AnyBatch], tokens_at_once: int) -> int:
    """Return the tokens, padding included, of the largest part that is computed at a time."""
    return max(part.inputs[0].numel() for batch in group for part in batch.parts(tokens_at_once))


def _logits(accelerator: Accelerator, model: torch.nn.Module, batch: AnyBatch) -> torch.Tensor:
    with accelerator.autocast():
        logits_BC: torch.Tensor = model(*batch.inputs)
    return logits_BC.float()


def _check(step: int, loss: float, norm: float) -> None:
    for name, value in (("loss", loss), ("gradient's norm", norm)):
        if not math.isfinite(value):
            raise TrainingError(f"step {step}: the {name} is {value}. {STEADIER}")
