"""Packed batches compute what padded ones compute."""

from __future__ import annotations

import inspect
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from plaudit.config import ModelConfig
from plaudit.errors import ConfigError
from plaudit.model import attention, families, infer, packed
from plaudit.model.build import build
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.text.batches import Batch
from plaudit.text.dataset import ReviewDataset, collate
from plaudit.text.encoded import Encoded
from plaudit.text.packing import PackedBatch, Spans, pack
from tests.conftest import save_encoder

CPU = Compute("cpu", "fp32", "test")
GPU = Compute("cuda", "bf16", "test")


def texts(pieces: tuple[int, ...] = (1, 1, 1, 1)) -> Encoded:
    """Make four texts of 5, 1, 12 and 3 tokens, a piece."""
    lengths = [n for n, count in zip((5, 1, 12, 3), pieces, strict=True) for _ in range(count)]
    ids = np.random.default_rng(4).integers(5, 40, sum(lengths)).astype(np.int32)
    return Encoded(
        ids,
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([[0], np.cumsum(pieces)]),
        np.full(4, 3),
        np.full(4, 3),
    )


def both(encoded: Encoded) -> tuple[Batch, PackedBatch]:
    data = ReviewDataset(encoded)
    return collate([data[n] for n in range(4)]), pack(encoded, range(4))


def tiny(folder: Path, family: str = "bert", windows: Any = "mean", **more: Any) -> Any:
    if not folder.exists():
        save_encoder(folder, family)
    torch.manual_seed(0)
    config = ModelConfig(encoder=str(folder), **more)
    model = build(config, ("bad", "good", "mixed"), max_tokens=32, window_pooling=windows)
    for part in families.head_parts(model.stock):
        for parameter in part.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def gradients(model: ReviewClassifier, inputs: tuple[Any, ...]) -> tuple[torch.Tensor, Any]:
    model.zero_grad()
    logits_BC = model(*inputs)
    F.cross_entropy(logits_BC, torch.tensor([0, 1, 2, 1])).backward()
    return logits_BC.detach(), {
        name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None
    }


@pytest.mark.parametrize("pooling", ["cls", "pooler", "mean", "max"])
@pytest.mark.parametrize("family", packed.FAMILIES)
def test_logits_and_gradients_are_those_of_the_padded_path(
    family: str, pooling: str, tmp_path: Path
) -> None:
    model = tiny(tmp_path / "encoder", family, pooling=pooling)
    padded, row = both(texts(pieces=(1, 3, 2, 1)))
    before_BC, wanted = gradients(model, padded.inputs)
    logits_BC, found = gradients(model, row.inputs)
    torch.testing.assert_close(logits_BC, before_BC, atol=1e-5, rtol=1e-5)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-5, msg=name)
    # The model reads padded batches as before, now that it has read a packed one.
    assert torch.equal(gradients(model, padded.inputs)[0], before_BC)


