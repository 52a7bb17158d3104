"""``plaudit export``: what it parses, calls, prints and returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from plaudit import export as room
from plaudit.artifact import Gate
from plaudit.cli import app
from plaudit.errors import ExportError
from plaudit.export import Exported

FOUND = Gate(
    data="a file\x1b[2J.", texts=60, answers=84, differ=1 / 84, limit=0.01,
    max_difference=0.25, mean_difference=0.001,
)  # fmt: skip


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    seen: list[Any] = []

    def export(*args: Any, **kwargs: Any) -> Exported:
        seen.append((args, kwargs))
        kwargs["say"]("on it")
        return Exported(Path("runs/x/model-onnx-int8"), "onnx-int8", FOUND, 23_000_000, 98_000_000)

    monkeypatch.setattr(room, "export", export)
    return seen


def plaudit_(*args: str) -> Any:
    return CliRunner().invoke(app, list(args), prog_name="plaudit")


def test_it_says_what_came_out_and_what_comes_next(calls: list[Any]) -> None:
    done = plaudit_(
        "export", "runs/x/model", "--format", "onnx-int8", "--data", "d.csv", "--max-differ", "0.02"
    )
    assert done.exit_code == 0
    ((args, kwargs),) = calls
    assert args == ("runs/x/model", "onnx-int8", None)
    assert (kwargs["data"], kwargs["max_differ"]) == ("d.csv", 0.02)
    assert done.stdout.splitlines() == [
        "runs/x/model-onnx-int8",
        "weights: 23.0 MB in onnx-int8, 98.0 MB before",
        "labels that differ from the original in fp32: in 1 of 84 answers (1.19%, allowed "
        "1.00%), on a file\\x1b[2J",
        "probabilities differ by 0.25 at most, 0.001 on average",
    ]
    assert done.stderr.splitlines() == [
        "on it",
        "next: plaudit bench runs/x/model runs/x/model-onnx-int8",
    ]


def test_json_is_one_document(calls: list[Any]) -> None:
    done = plaudit_("export", "runs/x/model", "--out", "new folder", "--json")
    assert json.loads(done.stdout)["gate"]["answers"] == 84
    assert calls[0][0] == ("runs/x/model", "onnx", Path("new folder"))


def test_other_answers_are_a_failure_and_an_unknown_format_a_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def export(*_: Any, **__: Any) -> None:
        raise ExportError("3 of 84 labels differ")

    monkeypatch.setattr(room, "export", export)
    failed = plaudit_("export", "runs/x/model")
    assert (failed.exit_code, failed.stderr) == (1, "plaudit: 3 of 84 labels differ\n")
    assert plaudit_("export", "runs/x/model", "--format", "tflite").exit_code == 2
