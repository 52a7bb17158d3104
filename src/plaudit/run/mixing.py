"""A linear model of words beside the encoder or in its place, as validation has it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaudit.config import Config
from plaudit.errors import ConfigError
from plaudit.evaluate import mix
from plaudit.evaluate.calibrate import fit_temperature, softmax
from plaudit.evaluate.cascade import may_change
from plaudit.evaluate.metrics import point
from plaudit.ngrams import NgramModel
from plaudit.run.learning import VALIDATION_METRICS
from plaudit.run.material import Data


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a trained encoder.

    Attributes
    ----------
    model : NgramModel
    mixture : Mixture
        Of both.
    logits_NC : ndarray of float64
        Of both together, on validation.
    about : dict
        What the report says of it.
    cap : int or None
        How many validation labels a cascade might change; None where none was asked for.
    """

    model: NgramModel
    mixture: mix.Mixture
    logits_NC: np.ndarray
    about: dict[str, Any]
    cap: int | None

    @property
    def told(self) -> str:
        """What it is, in a line or two."""
        return " ".join(filter(None, (self._counts, self._not_in_place)))

    @property
    def _not_in_place(self) -> str:
        if self.cap is None or self.mixture.cascade is not None:
            return ""
        if not self.cap:
            return (
                f"{self.about['rows']:,} validation texts are too few to show so small a share of "
                "changed labels, so the encoder is asked about every text; more of them may "
                "(split.validation_size)."
            )
        return "Words are nowhere sure enough to answer in the encoder's place."

    @property
    def _counts(self) -> str:
        if not self.mixture.has_second:
            if not self.about["fitted"]:
                return ""
            return "A model of words was tried beside the encoder; validation gives it no weight."
        parts = []
        if weight := self.mixture.weight:
            how = "as validation has it" if self.about["fitted"] else "as it was set"
            parts.append(f"counts beside the encoder, by {weight:.2f} ({how})")
        if cascade := self.about["cascade"]:
            place = "its" if parts else "the encoder's"
            parts.append(
                f"answers in {place} place where it is sure ({cascade['share']:.1%} of "
                f"validation, {cascade['changed']:.1%} of it with another label)"
            )
        return f"A model of words {', and '.join(parts)}{self._measured}."

    @property
    def _measured(self) -> str:
        measured = self.about["validation"]
        if measured is None:
            return ""
        encoder, both = (measured[name] for name in ("encoder", "both"))
        return (
            f": on validation log loss {encoder['log_loss']:.3f} → {both['log_loss']:.3f}, "
            f"accuracy {encoder['accuracy']:.1%} → {both['accuracy']:.1%}"
        )


def beside(config: Config, data: Data, logits_NC: np.ndarray) -> Beside | None:
    """Train the model of words and weigh it.

    Parameters
    ----------
    config : Config
    data : Data
    logits_NC : ndarray of float
        The trained encoder's, of the validation texts.

    Returns
    -------
    Beside or None
        None where none was asked for.
    """
    asked, rows = config.ngrams, data.prepared.validation
    if not asked.any:
        return None
    words = data.ngrams.read(rows.texts)
    mixture = mix.fit_mixture(
        logits_NC, words, rows.targets_N, weight=asked.weight, most=asked.cascade
    )
    both_NC = mixture.logits(logits_NC, words)
    parts = {"encoder": logits_NC, "ngrams": words[0], "both": both_NC}
    measured = {name: _measured(part_NC, rows.targets_N) for name, part_NC in parts.items()}
    about = {
        "weight": mixture.weight,
        "fitted": asked.weight == "fit",
        "features": len(data.ngrams.columns_F),
        "rows": len(rows),
        "validation": measured if len(rows) else None,
        "cascade": _about_cascade(mixture, logits_NC, words),
    }
    cap = may_change(asked.cascade, len(rows)) if asked.cascade else None
    return Beside(data.ngrams, mixture, both_NC, about, cap)


def _about_cascade(
    mixture: mix.Mixture, logits_NC: np.ndarray, words: mix.Second
) -> dict[str, Any] | None:
    """Say how many validation rows words answer alone, and how many differently for it."""
    if mixture.cascade is None:
        return None
    sure_N = mixture.sure(words)
    always_N = mix.mixed(logits_NC, words[0], mixture.weight).argmax(axis=1)
    changed_N = sure_N & (words[0].argmax(axis=1) != always_N)
    return {
        **mixture.cascade.model_dump(),
        "share": float(sure_N.mean()),
        "changed": float(changed_N.mean()),
    }


def check_comparable(config: Config, data: Data) -> None:
    """Refuse a cascade that half of the validation texts, on which it is fitted here, cannot show.

    Raises
    ------
    ConfigError
        Where a run with the same texts would have one, it would be compared without.
    """
    most, rows = config.ngrams.cascade, len(data.prepared.validation)
    if most and not may_change(most, rows // 2):
        raise ConfigError(
            f"ngrams.cascade = {most:g} is compared by halves of the validation texts, and half of "
            f"{rows:,} cannot show one changed label in {1 / most:,.0f}. Set split.validation_size "
            f"to {math.ceil(2 / most - 1e-9):,} at least, or a larger share."
        )


def compared(config: Config, data: Data, logits_NC: np.ndarray) -> np.ndarray:
    """Return the logits by which settings are compared on validation: no row weighs its own.

    They are not divided by a temperature, no more than those of an encoder alone are.

    Parameters
    ----------
    config, data, logits_NC
        As for :func:`beside`.

    Returns
    -------
    ndarray of float, shape (N, C)
    """
    asked, rows = config.ngrams, data.prepared.validation
    if not asked.any:
        return logits_NC
    words = data.ngrams.read(rows.texts)
    return mix.crossed(logits_NC, words, rows.targets_N, weight=asked.weight, most=asked.cascade)


def _measured(logits_NC: np.ndarray, targets_N: np.ndarray) -> dict[str, float]:
    """Say how good logits are, each at the temperature that suits it."""
    if not len(targets_N):
        return {}
    tempered_NC = logits_NC / fit_temperature(logits_NC, targets_N)
    return dict(point(softmax(tempered_NC), targets_N, VALIDATION_METRICS))
