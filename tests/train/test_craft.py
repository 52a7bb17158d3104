"""Perturbed embeddings, the pull towards the pretrained weights, and means of weights."""

import pytest
import torch
from torch import nn

from plaudit.train.adversarial import perturbed
from plaudit.train.averaging import Average


def test_the_perturbation_is_a_step_of_epsilon_along_the_gradient_and_is_undone():
    table = nn.Embedding(5, 3)
    before = table.weight.detach().clone()
    table.weight.grad = torch.zeros(5, 3)
    table.weight.grad[2] = torch.tensor([3.0, 0.0, 4.0])
    with perturbed(table, 0.5):
        moved = table.weight.detach() - before
        torch.testing.assert_close(moved[2], torch.tensor([0.3, 0.0, 0.4]))
        assert moved.norm().item() == pytest.approx(0.5, rel=1e-5)
    assert torch.equal(table.weight.detach(), before)


def test_the_perturbation_is_undone_after_an_error_too():
    table = nn.Embedding(5, 3)
    before = table.weight.detach().clone()
    table.weight.grad = torch.ones(5, 3)
    with pytest.raises(RuntimeError), perturbed(table, 1.0):
        raise RuntimeError
    assert torch.equal(table.weight.detach(), before)


@pytest.mark.parametrize("gradient", [None, torch.zeros(5, 3), torch.full((5, 3), torch.nan)])
def test_without_a_usable_gradient_nothing_moves(gradient):
    table = nn.Embedding(5, 3)
    before = table.weight.detach().clone()
    table.weight.grad = gradient
    with perturbed(table, 1.0):
        assert torch.equal(table.weight.detach(), before)


def walk(decay, states):
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Average(model, decay)
    for state in states:
        nn.init.constant_(model.weight, state)
        average.add()
    return model, average


def test_a_soup_is_the_plain_mean_of_what_was_added():
    model, average = walk(0.0, [1.0, 2.0, 6.0])
    with average.in_place():
        assert model.weight.item() == pytest.approx(3.0)
    assert model.weight.item() == 6.0


def test_a_moving_average_forgets_by_its_decay():
    states = [1.0] * 500 + [2.0] * 3
    _, average = walk(0.9, states)
    assert average.mean[0].item() == pytest.approx(2.0 - 0.9**3, abs=1e-5)


def test_a_young_moving_average_does_not_hold_on_to_its_beginning():
    _, average = walk(0.999, [5.0])
    assert average.mean[0].item() == 5.0


def test_before_anything_was_added_the_model_keeps_its_weights():
    model = nn.Linear(1, 1)
    average = Average(model)
    nn.init.constant_(model.weight, 4.0)
    with average.in_place():
        assert model.weight.item() == 4.0


def test_before_anything_was_added_nothing_is_kept_for_good_either():
    model = nn.Linear(1, 1)
    average = Average(model)
    nn.init.constant_(model.weight, 4.0)
    average.copy()
    assert model.weight.item() == 4.0


def test_the_pull_is_towards_the_pretrained_weights_and_spares_the_head(tiny_model):
    from plaudit.model import families
    from plaudit.train.anchor import Anchor

    anchor = Anchor(tiny_model)
    assert anchor.distance() == 0.0
    word = families.embeddings(tiny_model.stock).word_embeddings.weight
    head = tiny_model.stock.classifier.weight
    with torch.no_grad():
        word += 0.5
        head += 0.5
    for parameter in (word, head):
        parameter.grad = torch.zeros_like(parameter)
    anchor.pull(0.1)
    torch.testing.assert_close(word.grad, torch.full_like(word, 0.05))
    assert not head.grad.any()
    assert anchor.distance() == pytest.approx(0.5 * word.numel() ** 0.5, rel=1e-5)


@pytest.fixture
def tiny_model(tiny_encoder):
    from plaudit.config import ModelConfig
    from plaudit.model.build import build

    config = ModelConfig(encoder=str(tiny_encoder))
    return build(config, ("negative", "positive"), max_tokens=32, window_pooling="mean")
