"""Texts of one label come together, and the head is the regression that was fitted on them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit.config import Config, ContrastConfig, ModelConfig, OptimConfig, TextConfig, load
from plaudit.model import families
from plaudit.model.build import build
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.model.infer import logits, padded
from plaudit.text.encode import Encoded, TextEncoder
from plaudit.train.contrast import (
    _vectors,
    contrast,
    draw,
    fit_head,
    head_inputs,
    supervised_contrast,
)
from plaudit.train.craft import Craft
from plaudit.train.imbalance import balance
from tests.conftest import save_encoder

CPU = Compute("cpu", "fp32", "test")
TEXTS = [
    "a good film", "the movie was great", "lovely actor", "fine plot and best film",
    "a bad film", "the movie was awful", "dull actor", "poor plot and worst film",
]  # fmt: skip
TARGETS = np.array([1, 1, 1, 1, 0, 0, 0, 0])


def built(encoder: Path, labels: tuple[str, ...] = ("bad", "good"), **more: Any) -> Any:
    torch.manual_seed(0)
    config = ModelConfig(encoder=str(encoder), **more)
    return build(config, labels, max_tokens=32, window_pooling="mean")


@pytest.fixture(scope="module")
def texts(tiny_tokenizer: Any) -> Encoded:
    return TextEncoder(tiny_tokenizer, TextConfig(max_tokens=32)).encode(TEXTS)


def loss_of(model: ReviewClassifier, texts: Encoded) -> float:
    vectors = torch.as_tensor(head_inputs(model, texts, CPU, pad_id=0))
    return float(supervised_contrast(vectors, torch.as_tensor(TARGETS), 0.1))


def test_the_loss_is_khoslas_equation_2() -> None:
    random = np.random.default_rng(0)
    vectors, targets, heat = random.normal(size=(5, 3)), [0, 1, 0, 1, 1], 0.5
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = 0.0
    for i in range(5):
        others = [a for a in range(5) if a != i]
        below = sum(math.exp(unit[i] @ unit[a] / heat) for a in others)
        same = [p for p in others if targets[p] == targets[i]]
        logs = [math.log(math.exp(unit[i] @ unit[p] / heat) / below) for p in same]
        expected -= sum(logs) / len(same) / 5
    found = supervised_contrast(torch.as_tensor(vectors), torch.tensor(targets), heat)
    assert float(found) == pytest.approx(expected, abs=1e-9)


def test_a_step_has_as_many_texts_of_each_label() -> None:
    targets = np.array([0] * 20 + [1] * 3 + [2] * 9)
    rows = draw(targets, 15, np.random.default_rng(0))
    assert Counter(targets[rows].tolist()) == {0: 5, 1: 5, 2: 5}
    assert set(np.flatnonzero(targets == 1)) <= set(rows.tolist())
    assert len(draw(targets, 4, np.random.default_rng(0))) == 6


def test_texts_of_one_label_come_together(tiny_encoder: Path, texts: Encoded) -> None:
    model = built(tiny_encoder)
    before, frozen = loss_of(model, texts), built(tiny_encoder, freeze_layers=2)
    settings = ContrastConfig(steps=15, lr=3e-3, texts=8)
    config = Config(contrast=settings, optim=OptimConfig(layer_decay=1.0))
    contrast(model, texts, TARGETS, config, CPU, pad_id=0)
    assert loss_of(model, texts) < before - 0.3
    assert (logits(model, texts, CPU).argmax(axis=1) == TARGETS).all()
    contrast(frozen, texts, TARGETS, config, CPU, pad_id=0)
    assert loss_of(frozen, texts) == pytest.approx(before, abs=1e-5)


def test_a_processor_in_bf16_is_prepared_for(tiny_encoder: Path, texts: Encoded) -> None:
    model, config = built(tiny_encoder), Config(contrast=ContrastConfig(steps=1, texts=8))
    contrast(model, texts, TARGETS, config, Compute("cpu", "bf16", "test"), pad_id=0)
    assert families.embeddings(model.stock)._forward_hooks


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "deberta-v2", "modernbert"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_logits_are_those_of_the_regression(
    family: str, classes: int, tmp_path: Path, texts: Encoded
) -> None:
    from sklearn.linear_model import LogisticRegression

    labels, targets = ("a", "b", "c")[:classes], np.arange(8) % classes
    model = built(save_encoder(tmp_path / "encoder", family), labels).eval()
    fit_head(model, texts, targets, CPU, pad_id=0)
    features = head_inputs(model, texts, CPU, pad_id=0)
    found = logits(model, texts, CPU)
    probabilities = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    near = [
        np.abs(
            LogisticRegression(C=strength, max_iter=2000)
            .fit(features, targets)
            .predict_proba(features)
            - probabilities
        ).max()
        for strength in (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)
    ]
    assert min(near) < 1e-4


def test_one_text_a_label_is_enough_for_a_head(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    two = TextEncoder(tiny_tokenizer, TextConfig(max_tokens=32)).encode([TEXTS[0], TEXTS[4]])
    model = built(tiny_encoder)
    fit_head(model, two, np.array([1, 0]), CPU, pad_id=0)
    assert logits(model, two, CPU).argmax(axis=1).tolist() == [1, 0]


def test_the_texts_of_a_pair_are_told_apart(tiny_encoder: Path, texts: Encoded) -> None:
    model = built(tiny_encoder).eval()
    (batch,) = padded(texts, 1000, 0)
    types_PT = (torch.arange(batch.ids_PT.shape[1]) > 2) * batch.mask_PT
    typed = replace(batch, types_PT=types_PT)
    states_PTD = model.stock.base_model(
        input_ids=batch.ids_PT, attention_mask=batch.mask_PT, token_type_ids=types_PT
    )[0]
    expected = model.pool(states_PTD, batch.mask_PT)
    torch.testing.assert_close(_vectors(model, typed), expected)
    assert not torch.allclose(_vectors(model, batch), expected, atol=1e-3)


def test_a_fitted_head_knows_the_real_shares_already(tiny_encoder: Path, texts: Encoded) -> None:
    settings = [
        "imbalance.method=weights", "imbalance.prior_correction=true", "contrast.steps=1",
    ]  # fmt: skip
    unequal = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    model = built(tiny_encoder)
    fit_head(model, texts, unequal, CPU, pad_id=0)
    before = families.classification(model.stock).bias.clone()
    config = load(None, settings)
    craft = Craft(model, config, balance(config.imbalance, unequal, "ab", 0), None)
    torch.testing.assert_close(families.classification(model.stock).bias, before)
    assert craft._shift_C is not None  # training still sees the shares that weights show
