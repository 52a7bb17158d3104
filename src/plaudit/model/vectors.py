"""Encoded text → embeddings: one vector a text, or one a token.

Axes: N texts, P pieces, B texts of a batch, T tokens, D size of a vector.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import torch

from plaudit.errors import ConfigError
from plaudit.model.device import Compute
from plaudit.model.infer import autocast, in_order, padded
from plaudit.text.batches import Batch
from plaudit.text.encoded import Encoded

Pooling = Literal["cls", "mean", "max", "last_four"]
LAST = 4


def size(encoder: Any, pooling: Pooling) -> int:
    """Return the length of a vector.

    Raises
    ------
    ConfigError
        ``last_four`` of an encoder with fewer layers.
    """
    layers = int(encoder.config.num_hidden_layers)
    if pooling == "last_four" and layers < LAST:
        raise ConfigError(f"pooling = 'last_four', but the encoder has {layers} layers; use 'mean'")
    return int(encoder.config.hidden_size) * (LAST if pooling == "last_four" else 1)


def vectors(
    encoder: Any, encoded: Encoded, compute: Compute, pooling: Pooling, *, pad_id: int = 0
) -> np.ndarray:
    """Embed encoded texts.

    Parameters
    ----------
    encoder : transformers.PreTrainedModel
        Without a head, on ``compute.device``, in evaluation mode.
    encoded : Encoded
    compute : Compute
    pooling : {"cls", "mean", "max", "last_four"}
        The first token's state; the mean or maximum over all tokens, special ones included; or the
        mean over tokens of the last four layers' states, one after the other (Devlin et al. 2019,
        table 7: the best features of a frozen BERT). Of a text in several windows: the mean over
        all tokens of all of them, the maximum, or the mean of their first tokens.
    pad_id : int

    Returns
    -------
    ndarray of float32, shape (N, D)
    """
    if pooling not in get_args(Pooling):
        raise ConfigError(f"pooling is {pooling!r}; it can be {', '.join(get_args(Pooling))}.")

    def run(batch: Batch) -> np.ndarray:
        on = batch.to(compute.device)
        states_PTD = _states(encoder, on, last_four=pooling == "last_four")
        return _pooled(states_PTD, on, pooling).cpu().numpy()

    shape = (len(encoded), size(encoder, pooling))
    batches = padded(encoded, compute.tokens_at_once, pad_id)
    with torch.inference_mode(), autocast(compute):
        return in_order(batches, run, shape)


def token_vectors(
    encoder: Any, encoded: Encoded, compute: Compute, *, pad_id: int = 0
) -> list[np.ndarray]:
    """Embed every token of encoded texts, special tokens included.

    Returns
    -------
    list of ndarray of float32, each of shape (T, D)
        In the order of ``encoded``; the windows of a text one after the other.
    """
    found: list[list[np.ndarray]] = [[] for _ in range(len(encoded))]
    with torch.inference_mode(), autocast(compute):
        for batch in padded(encoded, compute.tokens_at_once, pad_id):
            states_PTD = _states(encoder, batch.to(compute.device), last_four=False).cpu()
            for piece, owner in enumerate(batch.owner_P.tolist()):
                real = batch.mask_PT[piece].bool()
                found[int(batch.rows_B[owner])].append(states_PTD[piece, real].numpy())
    return [np.concatenate(pieces) for pieces in found]


def _states(encoder: Any, batch: Batch, *, last_four: bool) -> torch.Tensor:
    output = encoder(
        input_ids=batch.ids_PT, attention_mask=batch.mask_PT, output_hidden_states=last_four
    )
    states: torch.Tensor = (
        torch.cat(output.hidden_states[-LAST:], dim=-1) if last_four else output[0]
    )
    return states.float()


def _pooled(states_PTD: torch.Tensor, batch: Batch, pooling: Pooling) -> torch.Tensor:
    """Pool over the tokens of each piece, then over the pieces of each text, shape (B, D)."""
    shape = (int(batch.owner_P[-1]) + 1, states_PTD.shape[-1])
    if pooling == "max":
        piece_PD = states_PTD.masked_fill(batch.mask_PT[..., None] == 0, -torch.inf).amax(dim=1)
        index_PD = batch.owner_P[:, None].expand_as(piece_PD)
        return piece_PD.new_zeros(shape).scatter_reduce(
            0, index_PD, piece_PD, "amax", include_self=False
        )
    if pooling == "cls":
        sum_PD = states_PTD[:, 0]
        count_P = torch.ones_like(batch.owner_P)
    else:
        sum_PD = (states_PTD * batch.mask_PT[..., None]).sum(dim=1)
        count_P = batch.mask_PT.sum(dim=1)
    sum_BD = sum_PD.new_zeros(shape).index_add(0, batch.owner_P, sum_PD)
    count_B = count_P.new_zeros(shape[0]).index_add(0, batch.owner_P, count_P)
    return sum_BD / count_B[:, None]
