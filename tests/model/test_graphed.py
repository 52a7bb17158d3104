"""A recorded encoder computes what the encoder computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from plaudit.config import Config
from plaudit.errors import ConfigError
from plaudit.model import graphed, packed
from plaudit.model.device import Compute
from plaudit.text.packing import PackedBatch, pack
from plaudit.text.sampling import TokenBudgetSampler
from tests.model.test_packed import gradients, texts, tiny

GPU = Compute("cuda", "bf16", "test")
PACKED = packed.Form(True, "test")


def as_recorded(stock: Any, shape: graphed.Shape) -> graphed.RowGraph:
    """Make what a recording would be made of, without the recording, which needs a GPU."""
    encoder = graphed.RowEncoder(stock.base_model, shape.longest)
    weights = graphed.trained(stock.base_model)
    return graphed.RowGraph(encoder, shape, weights, pad_id=stock.config.pad_token_id)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
@pytest.mark.parametrize("family", packed.FAMILIES)
def test_padding_that_fills_the_row_changes_nothing(
    family: str, pooling: str, tmp_path: Path
) -> None:
    model = tiny(tmp_path / "encoder", family, pooling=pooling)
    row = pack(texts(pieces=(1, 3, 2, 1)), range(4))
    before_BC, wanted = gradients(model, row.inputs)
    model.zero_grad()
    model.graph = as_recorded(model.stock, graphed.Shape(tokens=75, pieces=12, longest=13))
    assert model.graph.takes(row.ids_1S, row.spans)
    logits_BC, found = gradients(model, row.inputs)
    torch.testing.assert_close(logits_BC, before_BC, atol=1e-6, rtol=1e-5)
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-6, rtol=1e-4, msg=name)


def test_the_graph_is_what_encodes(tmp_path: Path) -> None:
    model, row = tiny(tmp_path / "encoder"), pack(texts(), range(4))
    seen: list[tuple[int, ...]] = []
    model.graph = as_recorded(model.stock, graphed.Shape(tokens=40, pieces=8, longest=12))
    inner = model.graph._encode

    def counted(ids_1S: torch.Tensor, bounds_P1: torch.Tensor) -> torch.Tensor:
        seen.append((*ids_1S.shape, *bounds_P1.shape))
        return inner(ids_1S, bounds_P1)

    model.graph._encode = counted
    model(*row.inputs)
    assert seen == [(1, 40, 9)]


@pytest.mark.parametrize(
    ("shape", "taken"),
    [
        (graphed.Shape(tokens=21, pieces=4, longest=12), True),
        (graphed.Shape(tokens=20, pieces=4, longest=12), False),  # too many tokens
        (graphed.Shape(tokens=21, pieces=3, longest=12), False),  # too many pieces
        (graphed.Shape(tokens=45, pieces=6, longest=12), True),
        (graphed.Shape(tokens=46, pieces=6, longest=12), False),  # padding of three pieces
    ],
)
def test_a_row_that_does_not_fit_is_encoded_as_it_is(
    shape: graphed.Shape, taken: bool, tmp_path: Path
) -> None:
    model, row = tiny(tmp_path / "encoder"), pack(texts(), range(4))
    before_BC = model(*row.inputs)
    model.graph = as_recorded(model.stock, shape)
    assert model.graph.takes(row.ids_1S, row.spans) is taken
    torch.testing.assert_close(model(*row.inputs), before_BC, atol=1e-6, rtol=1e-5)


def test_no_second_gradient_is_written_over_the_first(tmp_path: Path) -> None:
    model, row = tiny(tmp_path / "encoder"), pack(texts(), range(4))
    model.graph = as_recorded(model.stock, graphed.Shape(tokens=40, pieces=8, longest=12))
    model(*row.inputs).sum().backward()
    assert not model.graph.takes(row.ids_1S, row.spans)
    model.zero_grad()
    assert model.graph.takes(row.ids_1S, row.spans)
    with torch.no_grad():
        assert not model.graph.takes(row.ids_1S, row.spans)
    model.graph.release()
    assert not model.graph.takes(row.ids_1S, row.spans)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_an_encoder_that_is_frozen_whole_is_not_recorded(family: str, tmp_path: Path) -> None:
    """BERT's pooler is still trained then, but the states do not depend on it."""
    model = tiny(tmp_path / "encoder", family, freeze_layers=2)
    assert graphed.trained(model.stock.base_model) == []
    with pytest.raises(RuntimeError, match="none of its weights"):
        graphed._record(model.stock, graphed.Shape(40, 8, 12), GPU)


