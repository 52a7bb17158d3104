"""Learning from a teacher's answers: knowledge distillation.

Axes: B texts of a batch, C classes, N texts to train on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True, slots=True, eq=False)
class Soft:
    """What a teacher says of every text that is trained on.

    Attributes
    ----------
    logits_NC : Tensor of float32
        In the order of the labels and of the training texts, those without a label last.
    weight : float, in (0, 1]
        Share of the loss that follows the teacher.
    temperature : float
    """

    logits_NC: torch.Tensor
    weight: float
    temperature: float

    def loss(self, logits_BC: torch.Tensor, rows_B: torch.Tensor) -> torch.Tensor:
        """Return the sum over texts of what is added for the teacher, its weight included.

        Parameters
        ----------
        logits_BC : Tensor of float32
        rows_B : Tensor of int64
            Positions of the texts.
        """
        teacher_BC = self.logits_NC[rows_B.to(self.logits_NC.device)].to(logits_BC)
        return self.weight * soft_loss(logits_BC, teacher_BC, self.temperature).sum()


def soft_loss(
    logits_BC: torch.Tensor, teacher_BC: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return how far each text's answer is from the teacher's, both softened.

    Parameters
    ----------
    logits_BC, teacher_BC : Tensor of float32
    temperature : float

    Returns
    -------
    Tensor of float32, shape (B,)
        The Kullback-Leibler divergence from the teacher's distribution, times the square of the
        temperature: the gradient, which softening makes smaller by that, then keeps its size beside
        that of the labels.

    Notes
    -----
    Source: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network",
    section 2.

    Examples
    --------
    >>> import torch
    >>> same = torch.tensor([[2.0, -1.0]])
    >>> soft_loss(same, same + 3, temperature=2.0)
    tensor([0.])
    """
    student = F.log_softmax(logits_BC / temperature, dim=-1)
    teacher = F.log_softmax(teacher_BC / temperature, dim=-1)
    return temperature**2 * (teacher.exp() * (teacher - student)).sum(dim=-1)
