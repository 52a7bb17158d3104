"""Matrices laid out for oneDNN give what plain ones give, and GELU is applied once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from plaudit.model import attention, families, half, onednn
from plaudit.model.device import Compute
from plaudit.model.infer import TorchEngine, logits
from tests.model.test_packed import texts, tiny

BF16, FP32 = Compute("cpu", "bf16", "test"), Compute("cpu", "fp32", "test")
needs_onednn = pytest.mark.skipif(
    not onednn.serves(), reason="no products of oneDNN in bf16 on this processor"
)


@needs_onednn
@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_gives_what_its_parts_give(gelu: bool, bias: bool) -> None:
    torch.manual_seed(0)
    linear, states = nn.Linear(40, 24, bias=bias), torch.randn(3, 5, 40)
    found = onednn.Laid(linear, gelu=gelu)(states)
    exact = linear(states)
    exact = torch.nn.functional.gelu(exact) if gelu else exact
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), exact, atol=0.02, rtol=0.02)


@needs_onednn
@pytest.mark.parametrize("family", attention.FAMILIES)
def test_a_laid_out_encoder_answers_as_the_plain_one(family: str, tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder", family).eval()
    with torch.no_grad():  # so large that an activation left out, or done twice, shows
        for layer in families.layers(model.stock):
            for module in layer.modules():
                if isinstance(module, nn.Linear):
                    module.weight.mul_(8)
    other = half.twin(model)
    linear = [m for each in families.layers(other.stock) for m in each.modules()]
    assert not [m for m in linear if isinstance(m, nn.Linear)]
    assert sum(isinstance(m, onednn.Laid) for m in linear) == 12
    found, exact = logits(other, texts(), BF16), logits(model, texts(), FP32)
    np.testing.assert_allclose(found, exact, atol=0.05)
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert any(isinstance(m, nn.Linear) for m in families.layers(model.stock)[0].modules())


@needs_onednn
def test_another_activation_stays(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder").eval()
    model.stock.config.hidden_act = "relu"
    for layer in families.layers(model.stock):
        layer.intermediate.intermediate_act_fn = nn.ReLU()
        with torch.no_grad():
            layer.intermediate.dense.weight.mul_(8)
    found, exact = (
        logits(half.twin(model), texts(), BF16),
        logits(model, texts(), FP32),
    )
    np.testing.assert_allclose(found, exact, atol=0.05)


@needs_onednn
def test_an_engine_answers_by_it(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder")
    engine = TorchEngine.of(model, BF16)
    assert engine.quick
    assert any(isinstance(m, onednn.Laid) for m in engine.quick.modules())
    found = engine.logits(texts(), pad_id=0)
    np.testing.assert_array_equal(found, logits(engine.quick, texts(), BF16))


@pytest.mark.parametrize("there", [False, True])
def test_without_such_operators_or_such_a_processor_it_does_not_serve(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Operators:
        def __init__(self) -> None:
            if there:
                self._linear_pointwise = self._reorder_linear_weight = lambda *_: None
                self._is_mkldnn_bf16_supported = lambda: False

    monkeypatch.setattr(torch.ops, "mkldnn", Operators(), raising=False)
    assert not onednn.serves()
