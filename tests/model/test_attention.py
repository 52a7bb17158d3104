"""Attention by plain products is attention, and only where it is the faster one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from plaudit.model import attention, half
from plaudit.model.device import Compute
from tests.model.test_packed import both, texts, tiny

BF16, FP32 = Compute("cpu", "bf16", "test"), Compute("cpu", "fp32", "test")


def problem(dtype: torch.dtype) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Three texts of 40, 64 and 9 tokens, four heads of 16: query, key, value, and the mask."""
    random = torch.Generator().manual_seed(3)
    parts = [torch.randn(3, 4, 64, 16, generator=random) for _ in range(3)]
    lengths_B = torch.tensor([40, 64, 9])
    mask_B1TT = (torch.arange(64) < lengths_B[:, None])[:, None, None].expand(3, 1, 64, 64)
    return [part.to(dtype).requires_grad_() for part in parts], mask_B1TT


def solved(
    attend: Any, dtype: torch.dtype, mask: bool = True
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    parts, mask_B1TT = problem(dtype)
    attended_BTHD = attend(*parts, mask_B1TT if mask else None)
    random = torch.Generator().manual_seed(4)
    wanted = torch.randn(attended_BTHD.shape, generator=random).to(dtype)
    return attended_BTHD.float(), [
        g.float() for g in torch.autograd.grad(attended_BTHD, parts, wanted)
    ]


def products(*given: Any) -> torch.Tensor:
    return attention._by_products(*given, (0.0, 16**-0.5))


def kernel(query: Any, key: Any, value: Any, mask: Any) -> torch.Tensor:
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2)


@pytest.mark.parametrize("mask", [True, False])
def test_in_fp32_products_are_the_kernel(mask: bool) -> None:
    found, gradients = solved(products, torch.float32, mask)
    wanted, expected = solved(kernel, torch.float32, mask)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_in_bf16_they_are_about_as_far_from_fp32_as_the_kernel() -> None:
    exact, slopes = solved(kernel, torch.float32)
    distances = []
    for attend in (kernel, products):
        found, gradients = solved(attend, torch.bfloat16)
        pairs = [(found, exact), *zip(gradients, slopes, strict=True)]
        distances.append(
            [float((one - other).detach().norm() / other.detach().norm()) for one, other in pairs]
        )
    for by_kernel, by_products in zip(*distances, strict=True):
        assert by_products < max(1e-2, 2 * by_kernel)


def test_dropout_leaves_the_mean_and_takes_its_share() -> None:
    parts, mask = problem(torch.float32)
    value = torch.ones_like(parts[2])
    torch.manual_seed(0)
    found = attention._by_products(parts[0], parts[1], value, mask, (0.3, 0.25)).detach()
    # Weights sum to one: of ones, attention without dropout makes ones.
    assert found.std() > 0.05
    assert float(found.mean()) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ("compute", "family", "ours"),
    [
        (BF16, "bert", True),
        (BF16, "roberta", True),
        (BF16, "deberta-v2", False),
        (FP32, "bert", False),
        (Compute("cuda", "bf16", "test"), "bert", False),
    ],
)
def test_an_encoder_gets_it_where_it_is_faster(
    compute: Compute, family: str, ours: bool, tmp_path: Path
) -> None:
    stock = tiny(tmp_path / "encoder", family).stock
    half.prepare(stock, compute)
    assert (stock.config._attn_implementation == attention.ATTENTION) is ours


def test_a_twin_has_it_and_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = tiny(tmp_path / "encoder").eval()
    other = half.twin(model)
    assert other.stock.config._attn_implementation == attention.ATTENTION
    assert model.stock.config._attn_implementation != attention.ATTENTION


@pytest.mark.parametrize("mask", [True, False])
def test_where_nothing_is_learnt_scores_are_overwritten_and_answers_are_not(mask: bool) -> None:
    parts, mask_B1TT = problem(torch.bfloat16)
    plain = [part.detach() for part in parts]
    before = [part.clone() for part in plain]
    exact, _ = solved(kernel, torch.float32, mask)
    distances = []
    for attend in (kernel, lambda *given: attention._part_by_part(*given, (0.0, 16**-0.5))):
        found = attend(*plain, mask_B1TT if mask else None).float()
        distances.append(float((found - exact.detach()).norm() / exact.detach().norm()))
    assert distances[1] < max(1e-2, 2 * distances[0])
    for part, was in zip(plain, before, strict=True):
        torch.testing.assert_close(part, was, atol=0, rtol=0)


@pytest.mark.parametrize("learnt", [0, 1, 2])
def test_one_part_alone_can_be_learnt(learnt: int) -> None:
    parts, mask_B1TT = problem(torch.float32)
    slopes = []
    for attend in (products, kernel):
        given = [part.detach().requires_grad_(n == learnt) for n, part in enumerate(parts)]
        attend(*given, mask_B1TT).square().sum().backward()
        slopes.append(given[learnt].grad)
    torch.testing.assert_close(slopes[0], slopes[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_few_texts_at_a_time_attend_as_all_do(
    mask: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, mask_B1TT = problem(torch.bfloat16)
    given = (*(part.detach() for part in parts), mask_B1TT if mask else None)
    wanted = products(*(part.clone() for part in given[:3]), given[3])
    seen: list[int] = []
    own = attention._by_products

    def counted(*inner: Any) -> torch.Tensor:
        seen.append(len(inner[0]))
        return own(*inner)

    monkeypatch.setattr(attention, "_by_products", counted)
    monkeypatch.setattr(attention, "CACHED", at_once * 4 * 64 * 64 * 2)
    found = attention._part_by_part(*given, (0.0, 16**-0.5))
    assert seen == {1: [1, 1, 1], 2: [2, 1], 3: [3]}[at_once]
    torch.testing.assert_close(found, wanted, atol=0, rtol=0)


@pytest.mark.parametrize("amx", [True, False])
def test_training_goes_by_products_and_answering_by_what_is_faster(
    amx: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, (padded, _) = tiny(tmp_path / "encoder"), both(texts())
    before_BC = model(*padded.inputs)
    monkeypatch.setattr(attention, "_products_answer_faster", lambda: not amx)
    half.prepare(model.stock, BF16)
    calls: list[bool] = []
    own = attention._by_products

    def counted(*given: Any) -> torch.Tensor:
        calls.append(True)
        return own(*given)

    monkeypatch.setattr(attention, "_by_products", counted)
    with torch.autocast("cpu", torch.bfloat16):
        logits_BC = model(*padded.inputs)
        layers = len(calls)
        with torch.no_grad():
            answer_BC = model(*padded.inputs)
    assert (layers, len(calls)) == (2, 2 if amx else 4)
    for found_BC in (logits_BC, answer_BC):
        torch.testing.assert_close(found_BC.float(), before_BC, atol=5e-2, rtol=5e-2)
    # In fp32 the kernel is the faster one either way.
    before = len(calls)
    model(*padded.inputs)
    assert len(calls) == before


@pytest.mark.parametrize(
    ("has", "products"),
    [(["avx512_bf16"], True), (["avx512_bf16", "amx_bf16"], False), (["avx2"], False)],
)
def test_products_answer_where_the_kernel_leaves_instructions_unused(
    has: list[str], products: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(has, True))
    assert attention._products_answer_faster.__wrapped__() is products
