"""The encoder's part of a step as one recorded sequence of kernels: a CUDA graph.

A small encoder's kernels are shorter than the time in which the host launches them. A graph is
launched at once, but only for the shape that it was recorded with: so packed rows are filled up to
one size, with padding that attends to itself and is dropped again.

Axes: P pieces, S tokens of a row, D hidden size.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from plaudit.config import Config
from plaudit.errors import ConfigError
from plaudit.model import packed
from plaudit.model.device import Compute
from plaudit.text.packing import Spans
from plaudit.text.sampling import TokenBudgetSampler

Encode = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
SPARE = 1.25
"""Pieces of a recorded row to those of the fullest batch of an epoch."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What every recorded row has.

    Attributes
    ----------
    tokens, pieces : int
    longest : int
        No piece has more tokens.
    """

    tokens: int
    pieces: int
    longest: int

    def filling(self, tokens: int, pieces: int) -> int | None:
        """Return how many pieces fill a row up; None when it cannot be filled up to this shape.

        Examples
        --------
        >>> shape = Shape(tokens=100, pieces=4, longest=40)
        >>> shape.filling(30, 2), shape.filling(30, 3), shape.filling(101, 1)
        (2, None, None)
        """
        if tokens > self.tokens or pieces > self.pieces:
            return None
        free = self.pieces - pieces
        return free if math.ceil((self.tokens - tokens) / self.longest) <= free else None


class RowGraph:
    """A recorded encoder.

    Parameters
    ----------
    encode : callable
        From ids, shape (1, S), and the pieces' bounds, shape (P + 1,), both of one shape always, to
        states, shape (S, D).
    shape : Shape
    weights : list of Parameter
        Those that it gives gradients to.
    pad_id : int
    """

    def __init__(
        self, encode: Encode, shape: Shape, weights: list[nn.Parameter], pad_id: int
    ) -> None:
        self._encode: Encode | None = encode
        self.shape = shape
        self._weights, self._pad_id = weights, pad_id

    def takes(self, ids_1S: torch.Tensor, spans: Spans) -> bool:
        """Say whether a row can be encoded so, now.

        A graph has one place for its gradients: where some are there already, as when a batch is
        computed in parts, they would be overwritten.
        """
        if self._encode is None or not torch.is_grad_enabled():
            return False
        if self._weights[0].grad is not None:
            return False
        return self.shape.filling(ids_1S.shape[1], len(spans.bounds_P1) - 1) is not None

    def __call__(self, ids_1S: torch.Tensor, spans: Spans) -> torch.Tensor:
        """Encode a row that it takes: states, shape (S, D)."""
        assert self._encode is not None  # noqa: S101 - whoever calls asks takes() first
        states_SD = self._encode(*filled(ids_1S, spans, self.shape, self._pad_id))
        return states_SD[: ids_1S.shape[1]]

    def release(self) -> None:
        """Give the recording's memory back; no row is taken from now on."""
        self._encode = None
        # What torch records refers to itself in a circle.
        gc.collect()


