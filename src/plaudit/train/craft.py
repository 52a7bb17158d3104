"""What a step does beyond the loss of its texts: all options of the craft behind one object.

Axes: B texts, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from plaudit.config import Config
from plaudit.data.unlabelled import NO_LABEL
from plaudit.errors import ConfigError
from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.losses import BinaryLoss, Loss, symmetric_kl
from plaudit.train.adversarial import perturbed
from plaudit.train.anchor import Anchor, pretrained_parameters
from plaudit.train.averaging import Average
from plaudit.train.distill import Soft
from plaudit.train.imbalance import Balance
from plaudit.train.unfreezing import Unfreezing

Validate = Callable[[], Mapping[str, float]]


def check_craft(model: ReviewClassifier, config: Config) -> None:
    """See that what is asked for has weights to be done to.

    Parameters
    ----------
    model : ReviewClassifier
        With what is not trained frozen.
    config : Config

    Raises
    ------
    ConfigError
        So many layers are frozen that it could do nothing.
    """
    craft, fresh = config.craft, config.model.reinit_layers
    if craft.pull and not pretrained_parameters(model, fresh):
        raise ConfigError(
            "craft.pull has nothing to pull back: model.freeze_layers and model.reinit_layers "
            "leave no pretrained weight to be trained. Set craft.pull to 0, or freeze fewer."
        )
    if craft.unfreeze_fraction and not pretrained_parameters(model):
        raise ConfigError(
            "craft.unfreeze_fraction has nothing to unfreeze: model.freeze_layers leaves the head "
            "alone to be trained. Set craft.unfreeze_fraction to 0, or freeze fewer."
        )


class Craft:
    """The options of a run, ready for its steps; with all of them off, plain training.

    Parameters
    ----------
    model : ReviewClassifier
        Before its first step.
    config : Config, optional
    balance : Balance, optional
        With a shift of the logits, the head's bias is moved by it here, once, and the loss is that
        of the logits without it: training goes as it would, and the model is right for the
        classes' real shares at each moment, in validation and when it is saved.
    soft : Soft, optional
        A teacher's answers. They are for the classes' real shares, so they are held against the
        logits as they are.

    Attributes
    ----------
    average : Average or None
        Whose weights are validated and kept in place of the model's own.
    """

    def __init__(
        self,
        model: ReviewClassifier,
        config: Config | None = None,
        balance: Balance | None = None,
        soft: Soft | None = None,
    ) -> None:
        config = config or Config()
        craft, train = config.craft, config.train
        self._rdrop, self._fgm, self._pull = craft.rdrop, craft.fgm, craft.pull
        self._words = model.stock.get_input_embeddings()
        self._loss = _loss(config, balance)
        self._soft = soft
        self._shift_C = _shift_head(model, balance, fitted=config.contrast.steps > 0)
        self._anchor = (
            Anchor(model, fresh_layers=config.model.reinit_layers) if craft.pull else None
        )
        self._unfreezing = (
            Unfreezing(model, craft.unfreeze_fraction) if craft.unfreeze_fraction else None
        )
        self._soup, self._from = train.average == "soup", train.average_from
        decay = train.average_decay if train.average == "ema" else 0.0
        self.average = None if train.average == "none" else Average(model, decay)

    def before_step(self, done: float) -> None:
        """Unfreeze what is due.

        Parameters
        ----------
        done : float
            Share of the steps that is over.
        """
        if self._unfreezing:
            self._unfreezing.at(done)

    def loss(
        self,
        forward: Callable[[], torch.Tensor],
        labels_B: torch.Tensor,
        rows_B: torch.Tensor,
    ) -> torch.Tensor:
        """Return the sum of the losses of a batch's texts.

        Parameters
        ----------
        forward : callable
            One pass: the logits in float32, shape (B, C).
        labels_B : Tensor of int64
            ``NO_LABEL`` where only a teacher's answer is known.
        rows_B : Tensor of int64
            Positions of the texts among those that are trained on.

        Notes
        -----
        R-Drop's loss is halved, equation 4 of Liang et al. 2021, so that without disagreement it is
        that of one pass, and the learning rate and the clipping keep their meaning.
        """
        first_BC = forward()
        if not self._rdrop:
            return self._once(first_BC, labels_B, rows_B)
        second_BC = forward()
        both = self._once(first_BC, labels_B, rows_B) + self._once(second_BC, labels_B, rows_B)
        return (
            both + self._rdrop * symmetric_kl(*map(self._seen, (first_BC, second_BC))).sum()
        ) / 2

    def gradient(self, backward: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Put a step's whole gradient into the parameters; return the loss of its texts.

        Parameters
        ----------
        backward : callable
            Adds the gradient of the loss of the step's texts, and returns that loss.
        """
        loss = backward()
        # Frozen as yet, embeddings have no gradient to be moved along.
        if self._fgm and self._words.weight.grad is not None:
            with perturbed(self._words, self._fgm):
                backward()
        if self._anchor:
            self._anchor.pull(self._pull)
        return loss

    def after_step(self, done: float, *, evaluated: bool) -> None:
        """Take the new weights into the mean, where one is kept.

        Parameters
        ----------
        done : float
            Share of the steps that is over.
        evaluated : bool
            Whether an evaluation is due now.
        """
        if self.average and done >= self._from and (evaluated or not self._soup):
            self.average.add()

    def validating(self, validate: Validate) -> Validate:
        """Return the validation of the weights that would be kept."""
        average = self.average
        if average is None:
            return validate

        def on_average() -> Mapping[str, float]:
            with average.in_place():
                return validate()

        return on_average

    def state_dict(self) -> dict[str, Any]:
        """Return what a run that goes on from here needs beside weights and optimiser.

        Returns
        -------
        dict of str to Tensor
            Empty with all options off. To be loaded into a Craft of the same settings, over a model
            that was built alike, before or after its weights are read.
        """
        parts = {"anchor": self._anchor, "average": self.average}
        return {
            f"{name}.{key}": value
            for name, part in parts.items()
            if part
            for key, value in part.state_dict().items()
        }

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a state that :meth:`state_dict` returned."""
        for name, part in (("anchor", self._anchor), ("average", self.average)):
            if part:
                prefix = f"{name}."
                part.load_state_dict(
                    {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
                )

    def _once(
        self, logits_BC: torch.Tensor, labels_B: torch.Tensor, rows_B: torch.Tensor
    ) -> torch.Tensor:
        seen_BC = self._seen(logits_BC)
        if self._soft is None:
            return self._loss.summed(seen_BC, labels_B)
        known_B = labels_B != NO_LABEL
        hard = self._loss.summed(seen_BC[known_B], labels_B[known_B])
        return (1.0 - self._soft.weight) * hard + self._soft.loss(logits_BC, rows_B)

    def _seen(self, logits_BC: torch.Tensor) -> torch.Tensor:
        return logits_BC if self._shift_C is None else logits_BC - self._shift_C.to(logits_BC)


def _loss(config: Config, balance: Balance | None) -> Loss | BinaryLoss:
    raw_C = None if balance is None else balance.weights_C
    weights_C = None if raw_C is None else torch.tensor(raw_C, dtype=torch.float32)
    if config.data.multilabel:
        return BinaryLoss(weights_C)
    return Loss(weights_C, balance.gamma if balance else 0.0, config.craft.label_smoothing)


def _shift_head(
    model: ReviewClassifier, balance: Balance | None, *, fitted: bool
) -> torch.Tensor | None:
    """Begin with the classes' real shares, unless the head was fitted to these already."""
    if balance is None or balance.shift_C is None:
        return None
    shift_C = torch.tensor(balance.shift_C, dtype=torch.float32)
    if not fitted:
        with torch.no_grad():
            bias = families.classification(model.stock).bias
            bias.add_(shift_C.to(bias))
    return shift_C
