"""Further training of an encoder on its task's texts: it learns to guess words that are hidden.

Axes: P pieces, T tokens, M tokens that are to be guessed, V words of the vocabulary.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F

from plaudit.config import OptimConfig
from plaudit.errors import TrainingError
from plaudit.model import families, graphed, half
from plaudit.model.device import Compute
from plaudit.model.graphed import RowGraph
from plaudit.model.infer import autocast
from plaudit.text.batches import Batch
from plaudit.text.packing import AnyBatch, PackedBatch
from plaudit.train.course import Course
from plaudit.train.loop import batches_of
from plaudit.train.masking import NOT_ASKED, Masking
from plaudit.train.optim import make_optimizer, schedule
from plaudit.train.room import Room

GUESSES = 128
"""Logits are computed for a multiple of so many guesses, the last of them idle. Their blocks of
memory, tens of megabytes each, then fit where the last step's were; with another size at each step
the heap grew to 12 GB (docs/LOG.md)."""


@dataclass(frozen=True, slots=True)
class GuessRecord:
    """What one step did.

    Attributes
    ----------
    step, steps : int
        This step, counted from 1, and all that are planned.
    epoch : float
    loss : float
        Mean over the guessed tokens, in nats.
    guessed : int
        Tokens to be guessed so far.
    tokens : int
        Real tokens so far.
    seconds : float
        Since the start.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    guessed: int
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Practice:
    """How the steps are taken.

    Attributes
    ----------
    masking : Masking
    optim : OptimConfig
        Its rate is that of all layers.
    accumulation : int
        Batches a step.
    seed : int
        Of what is hidden.
    say : callable
    graph : plaudit.model.graphed.RowGraph, optional
        What encodes packed rows.
    """

    masking: Masking
    optim: OptimConfig
    accumulation: int
    seed: int
    say: Callable[[str], None]
    graph: RowGraph | None = None


