"""Each option of the craft changes a step as its paper says, worked out here by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from plaudit.config import ImbalanceConfig, ModelConfig, TrainConfig, load
from plaudit.errors import ConfigError, DataError
from plaudit.model import families
from plaudit.model.build import build
from plaudit.model.losses import Loss, symmetric_kl
from plaudit.train.adversarial import perturbed
from plaudit.train.anchor import Anchor
from plaudit.train.averaging import Average
from plaudit.train.course import plan_course
from plaudit.train.craft import Craft
from plaudit.train.drive import drive
from plaudit.train.imbalance import balance
from plaudit.train.keep import Keeper
from plaudit.train.loop import Settings, fit
from plaudit.train.unfreezing import Unfreezing
from tests.conftest import save_encoder
from tests.train.test_loop import CPU, Scripted, sampler_of, tiny


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
    config = ModelConfig(encoder=str(tiny_encoder))
    return build(config, ("negative", "positive"), max_tokens=32, window_pooling="mean")


def step_config(encoder, **settings):
    """Steps that take the gradient off the weights as it is: plain SGD at a rate of 1."""
    plain = {
        "optim.optimizer": "sgd", "optim.betas": "[0.0, 0.0]", "optim.lr": "1.0",
        "optim.clip_norm": "0", "optim.warmup_fraction": "0", "optim.weight_decay": "0",
        "optim.layer_decay": "1", "optim.schedule": "constant", "train.max_steps": "1",
        "model.head_dropout": "0", "text.max_tokens": "32", "train.batch_tokens": "64",
    }  # fmt: skip
    overrides = {"model.encoder": str(encoder)} | plain | settings
    return load(None, [f"{key}={value}" for key, value in overrides.items()])


def taught(config, tokenizer, balance=None, validate=None, seen=lambda model: None):
    """Train; return the model, the records, and what ``seen`` saw of the model after each step."""
    torch.manual_seed(0)
    model = build(config.model, ("negative", "positive"), max_tokens=32, window_pooling="mean")
    craft = Craft(model, config, balance)
    sampler, batches = sampler_of(tokenizer)
    course = plan_course(sampler, config.train, validated=validate is not None)
    settings = Settings(config.optim, config.train, craft)
    torch.manual_seed(1)
    check = (lambda: validate(model)) if validate else None
    records, states = [], []
    for record in fit(model, batches, course, CPU, settings, check):
        records.append(record)
        states.append(seen(model))
    return model, craft, records, states


def start(config, tokenizer):
    """The untrained model and the first batch, for working a step out by hand."""
    torch.manual_seed(0)
    model = build(config.model, ("negative", "positive"), max_tokens=32, window_pooling="mean")
    _, batches = sampler_of(tokenizer)
    batch = next(batches(0))
    torch.manual_seed(1)
    return model.train(), batch, lambda: model(batch.ids_PT, batch.mask_PT, batch.owner_P)


def gradients(model, loss):
    return torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)


def assert_step_was(before, after, expected):
    for old, new, gradient in zip(before.parameters(), after.parameters(), expected, strict=True):
        moved = (old - new).detach()
        torch.testing.assert_close(
            moved, torch.zeros_like(moved) if gradient is None else gradient, atol=2e-6, rtol=1e-4
        )


@pytest.mark.parametrize(
    ("settings", "loss"),
    [
        ({"craft.label_smoothing": "0.3"}, Loss(smoothing=0.3)),
        ({"imbalance.method": "focal", "imbalance.gamma": "1.5"}, Loss(gamma=1.5)),
        ({"imbalance.method": "weights"}, Loss(torch.tensor([0.625, 2.5]))),
        (
            {"imbalance.method": "focal", "imbalance.beta": "1", "craft.label_smoothing": "0.1"},
            Loss(torch.tensor([0.625, 2.5]), 2.0, 0.1),
        ),
    ],
)
def test_a_step_descends_the_loss_that_was_asked_for(settings, loss, tiny_encoder, tiny_tokenizer):
    config = step_config(tiny_encoder, **settings)
    skewed = balance(config.imbalance, np.array([0] * 40 + [1] * 10), ("no", "yes"), 0)
    model, batch, forward = start(config, tiny_tokenizer)
    expected = loss(forward(), batch.labels_B).mean()
    trained, _, [record], _ = taught(config, tiny_tokenizer, skewed)
    assert record.loss == pytest.approx(expected.item(), rel=1e-5)
    assert_step_was(model, trained, gradients(model, expected))


def test_rdrop_adds_the_disagreement_of_two_passes(tiny_encoder, tiny_tokenizer):
    config = step_config(tiny_encoder, **{"craft.rdrop": "3", "model.dropout": "0.3"})
    model, batch, forward = start(config, tiny_tokenizer)
    first, second = forward(), forward()
    both = F.cross_entropy(first, batch.labels_B) + F.cross_entropy(second, batch.labels_B)
    disagreement = symmetric_kl(first, second).mean()
    assert disagreement > 1e-5
    expected = (both + 3 * disagreement) / 2
    trained, _, [record], _ = taught(config, tiny_tokenizer)
    assert record.loss == pytest.approx(expected.item(), rel=1e-5)
    assert_step_was(model, trained, gradients(model, expected))


def test_fgm_adds_the_gradient_at_the_embeddings_that_hurt_most(tiny_encoder, tiny_tokenizer):
    config = step_config(tiny_encoder, **{"craft.fgm": "2.5"})
    model, batch, forward = start(config, tiny_tokenizer)
    here = gradients(model, F.cross_entropy(forward(), batch.labels_B))
    words = model.stock.get_input_embeddings().weight
    [along] = [g for p, g in zip(model.parameters(), here, strict=True) if p is words]
    with torch.no_grad():
        words += 2.5 * along / along.norm()
    there = gradients(model, F.cross_entropy(forward(), batch.labels_B))
    with torch.no_grad():
        words -= 2.5 * along / along.norm()
    trained, _, _, _ = taught(config, tiny_tokenizer)
    sums = [None if a is None else a + b for a, b in zip(here, there, strict=True)]
    assert_step_was(model, trained, sums)


def test_the_pull_changes_a_step_by_its_share_of_the_way_gone(tiny_encoder, tiny_tokenizer):
    def steps(**settings):
        config = step_config(tiny_encoder, **{"train.max_steps": "2", "optim.lr": "0.1"} | settings)
        flat = lambda model: [p.detach().clone() for p in model.parameters()]  # noqa: E731
        model, _, _, states = taught(config, tiny_tokenizer, seen=flat)
        return model, start(config, tiny_tokenizer)[0], states

    model, origin, [one, two] = steps(**{"craft.pull": "0.5"})
    _, _, [same, free] = steps()
    head = {id(p) for part in families.head_parts(model.stock) for p in part.parameters()}
    for parameter, p0, p1, p1_free, p2, p2_free in zip(
        model.parameters(), origin.parameters(), one, same, two, free, strict=True
    ):
        assert torch.equal(p1, p1_free)
        back = 0.0 if id(parameter) in head else 0.1 * 0.5 * (p1 - p0.detach())
        torch.testing.assert_close(p2_free - p2, back + torch.zeros_like(p2), atol=1e-6, rtol=1e-4)


def test_layers_are_unfrozen_one_by_one_from_the_head_down(tiny_encoder, tiny_tokenizer):
    settings = {"craft.unfreeze_fraction": "0.6", "train.max_steps": "10", "craft.fgm": "0.1"}
    config = step_config(tiny_encoder, **settings | {"optim.lr": "0.01"})
    origin = dict(start(config, tiny_tokenizer)[0].named_parameters())
    depth = None

    def moved(model):
        nonlocal depth
        depth = depth or families.depth_of_parameters(model, model.stock)
        return {
            depth[name] for name, p in model.named_parameters() if not torch.equal(p, origin[name])
        }

    model, _, _, states = taught(config, tiny_tokenizer, seen=moved)
    # Three parts of two steps: the head alone, the top layer too, the lower one; then all.
    assert states == [{3}, {3}, {3, 2}, {3, 2}, {3, 2, 1}, {3, 2, 1}, *[{3, 2, 1, 0}] * 4]
    assert all(p.requires_grad for p in model.parameters())


def test_what_is_frozen_for_good_is_not_unfrozen(tiny_encoder):
    config = step_config(tiny_encoder, **{"model.freeze_layers": "1"})
    model = build(config.model, ("negative", "positive"), max_tokens=32, window_pooling="mean")
    Unfreezing(model, 0.5).at(1.0)
    assert not any(p.requires_grad for p in families.layers(model.stock)[0].parameters())
    assert all(p.requires_grad for p in families.layers(model.stock)[1].parameters())


@pytest.mark.parametrize("family", ["bert", "distilbert", "modernbert"])
def test_top_layers_begin_anew_and_others_as_pretrained(family, tiny_encoder, tmp_path):
    encoder = tiny_encoder if family == "bert" else save_encoder(tmp_path / family, family)

    def stack(top):
        config = ModelConfig(encoder=str(encoder), reinit_layers=top)
        model = build(config, ("negative", "positive"), max_tokens=32, window_pooling="mean")
        return model, [layer.state_dict() for layer in families.layers(model.stock)]

    _, (low, top) = stack(0)
    model, (same, fresh) = stack(1)
    assert all(torch.equal(low[name], same[name]) for name in low)
    matrices = [name for name in top if top[name].ndim == 2]
    assert matrices
    for name in matrices:
        assert not torch.equal(top[name], fresh[name])
        assert 0.001 < fresh[name].std() < 0.03
    anchored = {id(p) for p in Anchor(model, fresh_layers=1).parameters}
    assert not anchored & {id(p) for p in families.layers(model.stock)[1].parameters()}
    assert anchored >= {id(p) for p in families.layers(model.stock)[0].parameters()}


def test_layers_that_are_not_there_or_frozen_cannot_begin_anew(tiny_encoder):
    for settings in ({"reinit_layers": 3}, {"reinit_layers": 2, "freeze_layers": 1}):
        config = ModelConfig(encoder=str(tiny_encoder), **settings)
        with pytest.raises(ConfigError, match=r"reinit_layers.*2 layers"):
            build(config, ("negative", "positive"), max_tokens=32, window_pooling="mean")


def bias(model):
    return model.stock.classifier.bias.detach().clone()


@pytest.mark.parametrize("how", ["ema", "soup"])
def test_what_is_validated_and_kept_is_the_mean(how, tiny_encoder, tiny_tokenizer):
    validated = []

    def validate(model):
        validated.append(bias(model))
        return {"accuracy": 0.5}

    config = step_config(
        tiny_encoder,
        **{"train.max_steps": "8", "train.average": how, "train.average_decay": "0.3"},
        **{"train.evaluations": "4", "train.average_from": "0.5"},
    )
    model, craft, records, states = taught(config, tiny_tokenizer, None, validate, bias)
    marks = [r.step for r in records if r.validation]
    assert marks == [2, 4, 6, 8]
    # The mean begins when half of the steps are over; until then the weights are themselves.
    assert torch.equal(validated[0], states[1])
    if how == "soup":
        expected = (states[3] + states[5] + states[7]) / 3
    else:
        expected = states[3]
        for state, share in zip(states[4:], [10 / 11, 10 / 12, 10 / 13, 0.7142857], strict=True):
            expected = expected + max(0.7, share) * (state - expected)
    torch.testing.assert_close(validated[3], expected)
    assert not torch.equal(expected, states[7])
    assert torch.equal(bias(model), states[7])
    craft.average.copy()
    torch.testing.assert_close(bias(model), expected)


@pytest.mark.parametrize("values", [[0.9, 0.5], [0.5, 0.9], [None, None]])
def test_the_state_that_a_run_ends_with_is_a_mean_too(values, tiny_encoder, tmp_path):
    model = tiny(tiny_encoder)
    average = Average(model)

    def steps():
        for record in Scripted(model, values):
            average.add()
            yield record

    drive(steps(), model, Keeper(tmp_path), TrainConfig(), lambda record: None, average)
    # The bias is the step's number: 1, then 2.
    assert float(bias(model)[0]) == (1.0 if values[0] == 0.9 else 1.5)


def test_prior_correction_moves_the_bias_and_nothing_else_of_training(tiny_encoder, tiny_tokenizer):
    settings = {"imbalance.method": "weights", "train.max_steps": "5", "optim.lr": "0.1"}
    targets_N = np.array([0] * 40 + [1] * 10)

    def trained(**more):
        config = step_config(tiny_encoder, **settings | more)
        return taught(config, tiny_tokenizer, balance(config.imbalance, targets_N, "ny", 0))

    plain, _, records, _ = trained()
    corrected, _, same, _ = trained(**{"imbalance.prior_correction": "true"})
    assert [r.loss for r in same] == pytest.approx([r.loss for r in records], rel=1e-5)
    shift = bias(corrected) - bias(plain)
    # Weighted alike, the classes were shown 1:1; they are 4:1.
    torch.testing.assert_close(shift, torch.tensor([0.8, 0.2]).log() - torch.tensor(0.5).log())
    torch.testing.assert_close(
        corrected.stock.classifier.weight, plain.stock.classifier.weight, atol=1e-6, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("method", "shown"),
    [
        ("none", [60, 30, 10]), ("focal", [60, 30, 10]), ("weights", [100 / 3] * 3),
        ("oversample", [60, 60, 60]), ("undersample", [10, 10, 10]),
    ],
)  # fmt: skip
def test_a_balance_says_what_training_shows_of_three_classes(method, shown):
    targets_N = np.repeat([0, 1, 2], [60, 30, 10])
    found = balance(ImbalanceConfig(method=method), targets_N, "abc", 0)
    assert found.counts_C.tolist() == [60, 30, 10]
    assert found.shown_C.tolist() == pytest.approx(shown)
    if found.draw:
        assert np.bincount(targets_N[found.draw(0)]).tolist() == shown


def test_a_class_without_texts_cannot_be_balanced():
    with pytest.raises(DataError, match="no text of 'c'"):
        balance(ImbalanceConfig(method="weights"), np.array([0, 1]), "abc", 0)
    balance(ImbalanceConfig(), np.array([0, 1]), "abc", 0)


def test_a_craft_goes_on_from_its_state(tiny_encoder):
    config = step_config(tiny_encoder, **{"craft.pull": "0.1", "train.average": "ema"})
    model = tiny(tiny_encoder)
    craft = Craft(model, config)
    with torch.no_grad():
        model.stock.classifier.bias.fill_(3.0)
    craft.after_step(1.0, evaluated=False)
    state = {name: value.clone() for name, value in craft.state_dict().items()}
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    # Another process, where the weights were read before the craft was made.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    other = Craft(model, config)
    other.load_state_dict(state)
    assert other.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())
    assert other.average.count == 1
    with other.average.in_place():
        assert float(bias(model)[0]) == 3.0
    assert Craft(model).state_dict() == {}


def test_more_frozen_layers_than_there_are_say_how_many_there_may_be(tiny_encoder):
    config = ModelConfig(encoder=str(tiny_encoder), freeze_layers=99)
    with pytest.raises(ConfigError, match=r"^model\.freeze_layers = 99.*use 0 to 2\.$"):
        build(config, ("negative", "positive"), max_tokens=32, window_pooling="mean")
