"""bf16 on a processor changes what is kept between layers and how long it takes, not the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from plaudit.model import attention, families, half, onednn
from plaudit.model.device import Compute
from plaudit.model.infer import TorchEngine, logits
from tests.model.test_packed import both, texts, tiny

BF16, FP32 = Compute("cpu", "bf16", "test"), Compute("cpu", "fp32", "test")


def seen_by_layers(stock: Any, batch: Any, precision: torch.dtype | None) -> list[torch.dtype]:
    """Return the precision in which each layer is handed its states."""
    found: list[torch.dtype] = []
    hooks = [
        layer.register_forward_pre_hook(lambda _, given: found.append(given[0].dtype))
        for layer in families.layers(stock)
    ]
    with torch.autocast("cpu", precision, enabled=precision is not None):
        stock.base_model(input_ids=batch.ids_PT, attention_mask=batch.mask_PT)
    for hook in hooks:
        hook.remove()
    return found


@pytest.mark.parametrize("family", attention.FAMILIES)
def test_states_stay_in_what_products_are_cast_to(family: str, tmp_path: Path) -> None:
    model, (padded, _) = tiny(tmp_path / "encoder", family), both(texts())
    assert torch.float32 in seen_by_layers(model.stock, padded, torch.bfloat16)
    half.prepare(model.stock, BF16)
    assert seen_by_layers(model.stock, padded, torch.bfloat16) == [torch.bfloat16] * 2
    assert seen_by_layers(model.stock, padded, None) == [torch.float32] * 2


def test_prepared_twice_it_is_as_once(tmp_path: Path) -> None:
    stock = tiny(tmp_path / "encoder").stock
    half.prepare(stock, BF16)
    half.prepare(stock, BF16)
    assert len(families.embeddings(stock)._forward_hooks) == 1


@pytest.mark.parametrize("compute", [FP32, Compute("cuda", "bf16", "test")])
def test_elsewhere_nothing_is_changed(compute: Compute, tmp_path: Path) -> None:
    stock = tiny(tmp_path / "encoder").stock
    half.prepare(stock, compute)
    assert not families.embeddings(stock)._forward_hooks


def test_gradients_reach_the_embeddings_in_fp32(tmp_path: Path) -> None:
    model, (padded, _) = tiny(tmp_path / "encoder"), both(texts())
    exact = gradient(model, padded, None)
    half.prepare(model.stock, BF16)
    found = gradient(model, padded, torch.bfloat16)
    assert found.dtype == torch.float32
    assert torch.cosine_similarity(found.flatten(), exact.flatten(), dim=0) > 0.99


def gradient(model: Any, batch: Any, precision: torch.dtype | None) -> torch.Tensor:
    table = model.stock.get_input_embeddings().weight
    with torch.autocast("cpu", precision, enabled=precision is not None):
        logits_BC = model(*batch.inputs)
    (found,) = torch.autograd.grad(logits_BC.float()[:, 0].sum(), table)
    return found


def test_without_onednn_a_twin_answers_as_autocast_would_and_shares_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onednn, "serves", lambda: False)
    model = tiny(tmp_path / "encoder").eval()
    other = half.twin(model)
    mine = dict(model.named_parameters())
    layers = {name for name in mine if ".layer." in name}
    own = {name for name, p in other.named_parameters() if p is not mine[name]}
    matrices = {
        f"{name}.{part}"
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and ".layer." in name
        for part in ("weight", "bias")
    }
    assert own == matrices < layers
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert {dict(other.named_parameters())[name].dtype for name in own} == {torch.bfloat16}
    half.prepare(model.stock, BF16)
    encoded = texts()
    np.testing.assert_array_equal(logits(other, encoded, BF16), logits(model, encoded, BF16))


@pytest.mark.parametrize(
    ("family", "compute", "quick"),
    [("bert", BF16, True), ("bert", FP32, False), ("deberta-v2", BF16, False)],
)
def test_an_engine_answers_by_it_where_it_is_made_for(
    family: str, compute: Compute, quick: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onednn, "serves", lambda: False)
    model = tiny(tmp_path / "encoder", family)
    engine = TorchEngine.of(model, compute)
    assert (engine.quick is not None) is quick
    assert engine.model is model
    found = engine.logits(texts(), pad_id=0)
    exact = logits(model, texts(), FP32)
    np.testing.assert_allclose(found, exact, atol=0.05 if compute is BF16 else 0)
    if quick:  # by the twin, whose states are in bf16, not by the model, whose are not
        assert not np.array_equal(found, logits(model, texts(), compute))
        half.prepare(model.stock, compute)
        np.testing.assert_array_equal(found, logits(model, texts(), compute))


def test_a_mean_over_many_tokens_is_taken_in_fp32(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder")
    random = torch.Generator().manual_seed(5)
    states_PTD = torch.randn(2, 500, 32, generator=random).to(torch.bfloat16)
    mask_PT = (torch.arange(500) < torch.tensor([[500], [301]])).long()
    assert model.pooling == "mean"
    found, exact = model.pool(states_PTD, mask_PT), model.pool(states_PTD.float(), mask_PT)
    assert torch.equal(found, exact.to(torch.bfloat16))
