"""Files that outlast a kill and a power cut."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a file and sync it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Write a file so that after a kill or a power cut it is there whole, or as it was before."""
    staged = path.with_name(f".{path.name}.part")
    write(staged, content)
    staged.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Make a folder's entries last: without this, a power cut may undo a rename."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
