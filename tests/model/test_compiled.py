from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from plaudit.errors import ConfigError
from plaudit.model import compiled
from tests.model.test_packed import both, gradients, texts, tiny

CAN = not compiled._compiler_lacks("cpu")


@pytest.fixture
def fresh() -> Any:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()


# torch warns of what its own tracing does.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.skipif(not CAN, reason="no C++ compiler")
@pytest.mark.parametrize("form", ["padded", "packed"])
def test_compiled_layers_compute_the_same(form: str, tmp_path: Path, fresh: None) -> None:
    model = tiny(tmp_path / "encoder")
    names = list(model.state_dict())
    shapes = [both(texts(pieces)) for pieces in ((1, 1, 1, 1), (2, 1, 3, 1), (1, 4, 1, 2))]
    inputs = [pair[form == "packed"].inputs for pair in shapes]
    expected = [gradients(model, given) for given in inputs]
    compiled.compile_layers(model.stock, "cpu")
    assert list(model.state_dict()) == names
    graphs = []
    for given, (wanted_BC, wanted) in zip(inputs, expected, strict=True):
        logits_BC, found = gradients(model, given)
        torch.testing.assert_close(logits_BC, wanted_BC, atol=1e-5, rtol=1e-5)
        for name, gradient in wanted.items():
            torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-4, msg=name)
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    # Compiled once: neither another layer nor another shape is a reason to compile again.
    assert graphs[0] > 0
    assert graphs == [graphs[0]] * 3


def test_without_a_compiler_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ConfigError, match=r"no C\+\+ compiler.*or set train\.compile to false"):
        compiled.compile_layers(tiny(tmp_path / "encoder").stock, "cpu")
