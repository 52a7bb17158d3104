"""From a classifier to a graph in ONNX, in fp32 or with int8 weights.

Axes: P pieces, T tokens.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from plaudit.errors import ExportError, MissingExtra
from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.onnx import INPUTS, OUTPUT, TYPES, imported

OPSET = 20
"""The first with GELU as one operator."""
ONE_FILE_BYTES = 1_800_000_000
"""A graph with more weights than protobuf's 2 GB needs a second file for them."""


class Pieces(nn.Module):
    """Encoder, pooling and head on padded pieces; pieces of one text are combined outside.

    Parameters
    ----------
    model : ReviewClassifier
    """

    def __init__(self, model: ReviewClassifier) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the logits of each piece, shape (P, C)."""
        stock = self.model.stock
        types = families.types(stock.config, token_type_ids)
        states_PTD = stock.base_model(input_ids=input_ids, attention_mask=attention_mask, **types)[
            0
        ]
        return families.head(stock, self.model.pool(states_PTD, attention_mask))


def check_installed() -> None:
    """Raise MissingExtra unless all that exporting needs is there."""
    imported()
    try:
        import onnxscript  # noqa: F401 - torch.onnx.export wants it
    except ImportError as error:
        raise MissingExtra("plaudit export", "onnx") from error


def write(model: ReviewClassifier, path: Path, *, pairs: bool = False) -> None:
    """Write a model as a graph from padded pieces of any number and length to logits.

    Parameters
    ----------
    model : ReviewClassifier
        On the CPU.
    path : Path
        A new file. Very large weights go to a second one beside it.
    pairs : bool
        The model reads pairs of texts: token types, where the encoder has them, are an input.

    Raises
    ------
    ExportError
        torch cannot translate this architecture.
    """
    ids_PT = torch.full((2, 8), 3)
    mask_PT = torch.ones_like(ids_PT)
    mask_PT[1, 5:] = 0
    inputs: dict[str, torch.Tensor] = dict(zip(INPUTS, (ids_PT, mask_PT), strict=True))
    if pairs and families.types(model.stock.config, mask_PT):
        inputs[TYPES] = torch.zeros_like(ids_PT)
        inputs[TYPES][0, 4:] = 1
    longest = families.longest(model.stock.config)
    axes = {0: torch.export.Dim("pieces"), 1: torch.export.Dim("tokens", max=longest)}
    try:
        with torch.no_grad(), _quiet(), _plain_attention(model):
            program = torch.onnx.export(
                Pieces(model).eval(),
                tuple(inputs.values()),
                dynamo=True,
                input_names=list(inputs),
                output_names=[OUTPUT],
                dynamic_shapes=dict.fromkeys(inputs, axes),
                opset_version=OPSET,
                verbose=False,
            )
    except Exception as error:  # whatever a translator meets
        cause = error.__cause__ or error  # torch wraps the reason in pages of advice
        first = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        raise ExportError(
            f"torch cannot write this {model.stock.config.model_type} model as ONNX: "
            f"{type(cause).__name__}: {first} Use the model as it is."
        ) from error
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    if program is None:
        raise ExportError("torch.onnx.export returned nothing")
    program.save(path, external_data=size > ONE_FILE_BYTES)


def quantise(source: Path, target: Path) -> None:
    """Write a graph whose matrices and embeddings are int8, matrices with a scale a column.

    What meets them is quantised as it comes, with one scale for a whole batch: so such a graph is
    given one text at a time. Weights keep to 7 bits: on a processor without VNNI two products of
    8 bits overflow the 16 in which they are added, and the answers would depend on the machine.

    Parameters
    ----------
    source : Path
        In fp32.
    target : Path
        A new file.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Gather"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )


@contextlib.contextmanager
def _plain_attention(model: ReviewClassifier) -> Iterator[None]:
    """Write attention as products and a softmax; torch's own kernel becomes a slower graph."""
    before = model.stock.config._attn_implementation
    model.stock.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.stock.set_attn_implementation(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the translators' remarks to their makers from the user's terminal."""
    root, before = logging.getLogger(), logging.root.manager.disable
    handlers = list(root.handlers)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        root.handlers[:] = handlers  # logging.warning() installs one where there is none
