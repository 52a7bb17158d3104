"""The stage before fine-tuning: the encoder is trained further on the task's texts, and kept.

``encoder/`` in a run's folder is whole or not there. A run that goes on takes it from there; one
that was killed inside the stage begins the stage anew, and ends with the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plaudit.config import Config
from plaudit.model import graphed, heap, packed
from plaudit.model.build import load_encoder, load_masked
from plaudit.run import encoders, lock
from plaudit.run.feeding import feed
from plaudit.run.material import Ready
from plaudit.run.watching import Watcher
from plaudit.text.dataset import dataloader
from plaudit.text.encoded import Encoded, joined
from plaudit.text.sampling import TokenBudgetSampler
from plaudit.train.course import plan_course
from plaudit.train.masking import Masking
from plaudit.train.pretrain import GuessRecord, Practice, guessing_loss, pretrain

FOLDER = "encoder"
LINES = 10
"""Of progress, over the whole stage."""
SHOWN = 100
"""Steps of the history that the report has."""
VALIDATED = 256
"""Validation texts at most, on which guessing is measured before and after."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """An encoder that was trained further.

    Attributes
    ----------
    folder : Path
        A model folder, as ``model.encoder`` takes it.
    about : dict
        The section ``pretraining`` of a report.
    """

    folder: Path
    about: dict[str, Any]


def pretrained(
    config: Config,
    ready: Ready,
    places: Sequence[Path],
    watcher: Watcher,
) -> Pretrained | None:
    """Train the encoder further, unless it lies in one of the places already.

    Parameters
    ----------
    config : Config
    ready : Ready
    places : sequence of Path
        Where it may lie; it is written to the first.
    watcher : Watcher

    Returns
    -------
    Pretrained or None
        None with ``pretrain.epochs`` at 0.

    Raises
    ------
    ConfigError
        The encoder cannot be trained so.
    TrainingError
        The loss was no longer a number.
    """
    if not config.pretrain.epochs:
        return None
    texts, key = _wanted(config, ready)
    # A trial of a search whose best becomes a run has left it beside the others'.
    shelves = [place.parent / encoders.SHELF / key for place in places]
    return _found_or_made(config, ready, (texts, key), [*places, *shelves], watcher)


def shared(config: Config, ready: Ready, folder: Path, watcher: Watcher) -> Pretrained | None:
    """Train the encoder further once for all trials, in whatever process, whose settings agree.

    Parameters
    ----------
    config : Config
    ready : Ready
    folder : Path
        Of all trials.
    watcher : Watcher

    Returns
    -------
    Pretrained or None
        None with ``pretrain.epochs`` at 0.

    Raises
    ------
    ConfigError, TrainingError
        As in :func:`pretrained`.
    """
    if not config.pretrain.epochs:
        return None
    texts, key = _wanted(config, ready)
    shelf = folder / encoders.SHELF
    shelf.mkdir(parents=True, exist_ok=True)

    def waiting() -> None:
        watcher.say("pretraining: another worker trains this encoder; its end is waited for")

    with lock.held(shelf, f"{key}.lock", waiting=waiting):
        return _found_or_made(config, ready, (texts, key), [shelf / key], watcher)


def _found_or_made(
    config: Config,
    ready: Ready,
    wanted: tuple[Encoded, str],
    places: Sequence[Path],
    watcher: Watcher,
) -> Pretrained:
    texts, key = wanted
    for place in places:
        if (about := encoders.found(place, key, watcher.say)) is not None:
            watcher.say(f"{place}: the encoder was trained further before, and is taken from there")
            return Pretrained(place, about)
    torch.manual_seed(config.split_seed)
    mlm, own_head = load_masked(config.model)
    mlm.to(ready.compute.device)
    about = _trained(config, ready, texts, mlm, watcher)
    about |= {"head": "the checkpoint's own" if own_head else "new"} | _sources(ready)
    encoders.write(places[0], key, about, _encoder(config, mlm), ready.encoder.tokenizer)
    return Pretrained(places[0], about)


def _wanted(config: Config, ready: Ready) -> tuple[Encoded, str]:
    """Return the texts to learn from, and what an encoder that has learnt from them is known by."""
    texts, more = ready.data.train, ready.data.prepared.unlabelled.get("pretrain")
    if more is not None and len(more):
        texts = joined(texts, ready.encoder.encode_cached(more.rows.texts))
    return texts, encoders.key(config, texts, ready.compute)


def _trained(
    config: Config,
    ready: Ready,
    texts: Encoded,
    mlm: Any,
    watcher: Watcher,
) -> dict[str, Any]:
    train, compute = config.train, ready.compute
    form = packed.choose(train.packed, mlm, compute, config.model.attention_dropout)
    seed, pad_id = config.split_seed, None if form.packed else ready.data.pad_id
    fed = feed(train, texts, None, pad_id=pad_id, seed=seed)
    budget = train.model_copy(update={"epochs": config.pretrain.epochs, "max_steps": None})
    course = plan_course(fed.sampler, budget, validated=False)
    masking = Masking.of(ready.encoder.tokenizer, config.pretrain.mask_fraction)
    optim = config.optim.model_copy(update={"lr": config.pretrain.lr})
    before = _validated(mlm, ready, masking)
    mlm.train()
    graph = graphed.recorded(config, mlm, fed.sampler, form, compute, watcher.say)
    practice = Practice(masking, optim, train.accumulation, seed, watcher.say, graph)
    watcher.say(
        f"pretraining: {len(texts):,} texts, {course.steps:,} steps; hidden validation words are "
        f"guessed with perplexity {_words(before)}"
    )
    history: list[GuessRecord] = []
    try:
        with heap.kept(compute):
            for record in pretrain(mlm, fed.batches, course, compute, practice):
                history.append(record)
                if record.step * LINES // course.steps > (record.step - 1) * LINES // course.steps:
                    watcher.say(_line(history))
    finally:
        if graph:
            graph.release()
    after = _validated(mlm, ready, masking)
    watcher.say(f"pretraining: perplexity on validation {_words(before)} → {_words(after)}")
    return _about(history, before, after)


def _validated(mlm: Any, ready: Ready, masking: Masking) -> float:
    """Return the loss of guessing words that are hidden in validation texts."""
    texts = ready.data.validation
    rows = np.unique(np.linspace(0, max(0, len(texts) - 1), min(len(texts), VALIDATED)).astype(int))
    if not len(texts):
        return math.nan
    some = TokenBudgetSampler(texts, ready.compute.tokens_at_once, draw=lambda epoch: rows)
    loader = dataloader(texts, None, some, ready.data.pad_id)
    return guessing_loss(mlm, loader, ready.compute, masking, seed=0)


def _line(history: Sequence[GuessRecord]) -> str:
    last = history[-1]
    left_s = (last.steps - last.step) * last.seconds / last.step
    return (
        f"pretraining: step {last.step:,} of {last.steps:,}, loss {_mean(history[-20:]):.3f}, "
        f"{last.tokens / last.seconds:,.0f} tokens/s, {left_s:,.0f} s left"
    )


def _mean(history: Sequence[GuessRecord]) -> float:
    return float(np.mean([record.loss for record in history]))


def _words(loss: float) -> str:
    return "unknown" if math.isnan(loss) else f"{math.exp(loss):,.1f}"


def _about(history: Sequence[GuessRecord], before: float, after: float) -> dict[str, Any]:
    """Say what was done, in the words of report.json."""
    last, few = history[-1], max(1, min(20, len(history) // 5))
    every = max(1, len(history) // SHOWN)
    losses = {"before": before, "after": after}
    known = {name: None if math.isnan(loss) else loss for name, loss in losses.items()}
    return {
        "steps": last.step,
        "epochs": last.epoch,
        "tokens": last.tokens,
        "guessed": last.guessed,
        "seconds": last.seconds,
        "loss": {"start": _mean(history[:few]), "end": _mean(history[-few:])},
        "validation_loss": known,
        "validation_perplexity": {
            name: None if loss is None else math.exp(loss) for name, loss in known.items()
        },
        "history": [
            asdict(each) for i, each in enumerate(history) if i % every == 0 or each is last
        ],
    }


def _sources(ready: Ready) -> dict[str, Any]:
    more = ready.data.prepared.unlabelled.get("pretrain")
    return {
        "texts": len(ready.data.train) + (len(more) if more else 0),
        "more": more.to_dict() if more else None,
    }


def _encoder(config: Config, mlm: Any) -> Any:
    """Put the weights into the encoder as it was, with the pooler that guessing has no use for."""
    encoder = load_encoder(config.model.encoder)
    own = {name: tensor.cpu() for name, tensor in mlm.base_model.state_dict().items()}
    lacking = encoder.load_state_dict(own, strict=False)
    assert not lacking.unexpected_keys  # noqa: S101 - one architecture, once with another head
    return encoder
