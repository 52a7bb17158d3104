"""Encoder, pooling, head: padded or packed pieces of text → one row of logits a text.

Axes: B texts, P pieces, T tokens, D hidden size, C classes.
"""

from __future__ import annotations

import copy
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from plaudit.model import families, graphed, packed
from plaudit.text.packing import Spans

Pooling = Literal["cls", "pooler", "mean", "max"]
WindowPooling = Literal["mean", "max"]

MEAN_WEIGHT = 1024.0
"""Weight of the mean over the first token's own state in mean pooling. An encoder layer always adds
its input (the residual), so a stock layer that averages can make that part small, not zero."""


class ReviewClassifier(nn.Module):
    """A stock sequence classifier with a choice of pooling.

    Parameters
    ----------
    stock : transformers.PreTrainedModel
        An ``AutoModelForSequenceClassification``.
    pooling : {"cls", "pooler", "mean", "max"}
    window_pooling : {"mean", "max"}
        How the logits of several pieces of one text are combined.

    Attributes
    ----------
    graph : plaudit.model.graphed.RowGraph or None
        What encodes packed rows in training, where it was recorded.
    """

    def __init__(self, stock: Any, pooling: Pooling, window_pooling: WindowPooling) -> None:
        super().__init__()
        self.stock = stock
        self.pooling = pooling
        self.window_pooling = window_pooling
        self.graph: graphed.RowGraph | None = None

    def forward(
        self,
        ids_PT: torch.Tensor,
        mask_PT: torch.Tensor | Spans,
        owner_P: torch.Tensor,
        types_PT: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Classify.

        Parameters
        ----------
        ids_PT : Tensor of int64
            Padded pieces, or all pieces in one row.
        mask_PT : Tensor of int64, or Spans
            Which tokens are real; or where the pieces of the one row are.
        owner_P : Tensor of int64
            Ascending: the text that each piece belongs to.
        types_PT : Tensor of int64, optional
            Token types, of pairs; read by encoders that have them.

        Returns
        -------
        Tensor, shape (B, C)
            Logits, in the precision of the head.
        """
        if isinstance(mask_PT, Spans):
            states_SD = graphed.states(self.graph, self.stock, ids_PT, mask_PT, types_PT)
            pooled_PD = self.pool(*packed.spread(states_SD, mask_PT))
            texts = mask_PT.texts
        else:
            types = families.types(self.stock.config, types_PT)
            states_PTD = self.stock.base_model(input_ids=ids_PT, attention_mask=mask_PT, **types)[0]
            pooled_PD = self.pool(states_PTD, mask_PT)
            texts = int(owner_P[-1]) + 1
        logits_PC = families.head(self.stock, pooled_PD)
        if texts == len(owner_P):
            return logits_PC
        return combine(logits_PC, owner_P, texts, self.window_pooling)

    def pool(self, states_PTD: torch.Tensor, mask_PT: torch.Tensor) -> torch.Tensor:
        """Turn token states into one vector a piece, shape (P, D)."""
        match self.pooling:
            case "cls" | "pooler":
                return states_PTD[:, 0]
            case "max":
                return states_PTD.masked_fill(mask_PT[..., None] == 0, -torch.inf).amax(dim=1)
            case "mean":
                return self._mean(states_PTD.float(), mask_PT).to(states_PTD.dtype)

    def _mean(self, states_PTD: torch.Tensor, mask_PT: torch.Tensor) -> torch.Tensor:
        # Of fp32: bf16 counts to 256, and has no room beside so large a weight.
        weight_PT1 = mask_PT[..., None].to(states_PTD.dtype)
        mean_PD = (states_PTD * weight_PT1).sum(dim=1) / weight_PT1.sum(dim=1)
        if families.mean_fold(self.stock.config.model_type) == "native":
            return mean_PD
        return F.layer_norm(
            MEAN_WEIGHT * mean_PD + states_PTD[:, 0],
            mean_PD.shape[-1:],
            eps=self.stock.config.layer_norm_eps
            if hasattr(self.stock.config, "layer_norm_eps")
            else 1e-12,
        )


def combine(
    logits_PC: torch.Tensor, owner_P: torch.Tensor, texts: int, how: WindowPooling
) -> torch.Tensor:
    """Combine the logits of each text's pieces.

    Returns
    -------
    Tensor, shape (B, C)
    """
    index_PC = owner_P[:, None].expand_as(logits_PC)
    out_BC = logits_PC.new_zeros(texts, logits_PC.shape[1])
    reduce = "mean" if how == "mean" else "amax"
    return out_BC.scatter_reduce(0, index_PC, logits_PC, reduce, include_self=False)


def with_its_weights(model: ReviewClassifier) -> ReviewClassifier:
    """Copy a model's modules and none of its weights, which both then have.

    Parameters
    ----------
    model : ReviewClassifier

    Returns
    -------
    ReviewClassifier
        Hooks and layers that are changed in it stay its own.
    """
    tensors = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors})
