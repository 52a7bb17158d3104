"""Whether a file or folder can be made: asked before the work, so that none of it is lost."""

from __future__ import annotations

import os
from pathlib import Path

from plaudit.errors import ConfigError


def check_folder(path: Path) -> None:
    """Make sure that something can be made at a place.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ConfigError
        The folder for it is not there, or may not be written to.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: there is no folder {path.parent}; make it, or name another.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: nothing may be written to {path.parent}; name another folder.")


def check_new(path: Path, advice: str = "choose another name") -> None:
    """Make sure that something can be made at a place and that nothing would be lost.

    Parameters
    ----------
    path : Path
    advice : str
        What to do where something is there.

    Raises
    ------
    ConfigError
        Something is there already, or :func:`check_folder` raises it.
    """
    if os.path.lexists(path):
        raise ConfigError(f"{path} exists and is never overwritten; {advice}.")
    check_folder(path)
