"""Losses have the values that their papers give."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from plaudit.model.losses import (
    BinaryLoss,
    Loss,
    class_weights,
    positive_weights,
    symmetric_kl,
)

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0]])
LABELS = torch.tensor([0, 2, 0])


def test_plain_loss_is_cross_entropy_text_by_text():
    expected = F.cross_entropy(LOGITS, LABELS, reduction="none")
    assert torch.equal(Loss()(LOGITS, LABELS), expected)


def test_weights_multiply_the_texts_of_their_class():
    plain = Loss()(LOGITS, LABELS)
    weighted = Loss(weights_C=torch.tensor([3.0, 9.0, 0.5]))(LOGITS, LABELS)
    torch.testing.assert_close(weighted / plain, torch.tensor([3.0, 0.5, 3.0]))


def test_focal_loss_discounts_what_is_already_right():
    p = LOGITS.softmax(-1)[range(3), LABELS]
    expected = -((1 - p) ** 2) * p.log()
    torch.testing.assert_close(Loss(gamma=2.0)(LOGITS, LABELS), expected)


def test_focal_loss_of_a_certain_answer_is_zero_and_has_a_gradient():
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    loss = Loss(gamma=0.5)(logits, torch.tensor([0])).sum()
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_smoothing_spreads_its_share_over_all_classes():
    log_p = LOGITS.log_softmax(-1)
    target = torch.full((3, 3), 0.1 / 3)
    target[range(3), LABELS] += 0.9
    expected = -(target * log_p).sum(-1)
    torch.testing.assert_close(Loss(smoothing=0.1)(LOGITS, LABELS), expected)


def test_effective_numbers_follow_the_paper():
    counts, beta = [900, 90, 10], 0.99
    raw = np.array([(1 - beta) / (1 - beta**n) for n in counts])
    found = class_weights(counts, beta)
    np.testing.assert_allclose(found / found[0], raw / raw[0])
    assert (found * counts).sum() / sum(counts) == pytest.approx(1.0)


def test_beta_runs_from_equal_weights_to_inverse_numbers():
    np.testing.assert_allclose(class_weights([900, 90, 10], 0.0), 1.0)
    limit = class_weights([900, 90, 10], 1.0)
    np.testing.assert_allclose(limit * [900, 90, 10], limit[0] * 900)
    np.testing.assert_allclose(class_weights([900, 90, 10], 1 - 1e-12), limit, rtol=1e-6)


def test_symmetric_divergence_has_the_value_worked_out_by_hand():
    first = torch.tensor([[math.log(0.8), math.log(0.2)]])
    second = torch.tensor([[math.log(0.5), math.log(0.5)]])
    there = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    back = 0.5 * math.log(0.5 / 0.8) + 0.5 * math.log(0.5 / 0.2)
    found = symmetric_kl(first, second)
    assert found.item() == pytest.approx((there + back) / 2, rel=1e-5)
    assert symmetric_kl(first, first + 7.0).item() == pytest.approx(0.0, abs=1e-6)


def test_binary_loss_is_that_of_torch_by_text() -> None:
    torch.manual_seed(0)
    logits_BC, labels_BC = torch.randn(5, 3), torch.randint(0, 2, (5, 3))
    plain = torch.nn.BCEWithLogitsLoss()(logits_BC, labels_BC.float())
    assert BinaryLoss().summed(logits_BC, labels_BC) / 5 == pytest.approx(plain.item(), abs=1e-6)
    weights_C = torch.tensor([1.0, 9.0, 3.0])
    by_hand = -(
        weights_C * labels_BC * torch.log(torch.sigmoid(logits_BC))
        + (1 - labels_BC) * torch.log(1 - torch.sigmoid(logits_BC))
    ).mean()
    weighed = BinaryLoss(weights_C).summed(logits_BC, labels_BC) / 5
    assert weighed == pytest.approx(by_hand.item(), abs=1e-5)


def test_positive_weights_make_having_a_label_weigh_as_lacking_it() -> None:
    weights_C = positive_weights([25, 80, 100], 100)
    assert (weights_C[:2] * [25, 80]).tolist() == [75, 20]
    assert weights_C[2] == 1.0
