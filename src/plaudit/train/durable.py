"""Files that are on the disk when a call returns, and that are known again by their digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

UNWRITABLE = (OSError, SafetensorError)
"""What a full disk, or one that may not be written to, raises."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The first bytes of a file that a checkpoint builds on.

    Attributes
    ----------
    bytes : int
    sha256 : str
    """

    bytes: int
    sha256: str


def extent_of(content: bytes) -> Extent:
    """Return the extent of a file with this content."""
    return Extent(len(content), hashlib.sha256(content).hexdigest())


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> Extent:
    """Write tensors as safetensors and sync them to the disk."""
    own: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        there = tensor.detach().cpu().contiguous()
        # safetensors refuses tensors that share memory.
        own[name] = there.clone() if there.untyped_storage().data_ptr() in seen else there
        seen.add(own[name].untyped_storage().data_ptr())
    save_file(own, path)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Extent(path.stat().st_size, digest)


def differs(path: Path, extent: Extent) -> str | None:
    """Say how a file differs from what it was, or None."""
    digest = hashlib.sha256()
    left = extent.bytes
    try:
        with path.open("rb") as file:
            while left and (block := file.read(min(left, 1 << 20))):
                digest.update(block)
                left -= len(block)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if left:
        return f"is cut off: {extent.bytes - left:,} of {extent.bytes:,} bytes"
    return None if digest.hexdigest() == extent.sha256 else "was changed since it was saved"
