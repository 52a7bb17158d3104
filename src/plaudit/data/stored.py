"""Arrays kept on the disk, whole or not at all, up to a limit."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from plaudit.data.plain import sha256_of

DIGESTS = "digests.json"
LIMIT_BYTES = 2 * 2**30
"""Of the entries side by side in one folder."""


def load(entry: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Map an entry's arrays into memory.

    Parameters
    ----------
    entry : Path
        A folder.
    names : iterable of str

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    OSError, ValueError
        It is not there, or not as it was written.
    """
    names = list(names)
    digests = json.loads((entry / DIGESTS).read_text(encoding="utf-8"))
    if not isinstance(digests, dict):
        raise ValueError(f"{entry}: {DIGESTS} is not as it was written")
    for name in names:
        if sha256_of(entry / f"{name}.npy") != digests.get(name):
            raise ValueError(f"{entry}: {name} is not as it was written")
    arrays = {n: np.load(entry / f"{n}.npy", mmap_mode="r", allow_pickle=False) for n in names}
    os.utime(entry)
    return arrays


def store(arrays: Mapping[str, np.ndarray], entry: Path, limit_bytes: int = LIMIT_BYTES) -> None:
    """Write an entry whole or not at all, and drop those used longest ago beyond the limit.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    entry : Path
        A folder.
    limit_bytes : int

    Raises
    ------
    OSError
        The disk is full or read-only.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=entry.parent, prefix=".staged-"))
    try:
        for name, array in arrays.items():
            np.save(staged / f"{name}.npy", array, allow_pickle=False)
        digests = {name: sha256_of(staged / f"{name}.npy") for name in arrays}
        (staged / DIGESTS).write_text(json.dumps(digests), encoding="utf-8")
        shutil.rmtree(entry, ignore_errors=True)
        staged.rename(entry)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    _prune(entry.parent, limit_bytes)


def _prune(parent: Path, limit_bytes: int) -> None:
    entries = sorted((e for e in parent.iterdir() if e.is_dir()), key=lambda e: e.stat().st_mtime)
    sizes = {e: sum(f.stat().st_size for f in e.iterdir()) for e in entries}
    total = sum(sizes.values())
    for entry in entries[:-1]:
        if total <= limit_bytes:
            return
        shutil.rmtree(entry, ignore_errors=True)
        total -= sizes[entry]
