"""What is minimised: cross entropy, weighted, focused or smoothed; of several labels, binary.

Axes: B texts, C classes, N texts of the training data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F


@dataclass(frozen=True, slots=True, eq=False)
class Loss:
    """A loss of each text, so that whoever sums decides what the mean is over.

    Attributes
    ----------
    weights_C : Tensor of float32, or None
        Factor on the loss of each class's texts; the mean over the training data is 1, so that
        the learning rate keeps its meaning.
    gamma : float
        Focal loss: texts that are right already count less, by ``(1 - p)**gamma`` (Lin et al.
        2017). 0: cross entropy.
    smoothing : float, in [0, 1)
        Share of the target spread evenly over all classes (Szegedy et al. 2016).
    """

    weights_C: torch.Tensor | None = None
    gamma: float = 0.0
    smoothing: float = 0.0

    def __call__(self, logits_BC: torch.Tensor, labels_B: torch.Tensor) -> torch.Tensor:
        """Return the loss of each text.

        Parameters
        ----------
        logits_BC : Tensor of float32
        labels_B : Tensor of int64

        Returns
        -------
        Tensor of float32, shape (B,)
        """
        loss_B = F.cross_entropy(
            logits_BC, labels_B, reduction="none", label_smoothing=self.smoothing
        )
        if self.gamma:
            log_BC = F.log_softmax(logits_BC, dim=-1)
            right_B = log_BC.gather(1, labels_B[:, None])[:, 0].exp()
            # Above 0: there a power below 1 has no derivative, and below 0 it is no number.
            loss_B = loss_B * (1.0 - right_B).clamp(min=1e-12) ** self.gamma
        if self.weights_C is not None:
            loss_B = loss_B * self.weights_C.to(loss_B.device)[labels_B]
        return loss_B

    def summed(self, logits_BC: torch.Tensor, labels_B: torch.Tensor) -> torch.Tensor:
        """Return the sum of the losses of texts, a scalar."""
        if self.gamma or self.weights_C is not None:
            return self(logits_BC, labels_B).sum()
        # The kernel's own sum: to the bit what plain PyTorch gives.
        return F.cross_entropy(logits_BC, labels_B, reduction="sum", label_smoothing=self.smoothing)


@dataclass(frozen=True, slots=True, eq=False)
class BinaryLoss:
    """The loss of a text that may have several labels: the mean of its labels' binary ones.

    Attributes
    ----------
    weights_C : Tensor of float32, or None
        Factor on the loss of each label where a text has it.
    """

    weights_C: torch.Tensor | None = None

    def summed(self, logits_BC: torch.Tensor, labels_BC: torch.Tensor) -> torch.Tensor:
        """Return the sum of the losses of texts, a scalar.

        Parameters
        ----------
        logits_BC : Tensor of float32
        labels_BC : Tensor of int64
            0 or 1.
        """
        weights_C = None if self.weights_C is None else self.weights_C.to(logits_BC.device)
        total = F.binary_cross_entropy_with_logits(
            logits_BC, labels_BC.to(logits_BC.dtype), pos_weight=weights_C, reduction="sum"
        )
        return total / logits_BC.shape[1]


def positive_weights(counts_C: Sequence[int] | np.ndarray, texts: int) -> np.ndarray:
    """Weigh having a label by how much more often texts lack it.

    Parameters
    ----------
    counts_C : sequence of int
        Texts that have each label, at least one.
    texts : int

    Returns
    -------
    ndarray of float64, shape (C,)
        Under which having and lacking a label weigh alike; 1 where all texts have it.

    Examples
    --------
    >>> positive_weights([50, 10, 100], 100)
    array([1., 9., 1.])
    """
    counts = np.asarray(counts_C, dtype=np.float64)
    weights_C: np.ndarray = np.where(counts < texts, (texts - counts) / counts, 1.0)
    return weights_C


def class_weights(counts_C: Sequence[int] | np.ndarray, beta: float) -> np.ndarray:
    """Weigh classes by the inverse of their effective number of texts.

    Parameters
    ----------
    counts_C : sequence of int
        Texts of each class, at least one.
    beta : float, in [0, 1]
        0: all classes alike; 1: the inverse of their numbers; between: ``(1 - beta) /
        (1 - beta**n)``, for data in which a further text of a large class says little new.

    Returns
    -------
    ndarray of float64, shape (C,)
        Scaled so that the mean over the texts is 1.

    Notes
    -----
    Source: Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples".

    Examples
    --------
    >>> class_weights([30, 10], 1.0).round(3)
    array([0.667, 2.   ])
    """
    counts = np.asarray(counts_C, dtype=np.float64)
    if beta == 1.0:
        raw_C = 1.0 / counts
    else:
        # expm1 and log1p: for beta near 1 the plain formula loses all its digits.
        log_beta = np.log(beta) if beta else -np.inf
        raw_C = (1.0 - beta) / -np.expm1(counts * log_beta)
    weights_C: np.ndarray = raw_C * counts.sum() / (raw_C * counts).sum()
    return weights_C


def symmetric_kl(first_BC: torch.Tensor, second_BC: torch.Tensor) -> torch.Tensor:
    """Return how far two sets of logits disagree: the mean of both Kullback-Leibler divergences.

    Parameters
    ----------
    first_BC, second_BC : Tensor of float32
        Logits of the same texts.

    Returns
    -------
    Tensor of float32, shape (B,)

    Notes
    -----
    Source: Liang et al. 2021, "R-Drop: Regularized Dropout for Neural Networks", equation 2.
    """
    first, second = F.log_softmax(first_BC, dim=-1), F.log_softmax(second_BC, dim=-1)
    there = (first.exp() * (first - second)).sum(dim=-1)
    back = (second.exp() * (second - first)).sum(dim=-1)
    return (there + back) / 2