def filled(
    ids_1S: torch.Tensor, spans: Spans, shape: Shape, pad_id: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fill a row up with padding, in pieces of its own; those that are not needed are empty.

    Returns
    -------
    ids_1S : Tensor, shape (1, ``shape.tokens``)
    bounds_P1 : Tensor of int32, shape (``shape.pieces + 1``,)

    Examples
    --------
    >>> spans = Spans(torch.tensor([0, 2], dtype=torch.int32), 2, 1)
    >>> ids, bounds = filled(torch.tensor([[5, 6]]), spans, Shape(7, 4, 3), pad_id=0)
    >>> ids.tolist(), bounds.tolist()
    ([[5, 6, 0, 0, 0, 0, 0]], [0, 2, 5, 7, 7])
    """
    tokens, bounds_P1 = ids_1S.shape[1], spans.bounds_P1
    free = shape.filling(tokens, len(bounds_P1) - 1)
    assert free is not None  # noqa: S101 - whoever fills asks takes() first
    row_1S = nn.functional.pad(ids_1S, (0, shape.tokens - tokens), value=pad_id)
    ends = torch.arange(1, free + 1, device=bounds_P1.device, dtype=bounds_P1.dtype)
    ends = (ends * shape.longest + tokens).clamp_(max=shape.tokens)
    return row_1S, torch.cat([bounds_P1, ends])


class RowEncoder(nn.Module):
    """An encoder over rows of one shape: what is recorded.

    Parameters
    ----------
    base : transformers.PreTrainedModel
        Without a head.
    longest : int
    """

    def __init__(self, base: Any, longest: int) -> None:
        super().__init__()
        self.base, self.longest = base, longest

    def forward(self, ids_1S: torch.Tensor, bounds_P1: torch.Tensor) -> torch.Tensor:
        """Encode: states, shape (S, D)."""
        spans = Spans(bounds_P1, self.longest, len(bounds_P1) - 1)
        return packed.states(self.base, ids_1S, spans)


def why_not(config: Config, form: packed.Form, compute: Compute) -> str | None:
    """Say what stands against a graph with these settings; None: nothing.

    Parameters
    ----------
    config : Config
    form : plaudit.model.packed.Form
    compute : Compute

    Raises
    ------
    ConfigError
        ``train.cuda_graphs`` is true, and something does.
    """
    train = config.train
    at_once = compute.tokens_at_once
    reasons = {
        "it was not asked for": train.cuda_graphs is False,
        "batches are not packed on a GPU": not form.packed or compute.device != "cuda",
        "batches of train.batch_examples have no one size": train.batch_examples is not None,
        f"batches of over {at_once:,} tokens are computed in parts": train.batch_tokens > at_once,
        "pairs of texts have token types": config.pairs,
        # Replayed for the first part only, it would hold its memory beside that of the others.
        "train.accumulation adds gradients up": train.accumulation > 1,
        "craft.fgm goes back twice": config.craft.fgm > 0,
        "craft.rdrop passes twice before it goes back": config.craft.rdrop > 0,
        "craft.unfreeze_fraction changes what is trained": config.craft.unfreeze_fraction > 0,
        "lora.rank puts adapters beside the weights": config.lora.rank > 0,
    }
    found = next((reason for reason, holds in reasons.items() if holds), None)
    if found and train.cuda_graphs is True:
        raise ConfigError(f"train.cuda_graphs = true, but {found}; set it to auto or false.")
    return found


def recorded(
    config: Config,
    stock: Any,
    sampler: TokenBudgetSampler,
    form: packed.Form,
    compute: Compute,
    say: Callable[[str], None],
) -> RowGraph | None:
    """Record the encoder's forward and backward pass; its weights and random numbers stay.

    Parameters
    ----------
    config : Config
    stock : transformers.PreTrainedModel
        On the device, in the mode that it is trained in.
    sampler : TokenBudgetSampler
        Of the batches to come.
    form : plaudit.model.packed.Form
    compute : Compute
    say : callable

    Returns
    -------
    RowGraph or None
        None where it is not to be, or could not be recorded.

    Raises
    ------
    ConfigError
        ``train.cuda_graphs`` is true, and it cannot.
    """
    if why_not(config, form, compute) is not None:
        return None
    longest = int(sampler.longest_N.max())
    # Epochs differ in which texts come together; a row that is fuller yet is encoded as it is.
    shape = Shape(sampler.batch_tokens, math.ceil(SPARE * sampler.most_pieces()) + 1, longest)
    try:
        return _record(stock, shape, compute)
    except RuntimeError as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        if config.train.cuda_graphs is True:
            raise ConfigError(
                f"train.cuda_graphs = true, but the encoder cannot be recorded: {said}. "
                "Set it to auto or false."
            ) from error
        say(f"each step is launched kernel by kernel: the encoder cannot be recorded ({said})")
        return None


def trained(base: Any) -> list[nn.Parameter]:
    """Return the weights of an encoder that token states depend on and that are trained.

    The pooler, which makes one vector of them, is not among them, although it is a part of BERT.
    """
    named = base.named_parameters()
    return [p for name, p in named if p.requires_grad and "pooler" not in name.split(".")]


def _record(stock: Any, shape: Shape, compute: Compute) -> RowGraph:
    pad_id = int(stock.config.pad_token_id or 0)
    weights = trained(stock.base_model)
    if not weights:
        raise RuntimeError("none of its weights are trained")
    encoder = RowEncoder(stock.base_model, shape.longest)
    encoder.train(stock.training)
    ids_1S = torch.full((1, shape.tokens), pad_id, device=compute.device)
    nothing = Spans(torch.zeros(1, dtype=torch.int32, device=compute.device), 0, 0)
    sample = filled(ids_1S[:, :0], nothing, shape, pad_id)
    half = compute.precision == "bf16"
    # The recording's stream differs from that of the steps, as it must; torch waits where it has to
    # and would warn of it. https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
    if hasattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch"):
        torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(False)
    with (
        torch.random.fork_rng(devices=range(torch.cuda.device_count())),
        # Cached casts of the weights would be those of the recording, for ever.
        torch.autocast(compute.device, torch.bfloat16, enabled=half, cache_enabled=False),
    ):
        encode: Any = torch.cuda.make_graphed_callables(encoder, sample, allow_unused_input=True)
    return RowGraph(encode, shape, weights, pad_id)


def states(
    graph: RowGraph | None,
    stock: Any,
    ids_1S: torch.Tensor,
    spans: Spans,
    types_1S: torch.Tensor | None = None,
) -> torch.Tensor:
    """Encode a packed row, by the graph where there is one and it takes the row.

    Returns
    -------
    Tensor, shape (S, D)
        As :func:`plaudit.model.packed.states` gives them.
    """
    if graph is not None and types_1S is None and graph.takes(ids_1S, spans):
        return graph(ids_1S, spans)
    return packed.states(stock, ids_1S, spans, types_1S)
