"""The teacher's share of the loss is Hinton's formula, to the digit."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from plaudit.config import Config, ModelConfig
from plaudit.data.unlabelled import NO_LABEL
from plaudit.model.build import build
from plaudit.model.classifier import ReviewClassifier
from plaudit.train.craft import Craft
from plaudit.train.distill import Soft, soft_loss
from plaudit.train.imbalance import Balance

STUDENT = torch.tensor([[1.0, -1.0, 0.5], [0.0, 2.0, -3.0]])
TEACHER = torch.tensor([[3.0, 0.0, -1.0], [1.0, 1.0, 4.0]])
LABELS = torch.tensor([0, 2])
ROWS = torch.tensor([0, 1])


@pytest.fixture(scope="module")
def model(tiny_encoder: Path) -> ReviewClassifier:
    torch.manual_seed(0)
    labels = ("a", "b", "c")
    return build(
        ModelConfig(encoder=str(tiny_encoder)), labels, max_tokens=32, window_pooling="mean"
    )


def crafted(model: ReviewClassifier, weight: float) -> Craft:
    return Craft(model, Config(), None, Soft(TEACHER, weight, 2.0))


def by_hand(temperature: float) -> float:
    total = 0.0
    for student, teacher in zip(STUDENT.tolist(), TEACHER.tolist(), strict=True):
        ours = [math.exp(x / temperature) for x in student]
        theirs = [math.exp(x / temperature) for x in teacher]
        total += sum(
            q / sum(theirs) * math.log((q / sum(theirs)) / (p / sum(ours)))
            for p, q in zip(ours, theirs, strict=True)
        )
    return total * temperature**2


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_the_soft_loss_is_the_divergence_times_the_square_of_the_temperature(
    temperature: float,
) -> None:
    found = float(soft_loss(STUDENT, TEACHER, temperature).sum())
    assert found == pytest.approx(by_hand(temperature), rel=1e-5)


@pytest.mark.parametrize("weight", [0.3, 1.0])
def test_the_loss_is_the_weighted_sum_of_both(model: ReviewClassifier, weight: float) -> None:
    found = float(crafted(model, weight).loss(lambda: STUDENT, LABELS, ROWS))
    hard = float(F.cross_entropy(STUDENT, LABELS, reduction="sum"))
    assert found == pytest.approx((1 - weight) * hard + weight * by_hand(2.0), rel=1e-5)


def test_with_the_whole_weight_labels_do_not_matter(model: ReviewClassifier) -> None:
    craft = crafted(model, 1.0)
    assert craft.loss(lambda: STUDENT, LABELS, ROWS) == craft.loss(
        lambda: STUDENT, torch.tensor([1, 1]), ROWS
    )


def test_the_gradient_keeps_its_size_as_the_temperature_rises() -> None:
    """Softened by T, a divergence's gradient falls as 1/T²; at high T it is that of logits."""

    def gradient(temperature: float) -> torch.Tensor:
        logits = STUDENT.clone().requires_grad_()
        soft_loss(logits, TEACHER, temperature).sum().backward()
        assert logits.grad is not None
        return logits.grad

    centred = STUDENT - STUDENT.mean(1, keepdim=True) - TEACHER + TEACHER.mean(1, keepdim=True)
    # Hinton et al., equation 4: (z - v) / N, once multiplied by T².
    torch.testing.assert_close(gradient(1e3), centred / 3, rtol=1e-2, atol=1e-2)
    assert gradient(50.0).norm() == pytest.approx(float(gradient(100.0).norm()), rel=0.05)


def test_a_row_without_a_label_has_the_teachers_share_alone(model: ReviewClassifier) -> None:
    craft = crafted(model, 0.3)
    found = float(craft.loss(lambda: STUDENT, torch.tensor([0, NO_LABEL]), ROWS))
    hard = float(F.cross_entropy(STUDENT[:1], LABELS[:1], reduction="sum"))
    assert found == pytest.approx(0.7 * hard + 0.3 * by_hand(2.0), rel=1e-5)
    none = float(craft.loss(lambda: STUDENT, torch.tensor([NO_LABEL, NO_LABEL]), ROWS))
    assert none == pytest.approx(0.3 * by_hand(2.0), rel=1e-5)


def test_the_teacher_is_looked_up_by_row(model: ReviewClassifier) -> None:
    craft = crafted(model, 1.0)
    turned = float(craft.loss(lambda: STUDENT.flip(0), LABELS, ROWS.flip(0)))
    assert turned == pytest.approx(by_hand(2.0), rel=1e-5)


def test_a_teacher_speaks_of_the_real_shares_of_classes(tiny_encoder: Path) -> None:
    """With a prior correction the labels' loss is without the shift, the teacher's with it."""
    shift_C = np.array([1.0, 0.0, -1.0])
    balance = Balance(np.array([1, 1, 1]), np.ones(3), shift_C=shift_C)
    own = build(ModelConfig(encoder=str(tiny_encoder)), "abc", max_tokens=32, window_pooling="mean")
    craft = Craft(own, Config(), balance, Soft(TEACHER, 0.5, 2.0))
    found = float(craft.loss(lambda: STUDENT, LABELS, ROWS))
    unshifted = STUDENT - torch.tensor(shift_C, dtype=torch.float32)
    hard = float(F.cross_entropy(unshifted, LABELS, reduction="sum"))
    assert found == pytest.approx(0.5 * hard + 0.5 * by_hand(2.0), rel=1e-5)
