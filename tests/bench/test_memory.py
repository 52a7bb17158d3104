from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plaudit.bench import memory


def _python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    code = (
        "from plaudit.bench.memory import peak_mb\n"
        "before = peak_mb()\n"
        "block = bytearray(80_000_000)\n"
        "del block\n"
        "print(before, peak_mb())\n"
    )
    before, after = map(float, _python(code).split())
    assert 5 < before < 100
    assert 75 < after - before < 100


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a child begins at nothing anyway")
def test_a_child_does_not_begin_with_its_parents_peak() -> None:
    """getrusage does: on Linux it hands the parent's peak down, which would hide the model."""
    block = bytearray(300_000_000)
    own = _python("from plaudit.bench.memory import peak_mb; print(peak_mb())")
    assert memory.peak_mb() > 300
    assert 3 < float(own) < 100
    del block


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    said = memory.measure(tmp_path / "none", "cpu", "fp32", ["good"])
    assert isinstance(said, str)
    assert "none is not there" in said


def test_a_process_that_is_killed_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = tmp_path / "python"
    killer.write_text("#!/bin/sh\nkill -9 $$\n")
    killer.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killer))
    said = memory.measure(tmp_path, "cpu", "fp32", ["good"])
    assert said == "the process was ended by signal 9"


def test_what_the_child_imports_first_is_light() -> None:
    """Its start is noted before the heavy imports, which are part of what a model takes."""
    code = (
        "import sys, plaudit.bench.memory\n"
        "assert not {'torch', 'transformers', 'numpy', 'pydantic'} & set(sys.modules)\n"
    )
    _python(code)
