"""Exported graphs: what runs them, and what is refused before it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit.errors import ArtifactError, ConfigError, MissingExtra
from plaudit.model import onnx as running
from plaudit.model.classifier import combine
from plaudit.text.encoded import Encoded

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def graph(path: Path, *, classes: int = 2, inputs: tuple[str, ...] = running.INPUTS) -> Any:
    """A graph whose logits are the sum of a piece's real ids, once for each class and negated."""
    sign = np.array([[1.0, -1.0, 0.5][:classes]], dtype=np.float32)
    nodes = [
        helper.make_node("Mul", list(inputs[:2]), ["real"]),
        helper.make_node("Cast", ["real"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["floats", "axes"], ["sums"], keepdims=1),
        helper.make_node("Mul", ["sums", "sign"], ["logits"]),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "sums",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["p", "t"]) for name in inputs],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["p", classes])],
            [
                numpy_helper.from_array(sign, "sign"),
                numpy_helper.from_array(np.array([1]), "axes"),
            ],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.save(model, path)
    return model


def encoded(texts: list[list[list[int]]]) -> Encoded:
    """Texts as lists of pieces of ids."""
    parts = [piece for text in texts for piece in text]
    lengths = np.array([sum(map(len, text)) for text in texts])
    return Encoded(
        ids=np.concatenate([np.array(part, dtype=np.int32) for part in parts]),
        starts_P=np.cumsum([0, *map(len, parts)]),
        first_N=np.cumsum([0, *map(len, texts)]),
        full_N=lengths,
        kept_N=lengths,
    )


@pytest.mark.parametrize("how", ["mean", "max"])
@pytest.mark.parametrize("batch_tokens", [3, 8, 1000])
def test_logits_come_in_order_and_pieces_are_combined(
    how: Any, batch_tokens: int, tmp_path: Path
) -> None:
    graph(tmp_path / "model.onnx")
    model = running.load(tmp_path / "model.onnx", {"model.onnx"}, 2, how)
    texts = [[[5]], [[1, 2, 3], [4, 40]], [[7, 7]], [[9, 9, 9, 9]], [[3], [1], [8]]]
    sums = [torch.tensor([[float(sum(piece))] for piece in text]) for text in texts]
    owner_P = torch.tensor([n for n, text in enumerate(texts) for _ in text])
    expected = combine(torch.cat(sums) * torch.tensor([[1.0, -1.0]]), owner_P, len(texts), how)
    found = model.logits(encoded(texts), batch_tokens=batch_tokens, pad_id=6)
    np.testing.assert_allclose(found, expected.numpy())
    assert found.dtype == np.float32


def test_as_many_threads_as_torch(tmp_path: Path) -> None:
    graph(tmp_path / "model.onnx")
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            model = running.load(tmp_path / "model.onnx", {"model.onnx"}, 2, "mean")
            assert model.session.get_session_options().intra_op_num_threads == threads
    finally:
        torch.set_num_threads(before)


def test_another_number_of_labels_is_refused(tmp_path: Path) -> None:
    graph(tmp_path / "model.onnx", classes=3)
    with pytest.raises(ArtifactError, match="but the model has 2 labels"):
        running.load(tmp_path / "model.onnx", {"model.onnx"}, 2, "mean")


def test_other_inputs_are_refused(tmp_path: Path) -> None:
    graph(tmp_path / "model.onnx", inputs=(*running.INPUTS, "position_ids"))
    with pytest.raises(ArtifactError, match="position_ids"):
        running.load(tmp_path / "model.onnx", {"model.onnx"}, 2, "mean")


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(ArtifactError, match=r"model\.onnx cannot be run"):
        running.load(tmp_path / "model.onnx", {"model.onnx"}, 2, "mean")


def outside(model: Any, tensor: Any) -> Any:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    return model


def test_weights_from_a_file_outside_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(np.zeros(2, np.float32).tobytes())
    model = graph(folder / "model.onnx")
    onnx.save(outside(model, model.graph.initializer[0]), folder / "model.onnx")
    with pytest.raises(ArtifactError, match=r"'\.\./secret'.* no verified file"):
        running.load(folder / "model.onnx", {"model.onnx"}, 2, "mean")


def test_weights_from_outside_are_found_in_a_branch_too(tmp_path: Path) -> None:
    model = graph(tmp_path / "model.onnx")
    tensor = numpy_helper.from_array(np.zeros(2, np.float32), "hidden")
    constant = helper.make_node("Constant", [], ["hidden"], value=tensor)
    branch = helper.make_graph([constant], "branch", [], [])
    outside(model, branch.node[0].attribute[0].t)
    model.graph.node.append(
        helper.make_node("If", ["c"], ["x"], then_branch=branch, else_branch=branch)
    )
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ArtifactError, match=r"'\.\./secret'"):
        running.load(tmp_path / "model.onnx", {"model.onnx"}, 2, "mean")


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_missing_extra_is_named(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph(tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=r"pip install 'plaudit\[onnx\]'"):
        running.load(tmp_path / "model.onnx", {"model.onnx"}, 2, "mean")


def test_an_exported_model_runs_on_the_cpu_only() -> None:
    assert running.plan("auto", "auto").device == "cpu"
    assert running.plan("cpu", "fp32").precision == "fp32"
    with pytest.raises(ConfigError, match="device = 'cuda'"):
        running.plan("cuda", "auto")
    with pytest.raises(ConfigError, match="precision = 'bf16'"):
        running.plan("auto", "bf16")
