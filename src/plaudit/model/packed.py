"""Packed batches through a stock encoder: one row of texts, each attending to itself only.

Stock attention under sdpa would mix the texts of such a row without a word. So the encoder is given
an attention function of our own, which cuts at the texts' bounds and hands padded batches on to
sdpa.

Axes: P pieces, T tokens of the longest, S tokens of the row, H heads, D hidden or head size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch

from plaudit.errors import ConfigError
from plaudit.model import families
from plaudit.model.attention import FAMILIES, enable
from plaudit.model.device import Compute
from plaudit.text.packing import Spans

COUNTED_FROM_PADDING = ("camembert", "roberta", "xlm-roberta")
LARGEST_HEAD = 256
"""Of the kernel: https://docs.pytorch.org/docs/stable/nn.attention.varlen.html"""


@dataclass(frozen=True, slots=True)
class Form:
    """Whether batches are packed.

    Attributes
    ----------
    packed : bool
    reason : str
        One line for the report.
    """

    packed: bool
    reason: str


def choose(
    asked: Literal["auto"] | bool, stock: Any, compute: Compute, attention_dropout: float = 0.0
) -> Form:
    """Choose between packed and padded batches.

    Parameters
    ----------
    asked : "auto" or bool
        auto: packed where the device has a kernel that cuts at the texts' bounds.
    stock : transformers.PreTrainedModel
    compute : Compute
    attention_dropout : float
        The rate that training needs; the kernel has none.

    Returns
    -------
    Form

    Raises
    ------
    ConfigError
        True was asked for, and the model cannot, or would silently lose its attention dropout.
    """
    if asked is False:
        return Form(False, "padded batches were asked for")
    architecture = stock.config.model_type
    if architecture not in FAMILIES:
        lack = f"{architecture} cannot read packed batches ({', '.join(FAMILIES)} can)"
        return _refused(asked, lack, "Set train.packed to false.")
    lack = _kernel_lacks(stock.config, compute)
    if not lack and attention_dropout:
        lack = f"the packed kernel has no attention dropout ({attention_dropout} was asked for)"
        return _refused(asked, lack, "Set model.attention_dropout to 0, or train.packed to false.")
    if not lack:
        return Form(True, "the device attends to each text of a packed row by itself")
    if asked is True:
        return Form(True, f"packed batches were asked for; text by text, since {lack}")
    return Form(False, lack)


def _refused(asked: Literal["auto"] | bool, lack: str, remedy: str) -> Form:
    if asked is True:
        raise ConfigError(f"train.packed = true, but {lack}. {remedy}")
    return Form(False, lack)


def _kernel_lacks(config: Any, compute: Compute) -> str:
    """Say why ``varlen_attn`` cannot run; empty when it can."""
    if compute.device != "cuda":
        return f"{compute.device} has no attention kernel for packed batches"
    if compute.precision != "bf16":
        return f"the attention kernel for packed batches has no {compute.precision}"
    if torch.version.hip or not torch.backends.cuda.is_flash_attention_available():
        return "this build of torch has no attention kernel for packed batches"
    if torch.cuda.get_device_capability() < (8, 0):
        return f"{torch.cuda.get_device_name()} is too old for the packed attention kernel"
    head = config.hidden_size // config.num_attention_heads
    if head % 8 or head > LARGEST_HEAD:
        return f"the attention kernel for packed batches has no heads of size {head}"
    return ""


def states(
    stock: Any, ids_1S: torch.Tensor, spans: Spans, types_1S: torch.Tensor | None = None
) -> torch.Tensor:
    """Encode a packed row.

    Parameters
    ----------
    stock : transformers.PreTrainedModel
        Of one of ``FAMILIES``.
    ids_1S : Tensor of int64
    spans : Spans
    types_1S : Tensor of int64, optional
        Token types, of pairs.

    Returns
    -------
    Tensor, shape (S, D)
        As the padded path gives them for the same texts.
    """
    enable(stock)
    encoded = stock.base_model(
        input_ids=ids_1S,
        position_ids=positions(stock.config, ids_1S[0], spans)[None],
        cu_seq_lens_q=spans.bounds_P1,
        max_length_q=spans.longest,
        **families.types(stock.config, types_1S),
    )
    states_SD: torch.Tensor = encoded[0][0]
    return states_SD


def positions(config: Any, ids_S: torch.Tensor, spans: Spans) -> torch.Tensor:
    """Number the tokens of each piece as the architecture does, shape (S,)."""
    piece_S = _piece_of_token(spans, len(ids_S))
    first_P = spans.bounds_P1[:-1].long()
    if config.model_type not in COUNTED_FROM_PADDING:
        return torch.arange(len(ids_S), device=ids_S.device) - first_P[piece_S]
    # RoBERTa counts from padding_idx + 1 on and skips padding tokens, even one inside a text.
    padding = int(config.pad_token_id)
    real_S = ids_S.ne(padding).long()
    count_S = real_S.cumsum(0)
    # An empty piece, as fills a recorded row up, may begin behind the last token.
    before_P = (count_S - real_S)[first_P.clamp(max=len(ids_S) - 1)]
    return (count_S - before_P[piece_S]) * real_S + padding


def _piece_of_token(spans: Spans, tokens: int) -> torch.Tensor:
    # With its size named, the host need not wait for the device to count.
    return torch.repeat_interleave(spans.bounds_P1.diff(), output_size=tokens)


def spread(states_SD: torch.Tensor, spans: Spans) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad the states of a packed row, so that they are pooled by the same code as padded ones.

    Returns
    -------
    states_PTD : Tensor
    mask_PT : Tensor of int64
    """
    tokens, pieces = len(states_SD), len(spans.bounds_P1) - 1
    piece_S = _piece_of_token(spans, tokens)
    place_S = torch.arange(tokens, device=states_SD.device) - spans.bounds_P1[piece_S]
    flat = states_SD.new_zeros(pieces * spans.longest, states_SD.shape[1])
    flat = flat.index_copy(0, piece_S * spans.longest + place_S, states_SD)
    places_T = torch.arange(spans.longest, device=states_SD.device)
    mask_PT = (places_T < spans.bounds_P1.diff()[:, None]).long()
    return flat.view(pieces, spans.longest, -1), mask_PT
