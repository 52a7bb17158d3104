"""The C library's heap: kept between the steps of a training in bf16 on a processor."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from typing import Any

from plaudit.model.device import Compute

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
"""Names of mallopt(3)."""
KEEPING = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: -1}
USUAL = {M_MMAP_MAX: 65536, M_MMAP_THRESHOLD: 32 << 20, M_TRIM_THRESHOLD: 64 << 20}
"""What glibc comes to by itself as it frees large blocks; once told something it adapts no more."""

_lock = threading.Lock()
_keepers: list[object] = []
"""Those who are computing: the last one to leave gives back."""


@contextlib.contextmanager
def kept(compute: Compute) -> Iterator[None]:
    """Keep what is freed for the next allocation, while computing in bf16 on a processor.

    A large block is otherwise given back to the system when it is freed, and each page of the next
    one is zeroed when it is first touched. In fp32, in parts of 2,048 tokens, keeping it gained
    nothing (docs/LOG.md). What lies free at the end is given back. Does nothing where the C library
    is not glibc, or where someone has set its heap by the environment.

    Parameters
    ----------
    compute : Compute

    Notes
    -----
    Source: mallopt(3), malloc_trim(3).
    """
    glibc = _glibc() if compute.half_on_cpu else None
    if glibc is None or _set_by_environment():
        yield
        return
    keeper = object()
    with _lock:
        _keepers.append(keeper)
        _set(glibc, KEEPING)
    try:
        yield
    finally:
        with _lock:
            _keepers.remove(keeper)
            if not _keepers:
                _set(glibc, USUAL)
                glibc.malloc_trim(0)


def _glibc() -> Any:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no library without a name
        return None
    found = all(hasattr(library, name) for name in ("mallopt", "malloc_trim"))
    return library if found else None


def _set_by_environment() -> bool:
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    return "glibc.malloc." in tunables or any(
        f"MALLOC_{name}_" in os.environ for name in ("MMAP_MAX", "MMAP_THRESHOLD", "TRIM_THRESHOLD")
    )


def _set(glibc: Any, values: dict[int, int]) -> None:
    for name, value in values.items():
        glibc.mallopt(name, value)