@pytest.mark.parametrize("windows", ["mean", "max"])
def test_windows_of_a_text_are_combined(windows: str, tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder", windows=windows)
    padded, row = both(texts(pieces=(2, 1, 3, 2)))
    with torch.no_grad():
        logits_BC = model(*row.inputs)
        torch.testing.assert_close(logits_BC, model(*padded.inputs), atol=1e-5, rtol=1e-5)
    assert logits_BC.shape == (4, 3)


def test_bf16_products_agree_within_bf16(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder")
    padded, row = both(texts())
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits_BC = model(*row.inputs).float()
        torch.testing.assert_close(logits_BC, model(*padded.inputs).float(), atol=3e-2, rtol=3e-2)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
@pytest.mark.parametrize("family", packed.FAMILIES)
def test_a_text_does_not_see_its_neighbours(family: str, pooling: str, tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder", family, pooling=pooling)
    row = pack(texts(), range(4))
    changed_1S = row.ids_1S.clone()
    changed_1S[0, 6:18] = changed_1S[0, 6:18].flip(0) % 30 + 6
    with torch.no_grad():
        before_BC, after_BC = model(*row.inputs), model(changed_1S, row.spans, row.owner_P)
    assert torch.equal(before_BC[[0, 1, 3]], after_BC[[0, 1, 3]])
    assert not torch.allclose(before_BC[2], after_BC[2], atol=1e-3)


def test_positions_restart_with_each_piece(tmp_path: Path) -> None:
    import transformers

    spans = Spans(torch.tensor([0, 3, 4, 6], dtype=torch.int32), 3, 3)
    ids_S = torch.tensor([5, 6, 7, 8, 9, 9])
    bert = packed.positions(transformers.BertConfig(), ids_S, spans)
    assert bert.tolist() == [0, 1, 2, 0, 0, 1]
    roberta = packed.positions(transformers.RobertaConfig(pad_token_id=1), ids_S, spans)
    assert roberta.tolist() == [2, 3, 4, 2, 2, 3]
    ids_S[1] = ids_S[4] = 1
    roberta = packed.positions(transformers.RobertaConfig(pad_token_id=1), ids_S, spans)
    assert roberta.tolist() == [2, 1, 3, 2, 1, 2]


def test_attention_dropout_is_not_lost(tmp_path: Path) -> None:
    row = pack(texts(), range(4))
    for rate, differs in ((0.5, True), (0.0, False)):
        model = tiny(tmp_path / "encoder", attention_dropout=rate, head_dropout=0.0).train()
        with torch.no_grad():
            assert torch.equal(model(*row.inputs), model(*row.inputs)) != differs


def reference(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *bounds: Any
) -> torch.Tensor:
    """Stand in for the kernel: tokens, heads, head size, as its documentation has it."""
    starts = bounds[0].tolist()
    parts = []
    for a, b in pairwise(starts):
        q, k, v = (part[a:b].transpose(0, 1) for part in (query, key, value))
        parts.append(F.scaled_dot_product_attention(q, k, v).transpose(0, 1))
    return torch.cat(parts)


def test_the_kernel_is_called_as_it_wants_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here is no device that has it; its signature is known, and so are its shapes."""
    from torch.nn.attention import varlen

    row = pack(texts(pieces=(1, 2, 1, 1)), range(4))
    model = tiny(tmp_path / "encoder")
    with torch.no_grad():
        expected_BC = model(*row.inputs)
    wants, seen = inspect.signature(varlen.varlen_attn), []

    def kernel(*given: Any, **named: Any) -> torch.Tensor:
        seen.append(wants.bind(*given, **named).arguments)
        return reference(*given)

    monkeypatch.setattr(varlen, "varlen_attn", kernel)
    monkeypatch.setattr(
        attention,
        "_piece_by_piece",
        lambda q, k, v, bounds, settings: attention._varlen(q, k, v, (bounds, 12), settings[0]),
    )
    with torch.no_grad():
        torch.testing.assert_close(model(*row.inputs), expected_BC, atol=1e-5, rtol=1e-5)
    assert len(seen) == 2
    assert seen[0]["query"].shape == (22, 4, 8)
    assert seen[0]["query"].is_contiguous()
    assert seen[0]["cu_seq_q"].dtype == seen[0]["cu_seq_k"].dtype == torch.int32
    assert seen[0]["max_q"] == seen[0]["max_k"] == 12
    with pytest.raises(ConfigError, match="no dropout"):
        attention._varlen(*torch.zeros(3, 1, 2, 4, 8), (row.spans.bounds_P1, 12), 0.1)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that there is a GPU with the kernel."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: True)


def test_auto_packs_where_a_kernel_is(tmp_path: Path, card: None) -> None:
    stock = tiny(tmp_path / "encoder").stock
    assert packed.choose("auto", stock, GPU).packed
    assert not packed.choose(False, stock, GPU).packed
    assert not packed.choose("auto", stock, CPU).packed
    assert packed.choose(True, stock, CPU).packed
    fp32 = packed.choose("auto", stock, Compute("cuda", "fp32", "test"))
    assert not fp32.packed
    assert "fp32" in fp32.reason
    mpnet = packed.choose("auto", tiny(tmp_path / "mpnet", "mpnet").stock, GPU)
    assert not mpnet.packed
    assert "mpnet cannot" in mpnet.reason


def test_auto_says_what_the_kernel_lacks(
    tmp_path: Path, card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock = tiny(tmp_path / "encoder").stock
    stock.config.num_attention_heads = 8
    assert "heads of size 4" in packed.choose("auto", stock, GPU).reason
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert "a card is too old" in packed.choose("auto", stock, GPU).reason
    monkeypatch.setattr(torch.backends.cuda, "is_flash_attention_available", lambda: False)
    form = packed.choose(True, stock, GPU)
    assert form.packed
    assert "text by text, since this build of torch" in form.reason


def test_a_kernel_without_dropout_is_not_taken_for_one_that_has_it(
    tmp_path: Path, card: None
) -> None:
    stock = tiny(tmp_path / "encoder").stock
    form = packed.choose("auto", stock, GPU, 0.1)
    assert not form.packed
    assert "no attention dropout (0.1" in form.reason
    with pytest.raises(ConfigError, match=r"Set model\.attention_dropout to 0"):
        packed.choose(True, stock, GPU, 0.1)
    assert packed.choose(True, stock, CPU, 0.1).packed


def test_packing_an_architecture_that_cannot_is_refused(tmp_path: Path) -> None:
    stock = tiny(tmp_path / "encoder", "deberta-v2").stock
    with pytest.raises(ConfigError, match=r"deberta-v2 cannot read packed.*train\.packed to false"):
        packed.choose(True, stock, CPU)


def test_inference_packs_where_a_kernel_is_and_answers_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, encoded = tiny(tmp_path / "encoder"), texts(pieces=(1, 2, 1, 3))
    padded_NC = infer.logits(model, encoded, CPU, batch_tokens=16)
    forms = []
    read = packed.states

    def noting(*given: Any) -> torch.Tensor:
        forms.append(given[2])
        return read(*given)

    monkeypatch.setattr(packed, "states", noting)
    assert not forms
    monkeypatch.setattr(packed, "choose", lambda *given: packed.Form(True, "test"))
    packed_NC = infer.logits(model, encoded, CPU, batch_tokens=16)
    assert [spans.texts for spans in forms] == [2, 1, 1]
    np.testing.assert_allclose(packed_NC, padded_NC, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_gpu_s_kernel_agrees_with_the_padded_path(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder").cuda()
    padded, row = (batch.to("cuda") for batch in both(texts(pieces=(1, 3, 2, 1))))
    results = []
    for batch in (padded, row):
        model.zero_grad()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            logits_BC = model(*batch.inputs).float()
        F.cross_entropy(logits_BC, torch.tensor([0, 1, 2, 1], device="cuda")).backward()
        grads = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        results.append((logits_BC.detach(), torch.cat(grads)))
    torch.testing.assert_close(results[0][0], results[1][0], atol=3e-2, rtol=3e-2)
    apart = (results[0][1] - results[1][1]).norm() / results[0][1].norm()
    assert apart < 5e-2