@pytest.mark.parametrize(
    "section",
    [
        {"train": {"cuda_graphs": False}},
        {"train": {"batch_examples": 8}},
        {"train": {"batch_tokens": 100_000}},
        {"train": {"accumulation": 2}},
        {"data": {"text_pair": "other"}},
        {"craft": {"fgm": 0.1}},
        {"craft": {"rdrop": 1.0}},
        {"craft": {"unfreeze_fraction": 0.5}},
        {"lora": {"rank": 4}},
    ],
)
def test_where_a_recording_would_be_wrong_there_is_none(section: dict[str, Any]) -> None:
    assert graphed.why_not(Config(), PACKED, GPU) is None
    assert graphed.why_not(Config(**section), PACKED, GPU)
    assert graphed.why_not(Config(), packed.Form(False, "padded"), GPU)


def test_asking_for_what_cannot_be_says_why() -> None:
    config = Config(train={"cuda_graphs": True})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not packed on a GPU"):
        graphed.why_not(config, packed.Form(False, "padded"), Compute("cpu", "fp32", "test"))


@pytest.mark.parametrize("asked", ["auto", True])
def test_a_recording_that_fails_is_said_and_done_without(
    asked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(graphed, "_record", fails)
    model, said = tiny(tmp_path / "encoder"), []
    sampler = TokenBudgetSampler(texts(), 32, packed=True)
    config = Config(train={"cuda_graphs": asked})  # type: ignore[arg-type]
    if asked is True:
        with pytest.raises(ConfigError, match="stream is capturing"):
            graphed.recorded(config, model.stock, sampler, PACKED, GPU, said.append)
        return
    assert graphed.recorded(config, model.stock, sampler, PACKED, GPU, said.append) is None
    assert "stream is capturing" in said[0]


def test_the_shape_is_that_of_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[graphed.Shape] = []
    monkeypatch.setattr(graphed, "_record", lambda stock, shape, compute: shapes.append(shape))
    model = tiny(tmp_path / "encoder")
    sampler = TokenBudgetSampler(texts(pieces=(1, 3, 2, 1)), 36, packed=True)
    config = Config(train={"batch_tokens": 36})  # type: ignore[arg-type]
    graphed.recorded(config, model.stock, sampler, PACKED, GPU, print)
    # All seven pieces are in one batch; a quarter more, and one for padding.
    assert shapes == [graphed.Shape(tokens=36, pieces=10, longest=12)]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="records for a GPU")
def test_the_gpu_replays_what_it_would_have_launched(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder", head_dropout=0.0).to("cuda").train()
    shape = graphed.Shape(tokens=64, pieces=10, longest=12)
    rows = [pack(texts(), order).to("cuda") for order in ([0, 1, 2, 3], [2, 0], [3, 1, 2])]

    def course(graph: graphed.RowGraph | None) -> list[float]:
        model.graph = graph
        state = {name: value.clone() for name, value in model.state_dict().items()}
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
        losses = [step(optimizer, row) for row in rows * 3]
        model.load_state_dict(state)
        return losses

    def step(optimizer: torch.optim.Optimizer, row: PackedBatch) -> float:
        optimizer.zero_grad()
        assert model.graph is None or model.graph.takes(row.ids_1S, row.spans)
        with torch.autocast("cuda", torch.bfloat16):
            logits_BC = model(*row.inputs)
        loss = F.cross_entropy(logits_BC.float(), row.rows_B % 2)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    wanted = course(None)
    found = course(graphed._record(model.stock, shape, GPU))
    np.testing.assert_allclose(found, wanted, rtol=3e-2)
