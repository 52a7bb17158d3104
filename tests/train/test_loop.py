from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from plaudit.config import ModelConfig, OptimConfig, TextConfig, TrainConfig
from plaudit.errors import TrainingError
from plaudit.model import families, heap
from plaudit.model.build import build
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.model.infer import logits
from plaudit.text.batches import Batch
from plaudit.text.dataset import dataloader
from plaudit.text.encode import TextEncoder
from plaudit.text.sampling import TokenBudgetSampler
from plaudit.train.course import Course, plan_course
from plaudit.train.drive import drive
from plaudit.train.keep import Keeper
from plaudit.train.loop import Settings, StepRecord, fit
from plaudit.train.optim import make_optimizer, parameter_groups, schedule

CPU = Compute("cpu", "fp32", "test")
TEXTS = [f"{'good great' if n % 2 else 'bad awful'} film {'the ' * (n % 9)}" for n in range(48)]
TARGETS = np.array([n % 2 for n in range(48)])


def tiny(encoder: Path, **settings: Any) -> ReviewClassifier:
    torch.manual_seed(0)
    config = ModelConfig(encoder=str(encoder), **{"head_dropout": 0.0} | settings)
    return build(config, ("negative", "positive"), max_tokens=32, window_pooling="mean")


def sampler_of(tokenizer: Any, **settings: Any) -> tuple[TokenBudgetSampler, Any]:
    encoded = TextEncoder(tokenizer, TextConfig(max_tokens=32)).encode(TEXTS)
    sampler = TokenBudgetSampler(encoded, **{"batch_tokens": 64, "shuffle": True} | settings)
    loader = dataloader(encoded, TARGETS, sampler)

    def batches(epoch: int) -> Iterator[Batch]:
        sampler.epoch = epoch
        return iter(loader)

    return sampler, batches


