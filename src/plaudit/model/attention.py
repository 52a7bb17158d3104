"""How an encoder attends: within the pieces of a packed row, and by what is fastest here.

Axes: P pieces, S tokens of a row, B texts, T tokens, H heads, D head size.
"""

from __future__ import annotations

import functools
from itertools import repeat
from typing import Any

import torch
import torch.nn.functional as F

from plaudit.errors import ConfigError

ATTENTION = "plaudit"
FAMILIES = ("bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
"""Their forward hands position ids and the bounds on, and positions enter by embedding alone."""
HALF = (torch.bfloat16, torch.float16)
CACHED = 7 << 20
"""Bytes of scores at a time in answering: one text of 512 tokens and twelve heads."""


def enable(stock: Any) -> None:
    """Give an encoder of one of the families our attention."""
    if stock.config._attn_implementation == ATTENTION:
        return
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(ATTENTION, _attend)
    # Without a padding mask, as in packed batches, it makes none.
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    stock.set_attn_implementation(ATTENTION)


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within pieces; shapes as transformers has them, (1, H, S, D) in, (1, S, H, D) out."""
    bounds_P1 = settings.pop("cu_seq_lens_q", None)
    longest = settings.pop("max_length_q", None)
    dropout, scale = settings["dropout"], settings["scaling"]
    if bounds_P1 is None:
        if query.device.type == "cpu" and query.dtype == torch.bfloat16:
            given = (query, key, value, attention_mask, (dropout, scale))
            if query.requires_grad:
                return _by_products(*given), None
            if _products_answer_faster():
                return _part_by_part(*given), None
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, **settings)
        return attended, None
    if query.is_cuda and query.dtype in HALF:
        return _varlen(query, key, value, (bounds_P1, longest), dropout), None
    return _piece_by_piece(query, key, value, bounds_P1, (dropout, scale)), None


@functools.cache
def _products_answer_faster() -> bool:
    """Say whether products have instructions for bf16 here that the kernel, forward, does not use.

    Of those it uses AMX alone.
    """
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16")) and not has.get("amx_bf16")


def _part_by_part(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    settings: tuple[float, float],
) -> torch.Tensor:
    """Attend by plain products where nothing is learnt, few texts at a time, (B, T, H, D) out.

    So few that their scores stay in the cache: 0.6 to 0.8 of the kernel's time (docs/LOG.md).
    """
    of_a_text = query.shape[1] * query.shape[2] ** 2 * query.element_size()
    at_once = max(1, CACHED // of_a_text)
    parts = zip(*(torch.split(given, at_once) for given in (query, key, value)), strict=True)
    masks = (
        repeat(None)
        if mask is None
        else iter(torch.split(mask.expand(len(query), -1, -1, -1), at_once))
    )
    return torch.cat([_by_products(q, k, v, next(masks), settings) for q, k, v in parts])


def _by_products(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    settings: tuple[float, float],
) -> torch.Tensor:
    """Attend by plain products, shapes (B, H, T, D) in, (B, T, H, D) out.

    The fused kernel of torch goes backward through products in bf16 that the processor's
    instructions are not used for: four times slower than this, which in turn goes forward at two
    thirds of its speed where it has AMX (docs/LOG.md).
    """
    rate, scale = settings
    with torch.autocast("cpu", enabled=False):
        scores_BHTT = torch.matmul(query * scale, key.transpose(-1, -2))
        if mask is not None:
            away = torch.finfo(scores_BHTT.dtype).min
            # In place: the product does not need what it gave to go back.
            scores_BHTT += torch.zeros_like(mask, dtype=scores_BHTT.dtype).masked_fill_(~mask, away)
        into = None if scores_BHTT.requires_grad else scores_BHTT
        weights_BHTT = F.dropout(torch.softmax(scores_BHTT, dim=-1, out=into), rate)
        return torch.matmul(weights_BHTT, value).transpose(1, 2)


def _varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    spans: tuple[torch.Tensor, int],
    dropout: float,
) -> torch.Tensor:
    """Attend by the kernel of torch. It scales by the root of the head size, as the families do."""
    if dropout:
        raise ConfigError("the packed attention kernel has no dropout; set train.packed to false")
    from torch.nn.attention.varlen import varlen_attn

    bounds_P1, longest = spans
    query, key, value = (part[0].transpose(0, 1) for part in (query, key, value))
    attended = varlen_attn(query, key, value, bounds_P1, bounds_P1, longest, longest)
    assert isinstance(attended, torch.Tensor)  # noqa: S101 - a tuple only with return_aux
    return attended[None]


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _piece_by_piece(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds_P1: torch.Tensor,
    settings: tuple[float, float],
) -> torch.Tensor:
    """Attend by the plain kernel, one piece after the other: right anywhere, fast nowhere."""
    dropout, scale = settings
    sizes = bounds_P1.diff().tolist()
    parts = zip(*(torch.split(part, sizes, dim=2) for part in (query, key, value)), strict=True)
    attended = [
        F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, scale=scale) for q, k, v in parts
    ]
    return torch.cat(attended, dim=2).transpose(1, 2)
