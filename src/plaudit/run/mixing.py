"""A linear model of words beside the encoder: trained on the same rows, weighed on validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plaudit.config import Config
from plaudit.evaluate import mix
from plaudit.evaluate.calibrate import fit_temperature
from plaudit.evaluate.metrics import point
from plaudit.model.infer import softmax
from plaudit.ngrams import NgramModel
from plaudit.run.learning import VALIDATION_METRICS
from plaudit.run.material import Data


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside a trained encoder.

    Attributes
    ----------
    model : NgramModel
    weight : float
        Of its logits.
    logits_NC : ndarray of float64
        Of both together, on validation.
    about : dict
        What the report says of it.
    """

    model: NgramModel
    weight: float
    logits_NC: np.ndarray
    about: dict[str, Any]

    @property
    def told(self) -> str:
        """What it is, in a line."""
        if not self.weight:
            return "A model of words was tried beside the encoder; validation gives it no weight."
        how = "as validation has it" if self.about["fitted"] else "as it was set"
        line = f"A model of words counts beside the encoder, by {self.weight:.2f} ({how})"
        measured = self.about["validation"]
        if measured is None:
            return f"{line}."
        encoder, both = (measured[name] for name in ("encoder", "both"))
        return (
            f"{line}: on validation log loss {encoder['log_loss']:.3f} → {both['log_loss']:.3f}, "
            f"accuracy {encoder['accuracy']:.1%} → {both['accuracy']:.1%}."
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
    asked, rows = config.ngrams.weight, data.prepared.validation
    if asked == 0.0:
        return None
    own_NC = data.ngrams.logits(rows.texts)
    weight = mix.fit_weight(logits_NC, own_NC, rows.targets_N) if asked == "fit" else asked
    both_NC = mix.mixed(logits_NC, own_NC, weight)
    parts = {"encoder": logits_NC, "ngrams": own_NC, "both": both_NC}
    measured = {name: _measured(part_NC, rows.targets_N) for name, part_NC in parts.items()}
    about = {
        "weight": weight,
        "fitted": asked == "fit",
        "features": len(data.ngrams.columns_F),
        "rows": len(rows),
        "validation": measured if len(rows) else None,
    }
    return Beside(data.ngrams, weight, both_NC, about)


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
    asked, rows = config.ngrams.weight, data.prepared.validation
    if asked == 0.0:
        return logits_NC
    own_NC = data.ngrams.logits(rows.texts)
    if asked == "fit":
        return mix.crossed(logits_NC, own_NC, rows.targets_N)
    return mix.mixed(logits_NC, own_NC, asked)


def _measured(logits_NC: np.ndarray, targets_N: np.ndarray) -> dict[str, float]:
    """Say how good logits are, each at the temperature that suits it."""
    if not len(targets_N):
        return {}
    tempered_NC = logits_NC / fit_temperature(logits_NC, targets_N)
    return dict(point(softmax(tempered_NC), targets_N, VALIDATION_METRICS))
