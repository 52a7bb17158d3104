"""Matrices laid out for oneDNN give what plain ones give, and GELU is applied once."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

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
    assert [m.then for m in linear if isinstance(m, onednn.Laid)].count("none") == 10
    assert [m.then for m in linear if isinstance(m, onednn.Laid)].count("gelu") == 2
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
    other = half.twin(model)
    assert {m.then for m in other.modules() if isinstance(m, onednn.Laid)} == {"none"}
    assert sum(isinstance(m, nn.ReLU) for m in other.modules()) == 2
    found, exact = logits(other, texts(), BF16), logits(model, texts(), FP32)
    np.testing.assert_allclose(found, exact, atol=0.05)


@needs_onednn
def test_a_twin_answers_as_autocast_would_but_for_rounding(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder").eval()
    found = logits(half.twin(model), texts(), BF16)
    half.keep_states(model.stock)
    np.testing.assert_allclose(found, logits(model, texts(), BF16), atol=0.01)


@needs_onednn
def test_an_engine_can_be_copied(tmp_path: Path) -> None:
    engine = TorchEngine.of(tiny(tmp_path / "encoder"), BF16)
    other = copy.deepcopy(engine)
    assert other.model is not engine.model
    np.testing.assert_array_equal(other.logits(texts(), pad_id=0), engine.logits(texts(), pad_id=0))


@needs_onednn
def test_an_engine_answers_by_it(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder")
    engine = TorchEngine.of(model, BF16)
    assert engine.quick
    assert any(isinstance(m, onednn.Laid) for m in engine.quick.modules())
    found = engine.logits(texts(), pad_id=0)
    np.testing.assert_array_equal(found, logits(engine.quick, texts(), BF16))


@needs_onednn
def test_to_ask_whether_it_serves_draws_no_random_number() -> None:
    onednn._works.cache_clear()
    before = torch.get_rng_state()
    assert onednn.serves()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "lacking",
    ["", "_linear_pointwise", "_is_mkldnn_bf16_supported", "its signature", "switched off", "x86"],
)
def test_without_such_operators_or_such_a_processor_it_does_not_serve(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object) -> None:
        raise RuntimeError("expected other arguments")

    there: dict[str, object] = {
        "_is_mkldnn_bf16_supported": lambda: lacking != "_is_mkldnn_bf16_supported",
        "_is_mkldnn_acl_supported": lambda: lacking == "x86",
        "_reorder_linear_weight": SimpleNamespace(default=lambda weight: weight),
        "_linear_pointwise": SimpleNamespace(
            default=refusing if lacking == "its signature" else lambda states, *_: states
        ),
    }
    if lacking == "_linear_pointwise":
        del there[lacking]
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace(**there), raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: lacking != "switched off")
    onednn._works.cache_clear()
    try:
        assert onednn.serves() is (not lacking)
    finally:
        onednn._works.cache_clear()
