"""The middle of a run: prepared rows in, a trained model out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from plaudit.config import Config
from plaudit.errors import TrainingError
from plaudit.evaluate import label_sets
from plaudit.evaluate.calibrate import softmax
from plaudit.evaluate.label_thresholds import sigmoid
from plaudit.evaluate.metrics import point
from plaudit.model import graphed, half, lora
from plaudit.model.build import build
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.compiled import compile_layers
from plaudit.model.device import Compute
from plaudit.model.infer import logits
from plaudit.model.loading import check_vocabulary
from plaudit.run.feeding import Feed, feed
from plaudit.run.material import Data
from plaudit.run.reporting import balance_of, batch_form
from plaudit.run.watching import Watcher
from plaudit.text.encode import TextEncoder
from plaudit.text.encoded import Encoded
from plaudit.text.sampling import Draw
from plaudit.train.contrast import contrast
from plaudit.train.course import Course, plan_course
from plaudit.train.craft import Craft, Validate, check_craft
from plaudit.train.distill import Soft
from plaudit.train.drive import Trained, drive
from plaudit.train.imbalance import Balance
from plaudit.train.keep import Keeper
from plaudit.train.loop import STEADIER, Settings, fit
from plaudit.train.room import Room

VALIDATION_METRICS = ("accuracy", "macro_f1", "log_loss", "mcc")


def new_model(
    config: Config, labels: tuple[str, ...], encoder: TextEncoder, further: Path | None = None
) -> ReviewClassifier:
    """Build the model to be trained, as the seed decides.

    Parameters
    ----------
    config : Config
    labels : tuple of str
    encoder : TextEncoder
    further : Path, optional
        The encoder after further training, in place of ``model.encoder``.

    Returns
    -------
    ReviewClassifier
    """
    known = config.model.model_copy(update={"encoder": str(further)} if further else {})
    # The head's new weights are the first random numbers that the seed decides.
    torch.manual_seed(config.seed)
    text = config.text
    model = build(
        known,
        labels,
        max_tokens=text.max_tokens,
        window_pooling=text.window_pooling,
        multilabel=config.data.multilabel,
    )
    check_vocabulary(model.stock, encoder.tokenizer, config.model.encoder)
    if config.lora.rank:
        lora.adapt(model, config.lora, frozen_layers=config.model.freeze_layers)
    check_craft(model, config)
    return model


@dataclass(slots=True, eq=False)
class Lesson:
    """A model, what it learns from, and by what craft.

    Attributes
    ----------
    model : ReviewClassifier
    data : Data
    compute : Compute
    feed : Feed
        Of the training texts.
    craft : Craft
    """

    model: ReviewClassifier
    data: Data
    compute: Compute
    feed: Feed
    craft: Craft
    validated: list[np.ndarray] = field(default_factory=list)
    """The logits of each validation so far: the calibration need not ask the encoder again."""
    kept_NC: np.ndarray | None = None
    """Those of the state that was kept."""

    def logits(self) -> np.ndarray:
        """Return the model's logits on the validation texts, as it is now, shape (N, C)."""
        return self._logits(self.data.validation)

    def validate(self) -> dict[str, float]:
        """Return the model's metrics on validation.

        Raises
        ------
        TrainingError
            The last step broke the weights: its own loss could not show it.
        """
        targets_N = self.data.prepared.validation.targets_N
        logits_NC = self._logits(self.data.validation)
        if not np.isfinite(logits_NC).all():
            raise TrainingError(
                f"the model's answers on validation are no numbers any more. {STEADIER}"
            )
        self.validated.append(logits_NC)
        if targets_N.ndim == 2:
            return label_sets.point(sigmoid(self.validated[-1]), targets_N)
        return point(softmax(self.validated[-1]), targets_N, VALIDATION_METRICS)

    def final_logits(self) -> np.ndarray:
        """Return the trained model's logits on the validation texts, shape (N, C).

        Those of the validation whose state was kept; where that was before the run was resumed,
        or there was none, they are computed.
        """
        return self._logits(self.data.validation) if self.kept_NC is None else self.kept_NC

    def keep(self, trained: Trained) -> None:
        """Remember the logits of the validation whose state the model has after training."""
        steps = [record.step for record in trained.history if record.validation is not None]
        # Counted from the end: before the run was resumed there were others.
        by_step = dict(zip(reversed(steps), reversed(self.validated), strict=False))
        self.kept_NC = by_step.get(trained.best_step)
        self.validated.clear()

    def _logits(self, texts: Encoded) -> np.ndarray:
        found: np.ndarray = logits(self.model, texts, self.compute, pad_id=self.data.pad_id)
        return found

    @property
    def check(self) -> Validate | None:
        """How the model is validated, where there is something to do it on."""
        return self.validate if len(self.data.validation) else None