def pretrain(
    mlm: Any,
    batches: Callable[[int], Iterator[AnyBatch]],
    course: Course,
    compute: Compute,
    practice: Practice,
) -> Iterator[GuessRecord]:
    """Train an encoder and the head that guesses, yielding after each step.

    Parameters
    ----------
    mlm : transformers.PreTrainedModel
        An ``AutoModelForMaskedLM`` on the device, trained in place.
    batches : callable
        From an epoch's number to its batches.
    course : Course
    compute : Compute
    practice : Practice

    Yields
    ------
    GuessRecord

    Raises
    ------
    TrainingError
        The loss is no longer a number.

    Notes
    -----
    Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?", section 5.4; hidden
    anew in each epoch, Liu et al. 2019, "RoBERTa".
    """
    optim, graph = practice.optim, practice.graph
    room = Room(compute.tokens_at_once, practice.say, graph.release if graph else None)
    optimizer = make_optimizer(_groups(mlm, optim), optim)
    factor = schedule(optim, course.steps)
    random = torch.Generator().manual_seed(practice.seed)
    stream = batches_of(batches, course, 0)
    guessed = tokens = 0
    started = time.perf_counter()
    half.prepare(mlm, compute)
    mlm.train()
    for step in range(1, course.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = optim.lr * factor(step - 1)
        taken = list(islice(stream, practice.accumulation))
        pairs = [_hidden(batch, practice.masking, random) for batch in taken]

        def gradient(at_once: int, pairs: list[_Pair] = pairs) -> torch.Tensor:
            optimizer.zero_grad()
            return _backward(mlm, pairs, compute, at_once, graph)

        def largest(at_once: int, pairs: list[_Pair] = pairs) -> int:
            return max(part.inputs[0].numel() for seen, _ in pairs for part in seen.parts(at_once))

        losses = room.enough_for(step, largest, gradient)
        norm_ = torch.nn.utils.clip_grad_norm_(mlm.parameters(), optim.clip_norm or math.inf)
        optimizer.step()
        optimizer.zero_grad()
        guessed += sum(_count(wanted) for _, wanted in pairs)
        tokens += sum(batch.tokens for batch in taken)
        # Only now: to read them is to wait for a GPU.
        *parts, norm = torch.cat([losses, norm_[None]]).tolist()
        loss = sum(parts)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise TrainingError(
                f"pretraining, step {step}: the loss is {loss}, the gradient's norm {norm}. Try a "
                "lower pretrain.lr, or train.precision=fp32."
            )
        epoch, seconds = step / course.steps_per_epoch, time.perf_counter() - started
        yield GuessRecord(step, course.steps, epoch, loss, guessed, tokens, seconds)


def guessing_loss(
    mlm: Any, batches: Iterable[AnyBatch], compute: Compute, masking: Masking, seed: int
) -> float:
    """Measure how well hidden words are guessed.

    Parameters
    ----------
    mlm : transformers.PreTrainedModel
        In bf16 on a processor it is prepared as for training, and stays so.
    batches : iterable of Batch or PackedBatch
    compute : Compute
    masking : Masking
    seed : int
        The same words are hidden each time.

    Returns
    -------
    float
        Mean over the guessed tokens, in nats; nan when there is none.
    """
    # As in training, so that a loss before it and one after it differ by the training alone.
    half.prepare(mlm, compute)
    random = torch.Generator().manual_seed(seed)
    total, count = 0.0, 0
    mlm.eval()
    with torch.inference_mode():
        for batch in batches:
            seen, wanted = _hidden(batch, masking, random)
            total += float(_loss(mlm, seen, wanted, compute))
            count += _count(wanted)
    return total / count if count else math.nan


_Pair = tuple[AnyBatch, AnyBatch]
"""A batch as the encoder sees it; and one, else alike, whose ids are those to be guessed."""


def _hidden(batch: AnyBatch, masking: Masking, random: torch.Generator) -> _Pair:
    if isinstance(batch, PackedBatch):
        ids = batch.ids_1S
        shown, wanted = masking.hide(ids, torch.ones_like(ids, dtype=torch.bool), random)
        return replace(batch, ids_1S=shown), replace(batch, ids_1S=wanted)
    shown, wanted = masking.hide(batch.ids_PT, batch.mask_PT.bool(), random)
    return replace(batch, ids_PT=shown), replace(batch, ids_PT=wanted)


def _count(wanted: AnyBatch) -> int:
    return int((wanted.inputs[0] != NOT_ASKED).sum())


def _backward(
    mlm: Any, pairs: list[_Pair], compute: Compute, at_once: int, graph: RowGraph | None
) -> torch.Tensor:
    """Accumulate the gradient of the mean over all guesses of a step.

    Returns
    -------
    Tensor
        What each part adds to that loss.
    """
    guesses, losses = max(1, sum(_count(wanted) for _, wanted in pairs)), []
    for seen, wanted in pairs:
        for part, targets in _cut(seen, wanted, at_once):
            loss = _loss(mlm, part, targets, compute, graph) / guesses
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
    return torch.stack(losses)


def _cut(seen: AnyBatch, wanted: AnyBatch, at_once: int) -> Iterator[_Pair]:
    """Cut both alike: where, the ids have no say in."""
    yield from zip(seen.parts(at_once), wanted.parts(at_once), strict=True)


def _loss(
    mlm: Any, seen: AnyBatch, wanted: AnyBatch, compute: Compute, graph: RowGraph | None = None
) -> torch.Tensor:
    """Return the sum of the losses of a batch's guesses; only their logits are computed."""
    targets_S = wanted.inputs[0].flatten()
    asked = torch.nonzero(targets_S != NOT_ASKED)[:, 0]
    missing = -len(asked) % GUESSES
    targets_M = F.pad(targets_S[asked], (0, missing), value=NOT_ASKED).to(compute.device)
    asked = F.pad(asked, (0, missing))
    on = seen.to(compute.device)
    with autocast(compute):
        if isinstance(on, Batch):
            types = families.types(mlm.config, on.types_PT)
            states_PTD = mlm.base_model(input_ids=on.ids_PT, attention_mask=on.mask_PT, **types)[0]
            states_SD = states_PTD.flatten(0, 1)
        else:
            states_SD = graphed.states(graph, mlm, on.ids_1S, on.spans, on.types_1S)
        logits_MV = families.word_logits(mlm, states_SD[asked.to(compute.device)])
    return F.cross_entropy(logits_MV.float(), targets_M, ignore_index=NOT_ASKED, reduction="sum")


def _groups(mlm: Any, config: OptimConfig) -> list[dict[str, Any]]:
    weights = [p for p in mlm.parameters() if p.ndim > 1]
    others = [p for p in mlm.parameters() if p.ndim <= 1]
    return [
        {"params": weights, "lr": config.lr, "weight_decay": config.weight_decay},
        {"params": others, "lr": config.lr, "weight_decay": 0.0},
    ]