def run(
    model: ReviewClassifier,
    tokenizer: Any,
    optim: dict[str, Any] | None = None,
    train: dict[str, Any] | None = None,
    compute: Compute = CPU,
) -> list[StepRecord]:
    train_config = TrainConfig(**{"epochs": 1} | (train or {}))
    optim_config = OptimConfig(**{"lr": 3e-3} | (optim or {}))
    sampler, batches = sampler_of(tokenizer)
    course = plan_course(sampler, train_config, validated=False)
    return list(fit(model, batches, course, compute, Settings(optim_config, train_config)))


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor", "sgd"])
def test_every_optimizer_learns(optimizer: str, tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    lr = {"adamw": 3e-3, "adafactor": 3e-1, "sgd": 3e-2}[optimizer]
    records = run(
        tiny(tiny_encoder), tiny_tokenizer, {"optimizer": optimizer, "lr": lr}, {"epochs": 6}
    )
    assert records[-1].loss < 0.4 * records[0].loss


def test_a_run_repeats_exactly(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    def losses() -> list[float]:
        torch.manual_seed(0)
        model = tiny(tiny_encoder, head_dropout=0.3, dropout=0.1)
        return [record.loss for record in run(model, tiny_tokenizer)]

    assert losses() == losses()


def test_with_all_options_off_training_is_plain_pytorch_to_the_bit(
    tiny_encoder: Path, tiny_tokenizer: Any
) -> None:
    """What every option is compared with, written out as a tutorial would."""
    optim = {"layer_decay": 1.0, "weight_decay": 0.0, "clip_norm": 0.5, "schedule": "constant"}
    optim |= {"warmup_fraction": 0.0, "lr": 3e-3}
    model = tiny(tiny_encoder, head_dropout=0.2, dropout=0.1)
    torch.manual_seed(1)
    found = [r.loss for r in run(model, tiny_tokenizer, optim, {"accumulation": 2})]

    plain = tiny(tiny_encoder, head_dropout=0.2, dropout=0.1)
    _, batches = sampler_of(tiny_tokenizer)
    config = OptimConfig(**optim)
    optimizer = torch.optim.AdamW(
        plain.parameters(), lr=3e-3, betas=config.betas, eps=config.eps, weight_decay=0.0,
        fused=True,
    )  # fmt: skip
    torch.manual_seed(1)
    expected, stream = [], batches(0)
    plain.train()
    for pair in iter(lambda: list(islice(stream, 2)), []):
        texts, total = sum(len(batch.rows_B) for batch in pair), 0.0
        for batch in pair:
            logits_BC = plain(batch.ids_PT, batch.mask_PT, batch.owner_P)
            loss = F.cross_entropy(logits_BC, batch.labels_B, reduction="sum") / texts
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        expected.append(total)
    assert found == expected
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)


def test_accumulated_batches_give_the_gradient_of_all_their_texts(
    tiny_encoder: Path, tiny_tokenizer: Any
) -> None:
    """Batches of short texts hold more of them; each text must weigh the same."""
    model = tiny(tiny_encoder)
    _, batches = sampler_of(tiny_tokenizer)
    group = [next(b) for b in [batches(0)] for _ in range(3)]
    assert len({len(batch.rows_B) for batch in group}) > 1
    losses = []
    for batch in group:
        assert batch.labels_B is not None
        logits = model(batch.ids_PT, batch.mask_PT, batch.owner_P)
        losses.append(F.cross_entropy(logits, batch.labels_B, reduction="none"))
    joint = torch.cat(losses).mean()
    expected = torch.autograd.grad(joint, list(model.stock.classifier.parameters()))
    before = [p.detach().clone() for p in model.stock.classifier.parameters()]
    plain = {
        "optimizer": "sgd", "betas": (0.0, 0.0), "lr": 1.0, "clip_norm": 0.0,
        "warmup_fraction": 0.0, "weight_decay": 0.0,
    }  # fmt: skip
    [record] = run(model, tiny_tokenizer, plain, {"accumulation": 3, "max_steps": 1})
    assert record.loss == pytest.approx(joint.item(), abs=1e-6)
    assert record.tokens == sum(batch.tokens for batch in group)
    for old, new, gradient in zip(
        before, model.stock.classifier.parameters(), expected, strict=True
    ):
        torch.testing.assert_close(old - new.detach(), gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("at_once", [8, 40])
def test_a_batch_in_parts_gives_the_gradient_of_the_whole(
    at_once: int, tiny_encoder: Path, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(tokens: int) -> tuple[list[float], torch.Tensor]:
        monkeypatch.setattr(Compute, "tokens_at_once", tokens)
        model = tiny(tiny_encoder)
        records = run(model, tiny_tokenizer, {"optimizer": "sgd"}, {"max_steps": 3})
        return [r.loss for r in records], torch.nn.utils.parameters_to_vector(model.parameters())

    losses, weights = trained(10**6)
    in_parts, same = trained(at_once)
    assert in_parts == pytest.approx(losses, abs=1e-6)
    torch.testing.assert_close(same, weights, atol=1e-6, rtol=1e-5)


def test_clipping_limits_the_step(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    def moved(clip: float) -> float:
        model = tiny(tiny_encoder)
        before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
        settings = {
            "optimizer": "sgd", "betas": (0.0, 0.0), "lr": 1.0, "clip_norm": clip,
            "layer_decay": 1.0, "weight_decay": 0.0, "warmup_fraction": 0.0,
        }  # fmt: skip
        [record] = run(model, tiny_tokenizer, settings, {"max_steps": 1})
        assert record.grad_norm > 0.01
        after = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
        return float((after - before).norm())

    assert moved(0.01) == pytest.approx(0.01, rel=1e-3)
    assert moved(0.0) > 0.02


@pytest.mark.promise("training stops and names the reason", fault="the loss is NaN")
def test_a_loss_that_is_not_a_number_stops_with_the_reason(
    tiny_encoder: Path, tiny_tokenizer: Any
) -> None:
    model = tiny(tiny_encoder)
    with torch.no_grad():
        model.stock.classifier.weight.fill_(math.nan)
    with pytest.raises(TrainingError, match=r"step 1: the loss is nan.*lower optim\.lr"):
        run(model, tiny_tokenizer)


def test_bf16_keeps_fp32_master_weights(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    model = tiny(tiny_encoder)
    seen: set[torch.dtype] = set()
    model.stock.bert.encoder.layer[0].intermediate.dense.register_forward_hook(
        lambda module, args, output: seen.add(output.dtype)
    )
    records = run(
        model, tiny_tokenizer, train={"epochs": 4}, compute=Compute("cpu", "bf16", "test")
    )
    assert seen == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert records[-1].loss < 0.5 * records[0].loss


def test_layers_further_down_learn_slower(tiny_encoder: Path) -> None:
    model = tiny(tiny_encoder)
    config = OptimConfig(lr=1.0, layer_decay=0.5, weight_decay=0.1)
    rate = {
        id(p): (g["lr"], g["weight_decay"])
        for g in parameter_groups(model, config)
        for p in g["params"]
    }
    bert = model.stock.bert
    assert rate[id(model.stock.classifier.weight)] == (1.0, 0.1)
    assert rate[id(bert.pooler.dense.weight)] == (1.0, 0.1)
    assert rate[id(bert.encoder.layer[1].output.dense.weight)] == (1.0, 0.1)
    assert rate[id(bert.encoder.layer[0].output.dense.weight)] == (0.5, 0.1)
    assert rate[id(bert.embeddings.word_embeddings.weight)] == (0.25, 0.1)
    assert rate[id(bert.encoder.layer[0].output.dense.bias)] == (0.5, 0.0)
    assert rate[id(bert.encoder.layer[0].output.LayerNorm.weight)] == (0.5, 0.0)


def test_frozen_parameters_are_not_in_the_optimizer(tiny_encoder: Path) -> None:
    model = tiny(tiny_encoder, freeze_layers=1)
    grouped = {id(p) for g in parameter_groups(model, OptimConfig()) for p in g["params"]}
    assert grouped == {id(p) for p in model.parameters() if p.requires_grad}
    assert set(families.depth_of_parameters(model, model.stock).values()) == {0, 1, 2, 3}


def test_the_head_may_have_a_rate_of_its_own(tiny_encoder: Path) -> None:
    model = tiny(tiny_encoder)
    head = {id(p) for part in families.head_parts(model.stock) for p in part.parameters()}
    groups = parameter_groups(model, OptimConfig(lr=1e-4, head_lr=1e-3, layer_decay=0.5))
    rates = {(id(p) in head): set() for group in groups for p in group["params"]}
    for group in groups:
        for parameter in group["params"]:
            rates[id(parameter) in head].add(group["lr"])
    assert rates[True] == {1e-3}
    assert sorted(rates[False]) == pytest.approx([2.5e-5, 5e-5, 1e-4])


def test_optimizer_settings_reach_the_optimizer(tiny_encoder: Path) -> None:
    groups = parameter_groups(tiny(tiny_encoder), OptimConfig())
    adamw = make_optimizer(groups, OptimConfig(betas=(0.8, 0.9), eps=1e-3))
    assert adamw.defaults["betas"] == (0.8, 0.9)
    assert adamw.defaults["eps"] == 1e-3
    sgd = make_optimizer(groups, OptimConfig(optimizer="sgd", betas=(0.7, 0.9)))
    assert sgd.defaults["momentum"] == 0.7


def test_schedules_have_their_shapes() -> None:
    def at(name: str, *steps: int) -> list[float]:
        factor = schedule(OptimConfig(schedule=name, warmup_fraction=0.1), 100)  # type: ignore[arg-type]
        return [round(factor(step), 4) for step in steps]

    assert at("linear", 0, 9, 10, 55, 100) == [0.0909, 0.9091, 1.0, 0.5, 0.0]
    assert at("cosine", 10, 55, 100) == [1.0, 0.5, 0.0]
    assert at("constant", 10, 99) == [1.0, 1.0]


def test_the_course_counts_epochs_accumulation_and_evaluations(tiny_tokenizer: Any) -> None:
    sampler, _ = sampler_of(tiny_tokenizer, batch_examples=6)
    course = plan_course(sampler, TrainConfig(epochs=2, evaluations=2), validated=True)
    assert (course.steps, sorted(course.validate_after)) == (16, [4, 8, 12, 16])
    half = plan_course(sampler, TrainConfig(epochs=0.5, evaluations=2), validated=True)
    assert (half.steps, sorted(half.validate_after)) == (4, [4])
    grouped = plan_course(sampler, TrainConfig(epochs=1, accumulation=3), validated=False)
    assert (grouped.steps, grouped.batches, grouped.validate_after) == (3, 8, frozenset())


def test_more_epochs_than_anyone_needs_are_planned_at_once(tiny_tokenizer: Any) -> None:
    """They are what train.max_seconds is given beside."""
    sampler, _ = sampler_of(tiny_tokenizer, batch_examples=6)
    counted = []
    real = type(sampler).__len__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(sampler), "__len__", lambda self: counted.append(1) or real(self))
        course = plan_course(sampler, TrainConfig(epochs=5000, evaluations=1), validated=True)
    assert (course.steps, course.steps_per_epoch) == (8 * 5000, 8)
    assert len(course.validate_after) == 5000
    assert len(counted) <= 50
    half = plan_course(sampler, TrainConfig(epochs=100.5), validated=False)
    assert half.steps == 804
    often = plan_course(sampler, TrainConfig(epochs=1, evaluations=1e12), validated=True)
    assert sorted(often.validate_after) == list(range(1, 9))


@pytest.mark.parametrize("steps", [5, 30])
def test_steps_replace_epochs(steps: int, tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    sampler, _ = sampler_of(tiny_tokenizer)
    course = plan_course(sampler, TrainConfig(epochs=1, max_steps=steps), validated=True)
    assert course.steps == steps
    assert max(course.validate_after) == steps
    records = run(tiny(tiny_encoder), tiny_tokenizer, train={"epochs": 1, "max_steps": steps})
    assert len(records) == steps
    assert records[-1].epoch == pytest.approx(steps / len(sampler), rel=0.2)


def test_accumulation_does_not_spill_into_another_epoch(
    tiny_encoder: Path, tiny_tokenizer: Any
) -> None:
    once = run(tiny(tiny_encoder), tiny_tokenizer)[-1].tokens
    [record] = run(tiny(tiny_encoder), tiny_tokenizer, train={"accumulation": 64})
    assert record.tokens == once


def test_validation_does_not_change_training(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    """Evaluating more often must not move the random state that dropout uses."""

    def weights(evaluations: int) -> torch.Tensor:
        model = tiny(tiny_encoder, dropout=0.3)
        sampler, batches = sampler_of(tiny_tokenizer)
        encoded = TextEncoder(tiny_tokenizer, TextConfig(max_tokens=32)).encode(TEXTS[:8])
        config = TrainConfig(epochs=1, evaluations=evaluations)
        course = plan_course(sampler, config, validated=True)
        assert len(course.validate_after) == evaluations

        def validate() -> dict[str, float]:
            logits(model, encoded, CPU)
            return {"accuracy": 0.5}

        torch.manual_seed(1)
        list(fit(model, batches, course, CPU, Settings(OptimConfig(), config), validate))
        assert model.training
        return torch.nn.utils.parameters_to_vector(model.parameters())

    assert torch.equal(weights(1), weights(4))


def test_validation_comes_at_its_steps(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    model = tiny(tiny_encoder)
    _, batches = sampler_of(tiny_tokenizer)
    course = Course(4, 4, 8, frozenset({2, 4}))
    settings = Settings(OptimConfig(), TrainConfig())
    records = list(fit(model, batches, course, CPU, settings, lambda: {"accuracy": 0.5}))
    assert [r.validation is not None for r in records] == [False, True, False, True]


def budgeted(
    encoder: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch, max_seconds: float
) -> tuple[list[StepRecord], Course]:
    """Train for a budget on a clock that runs one second for each step and 50 for validation."""
    elapsed = [0.0]
    monkeypatch.setattr("plaudit.train.clock.time.perf_counter", lambda: elapsed[0])
    sampler, batches = sampler_of(tokenizer)
    config = TrainConfig(epochs=2, evaluations=2, max_seconds=max_seconds)
    course = plan_course(sampler, config, validated=True)

    def tick(*_: Any) -> None:
        elapsed[0] += 1.0

    def validate() -> dict[str, float]:
        elapsed[0] += 50.0
        return {"accuracy": 0.5}

    optim = OptimConfig(warmup_fraction=0.0)
    model = tiny(encoder)
    model.register_forward_hook(tick)
    return list(fit(model, batches, course, CPU, Settings(optim, config), validate)), course


def test_a_budget_ends_training_and_the_schedule_with_it(
    tiny_encoder: Path, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, course = budgeted(tiny_encoder, tiny_tokenizer, monkeypatch, 10.0)
    assert course.steps > 12
    assert len(records) == 10
    rates = [record.lr / records[0].lr for record in records]
    assert rates == pytest.approx([1.0 - n / 10 for n in range(10)])
    assert [r.step for r in records if r.validation] == [3, 5, 8, 10]
    assert records[-1].eta_s == 0
    assert records[5].eta_s == pytest.approx(4)


def test_a_budget_that_is_not_needed_changes_nothing(
    tiny_encoder: Path, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, course = budgeted(tiny_encoder, tiny_tokenizer, monkeypatch, 1e6)
    assert len(records) == course.steps
    plain = schedule(OptimConfig(warmup_fraction=0.0), course.steps)
    assert [r.lr for r in records] == pytest.approx([1e-4 * plain(n) for n in range(course.steps)])
    assert {r.step for r in records if r.validation} == course.validate_after


class Scripted:
    """Steps whose validation accuracy is given, over a model whose bias tells the step."""

    def __init__(self, model: ReviewClassifier, values: list[float | None]) -> None:
        self.model, self.values, self.taken = model, values, 0

    def __iter__(self) -> Iterator[StepRecord]:
        for step, value in enumerate(self.values, start=1):
            self.taken = step
            with torch.no_grad():
                self.model.stock.classifier.bias.fill_(step)
            scores = None if value is None else {"accuracy": value, "log_loss": 1 - value}
            yield StepRecord(
                step, len(self.values), step / 2, 1.0, 0.1, 1.0, step * 10, 5.0, 1.0, 1.0, scores
            )


def driven(
    model: ReviewClassifier, values: list[float | None], folder: Path, **settings: Any
) -> tuple[Any, Scripted, float]:
    script = Scripted(model, values)
    config = TrainConfig(**settings)
    trained = drive(iter(script), model, Keeper(folder), config, lambda record: None)
    return trained, script, float(model.stock.classifier.bias.detach()[0])


@pytest.mark.parametrize("select", ["accuracy", "log_loss"])
def test_the_best_state_is_kept(select: str, tiny_encoder: Path, tmp_path: Path) -> None:
    model = tiny(tiny_encoder)
    trained, _, state = driven(model, [0.5, 0.9, None, 0.7], tmp_path, select=select)
    assert trained.best_step == 2
    assert state == 2.0


def test_training_stops_early_when_patience_runs_out(tiny_encoder: Path, tmp_path: Path) -> None:
    model = tiny(tiny_encoder)
    values: list[float | None] = [0.5, 0.9, 0.8, None, 0.7, 0.95]
    trained, script, state = driven(model, values, tmp_path, patience=2)
    assert script.taken == 5
    assert state == 2.0
    assert "2 evaluations" in trained.stopped


def test_a_run_that_its_budget_ended_says_so(tiny_encoder: Path, tmp_path: Path) -> None:
    model = tiny(tiny_encoder)
    cut = list(Scripted(model, [None] * 9))[:4]
    trained = drive(iter(cut), model, Keeper(tmp_path), TrainConfig(), lambda record: None)
    assert trained.stopped == "train.max_seconds was used up after 4 of 9 steps"
    assert driven(model, [None], tmp_path)[0].stopped == "all planned steps were taken"


def test_without_validation_the_last_state_is_kept(tiny_encoder: Path, tmp_path: Path) -> None:
    trained, _, state = driven(tiny(tiny_encoder), [None, None, None], tmp_path)
    assert (trained.best_step, state) == (3, 3.0)


def test_the_history_holds_every_step_and_tensorboard_gets_it(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    driven(tiny(tiny_encoder), [0.5, None], tmp_path)
    lines = (tmp_path / "history.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.promise(
    "the best state so far is kept, and the report says why",
    fault="training breaks after a validation",
)
def test_a_break_keeps_the_best_state_and_says_why(tiny_encoder: Path, tmp_path: Path) -> None:
    model = tiny(tiny_encoder)

    def breaking() -> Iterator[StepRecord]:
        yield from Scripted(model, [0.5, 0.9, 0.6])
        raise TrainingError("step 4: the loss is nan.")

    trained = drive(breaking(), model, Keeper(tmp_path), TrainConfig(), lambda record: None)
    assert trained.best_step == 2
    assert float(model.stock.classifier.bias.detach()[0]) == 2.0
    assert "nan" in trained.stopped


def test_a_break_before_any_validation_is_an_error(tiny_encoder: Path, tmp_path: Path) -> None:
    def breaking() -> Iterator[StepRecord]:
        yield from Scripted(tiny(tiny_encoder), [None])
        raise TrainingError("step 2: the loss is nan.")

    with pytest.raises(TrainingError):
        drive(breaking(), tiny(tiny_encoder), Keeper(tmp_path), TrainConfig(), lambda record: None)


def test_a_processor_in_bf16_is_prepared_for_and_its_heap_kept_until_the_end(
    tiny_encoder: Path, tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Compute] = []

    @contextmanager
    def keeping(compute: Compute) -> Iterator[None]:
        kept.append(compute)
        try:
            yield
        finally:
            kept.clear()

    monkeypatch.setattr(heap, "kept", keeping)
    model, compute = tiny(tiny_encoder), Compute("cpu", "bf16", "test")
    _, batches = sampler_of(tiny_tokenizer)
    settings = Settings(OptimConfig(), TrainConfig())
    steps = fit(model, batches, Course(4, 4, 8, frozenset()), compute, settings)
    next(steps)
    assert kept == [compute]
    assert families.embeddings(model.stock)._forward_hooks
    steps.close()  # type: ignore[attr-defined]
    assert not kept