def lesson(
    config: Config,
    model: ReviewClassifier,
    data: Data,
    compute: Compute,
    *,
    weights_follow: bool = False,
) -> Lesson:
    """Put together what a run's steps are taken with.

    Parameters
    ----------
    config : Config
    model : ReviewClassifier
        From :func:`new_model`; moved to the device.
    data : Data
    compute : Compute
    weights_follow : bool
        The run goes on from a state, which has the weights: nothing need be learnt before it.

    Returns
    -------
    Lesson
    """
    # Before the craft: what it remembers of the weights stands beside them.
    model.to(compute.device)
    if config.contrast.steps and not weights_follow:
        texts, targets_N = data.train, data.prepared.train.targets_N
        contrast(model, texts, targets_N, config, compute, pad_id=data.pad_id)
    if config.train.compile:
        compile_layers(model.stock, compute.device)
    balance = balance_of(config, data.prepared)
    learnt = data.learnt
    fed = feed(
        config.train,
        learnt,
        data.targets_N,
        pad_id=None if batch_form(config, model, compute).packed else data.pad_id,
        seed=config.seed,
        draw=_draw(balance, len(data.train), len(learnt)),
    )
    craft = Craft(model, config, balance, _soft(config, data, compute))
    return Lesson(model, data, compute, fed, craft)


def _soft(config: Config, data: Data, compute: Compute) -> Soft | None:
    if data.teacher_NC is None:
        return None
    logits_NC = torch.from_numpy(np.array(data.teacher_NC, dtype=np.float32))
    return Soft(logits_NC.to(compute.device), config.distill.weight, config.distill.temperature)


def _draw(balance: Balance, labelled: int, everything: int) -> Draw | None:
    """Draw texts to balance their labels; those without one come once an epoch in any case."""
    own = balance.draw
    if own is None or labelled == everything:
        return own
    return lambda epoch: np.concatenate([own(epoch), np.arange(labelled, everything)])


def learn(
    config: Config,
    taught: Lesson,
    keeper: Keeper,
    watcher: Watcher,
    course: Course | None = None,
) -> Trained:
    """Train a model; it then has the best state.

    Parameters
    ----------
    config : Config
    taught : Lesson
    keeper : Keeper
        Writes what is to be kept, and may know where the run goes on.
    watcher : Watcher
    course : Course, optional
        How long; by default as ``config.train`` says.

    Returns
    -------
    Trained

    Raises
    ------
    TrainingError
        Training broke before there was a validated state to fall back on.
    """
    model, compute, craft = taught.model, taught.compute, taught.craft
    form = batch_form(config, model, compute)
    if config.train.packed != "auto" or compute.device == "cuda":
        watcher.say(f"{'packed' if form.packed else 'padded'} batches: {form.reason}")
    if course is None:
        course = plan_course(taught.feed.sampler, config.train, validated=taught.check is not None)
    model.train()
    # Also where no step is left to be taken: answers then are in the form that they had.
    half.prepare(model.stock, compute)
    graph = None
    if not keeper.ended:
        sampler = taught.feed.sampler
        graph = graphed.recorded(config, model.stock, sampler, form, compute, watcher.say)
    model.graph = graph
    room = Room(compute.tokens_at_once, watcher.say, graph.release if graph else None)
    if keeper.ended:
        keeper.state.hold(model=model, room=room)
    settings = Settings(config.optim, config.train, craft, state=keeper.state, room=room)
    try:
        steps = fit(model, taught.feed.batches, course, compute, settings, taught.check)
        trained = drive(steps, model, keeper, config.train, watcher.step, craft.average)
    finally:
        model.graph = None
        if graph:
            graph.release()
    taught.keep(trained)
    return replace(trained, memory=room.note)
