"""A model exported to ONNX: what runs it, and what is checked before it runs.

Axes: N texts, B texts of a batch, P pieces, T tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plaudit.errors import ArtifactError, ConfigError, MissingExtra
from plaudit.model.classifier import WindowPooling, combine
from plaudit.model.device import Compute
from plaudit.model.infer import in_order, padded
from plaudit.text.batches import Batch
from plaudit.text.encoded import Encoded

INPUTS = ("input_ids", "attention_mask")
TYPES = "token_type_ids"
"""A third input, of models of pairs whose encoder has token types."""
OUTPUT = "logits"
CPU = Compute("cpu", "fp32", "exported to ONNX, run by ONNX Runtime on the CPU")


@dataclass(frozen=True, slots=True, eq=False)
class OnnxModel:
    """A graph from padded pieces to logits, loaded.

    Attributes
    ----------
    session : onnxruntime.InferenceSession
    classes : int
    window_pooling : {"mean", "max"}
    alone : bool
        One text a batch. In int8 one scale serves all that is in a batch, so that a text's answer
        would depend on what stands beside it.
    typed : bool
        The graph takes token types.
    """

    session: Any
    classes: int
    window_pooling: WindowPooling
    alone: bool = False
    typed: bool = False

    def logits(
        self, encoded: Encoded, *, batch_tokens: int = CPU.tokens_at_once, pad_id: int = 0
    ) -> np.ndarray:
        """Classify encoded texts, as :func:`plaudit.model.infer.logits` does with torch.

        Returns
        -------
        ndarray of float32, shape (N, C)
        """
        batches = padded(encoded, 1 if self.alone else batch_tokens, pad_id)
        return in_order(batches, self._run, (len(encoded), self.classes))

    def _run(self, batch: Batch) -> np.ndarray:
        feed = dict(zip(INPUTS, (batch.ids_PT.numpy(), batch.mask_PT.numpy()), strict=True))
        if batch.types_PT is not None and self.typed:
            feed[TYPES] = batch.types_PT.numpy()
        logits_PC: np.ndarray = self.session.run([OUTPUT], feed)[0]
        texts = len(batch.rows_B)
        if texts == len(logits_PC):
            return logits_PC
        whole_BC = combine(torch.from_numpy(logits_PC), batch.owner_P, texts, self.window_pooling)
        return whole_BC.numpy()


def plan(device: str, precision: str) -> Compute:
    """Say where and in what precision an exported model runs.

    Raises
    ------
    ConfigError
        Something else was asked for.
    """
    for name, asked, own in (("device", device, "cpu"), ("precision", precision, "fp32")):
        if asked not in ("auto", own):
            raise ConfigError(
                f"{name} = {asked!r}: a model exported to ONNX runs on the CPU, in the precision "
                f"that it was exported in. Leave {name} out, or use the model it was exported from."
            )
    return CPU


def load(
    path: Path,
    files: Collection[str],
    classes: int,
    window_pooling: WindowPooling,
    *,
    alone: bool = False,
) -> OnnxModel:
    """Load a graph after checking that it fits and reads no file but those that were verified.

    Parameters
    ----------
    path : Path
    files : collection of str
        Names of the verified files beside it, from which weights may come.
    classes : int
    window_pooling : {"mean", "max"}
    alone : bool
        One text a batch.

    Returns
    -------
    OnnxModel

    Raises
    ------
    ArtifactError
        The graph cannot be run, has other inputs or outputs, or points to another file.
    MissingExtra
        ONNX Runtime is not installed.
    """
    onnx, runtime = imported()
    try:
        graph = onnx.load(path, load_external_data=False).graph
        _check_files(path, {name for name in _external(graph) if name not in files})
        session = runtime.InferenceSession(path, _options(runtime), ["CPUExecutionProvider"])
    except ArtifactError:
        raise
    except Exception as error:  # of half a dozen kinds, with no base in common
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ArtifactError(
            f"{path} cannot be run: {first} Export the model again with this version."
        ) from error
    _check_form(path, session, classes)
    typed = any(each.name == TYPES for each in session.get_inputs())
    return OnnxModel(session, classes, window_pooling, alone, typed)


def imported() -> tuple[Any, Any]:
    """Import what reads and runs graphs.

    Returns
    -------
    (module, module)
        onnx and onnxruntime.

    Raises
    ------
    MissingExtra
        One of them is not installed.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MissingExtra("a model in ONNX", "onnx") from error
    return onnx, onnxruntime


def _options(runtime: Any) -> Any:
    options = runtime.SessionOptions()
    # As many as torch would use, so that one setting (OMP_NUM_THREADS, torch.set_num_threads)
    # holds for both; left alone, ONNX Runtime takes a thread for each core of the machine, also in
    # a container that was given two of them.
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    # It keeps a plan of memory for each shape of batch that it has met; ours differ all the time.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options


def _external(graph: Any) -> Iterator[str]:
    """Name the files that a graph, or a graph within it, takes weights from."""
    tensors = list(graph.initializer)
    for sparse in graph.sparse_initializer:
        tensors += [sparse.values, sparse.indices]
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
            for inner in (attribute.g, *attribute.graphs):
                yield from _external(inner)
    for tensor in tensors:
        for entry in tensor.external_data:
            if entry.key == "location":
                yield str(entry.value)


def _check_files(path: Path, others: Collection[str]) -> None:
    if others:
        raise ArtifactError(
            f"{path} takes weights from {', '.join(map(repr, sorted(others)))}, which is no "
            "verified file of this folder. Use a fresh copy of the model folder."
        )


def _check_form(path: Path, session: Any, classes: int) -> None:
    takes = {each.name: (each.type, len(each.shape)) for each in session.get_inputs()}
    gives = {each.name: (each.type, each.shape[-1:]) for each in session.get_outputs()}
    rows = ("tensor(int64)", 2)
    if takes not in (dict.fromkeys(INPUTS, rows), dict.fromkeys((*INPUTS, TYPES), rows)):
        raise ArtifactError(
            f"{path} takes {sorted(takes)}, not {sorted(INPUTS)} as rows of token ids. Use the "
            "graph that plaudit export wrote."
        )
    if gives != {OUTPUT: ("tensor(float)", [classes])}:
        raise ArtifactError(
            f"{path} gives {gives}, but the model has {classes} labels. Use the graph that plaudit "
            "export wrote."
        )
