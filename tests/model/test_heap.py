"""What a training step frees is there for the next one, and given back after the last."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from plaudit.model import heap
from plaudit.model.device import Compute

BF16 = Compute("cpu", "bf16", "test")
GLIBC = heap._glibc() is not None
FAULTS = """
import resource
import torch
from plaudit.model import heap
from plaudit.model.device import Compute

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(16 << 20)  # 64 MB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident() -> int:
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() >> 20

faults()
usual = faults()
with heap.kept(Compute("cpu", "fp32", "")), heap.kept(Compute("cuda", "bf16", "")):
    elsewhere = faults()
with heap.kept(Compute("cpu", "bf16", "")):
    torch.ones(64 << 20)  # 256 MB
    held, kept = resident(), faults()
given_back = held - resident()
print(usual, elsewhere, kept, given_back)
"""


class Recorded:
    """Stands in for the C library."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, ...]] = []

    def mallopt(self, *given: int) -> int:
        self.calls.append(given)
        return 1

    def malloc_trim(self, *given: int) -> int:
        self.calls.append(given)
        return 1


@pytest.mark.skipif(not GLIBC, reason="the C library is not glibc")
def test_pages_are_used_again_and_given_back_at_the_end() -> None:
    said = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True
    )
    usual, elsewhere, kept, given_back = map(int, said.stdout.split())
    assert elsewhere > usual / 2
    assert kept < usual / 2
    assert given_back > 200


def test_what_was_usual_is_set_again_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    glibc = Recorded()
    monkeypatch.setattr(heap, "_glibc", lambda: glibc)
    with pytest.raises(KeyError), heap.kept(BF16):
        assert glibc.calls == list(heap.KEEPING.items())
        raise KeyError
    assert glibc.calls[2:] == [*heap.USUAL.items(), (0,)]


def test_the_last_to_leave_gives_back(monkeypatch: pytest.MonkeyPatch) -> None:
    glibc = Recorded()
    monkeypatch.setattr(heap, "_glibc", lambda: glibc)
    first, second = heap.kept(BF16), heap.kept(BF16)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert (0,) not in glibc.calls
    second.__exit__(None, None, None)
    assert glibc.calls[-1] == (0,)


@pytest.mark.parametrize(
    ("name", "value"), [("MALLOC_MMAP_MAX_", "9"), ("GLIBC_TUNABLES", "glibc.malloc.check=1")]
)
def test_what_the_environment_sets_stays(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    glibc = Recorded()
    monkeypatch.setattr(heap, "_glibc", lambda: glibc)
    monkeypatch.setenv(name, value)
    with heap.kept(BF16):
        pass
    assert not glibc.calls


@pytest.mark.parametrize("error", [OSError, TypeError])
def test_without_such_a_library_nothing_happens(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(name: None) -> None:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", none)
    with heap.kept(BF16):
        pass
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    with heap.kept(BF16):
        pass
