"""Where things lie that can be made or downloaded again."""

from __future__ import annotations

import os
from pathlib import Path

from plaudit.errors import ConfigError


def cache_folder() -> Path:
    """Return the folder that ``PLAUDIT_CACHE`` names, else ``~/.cache/plaudit``; it may not exist.

    Returns
    -------
    Path
        With ``~`` expanded.

    Raises
    ------
    ConfigError
        There is no such home.
    """
    named = os.environ.get("PLAUDIT_CACHE") or "~/.cache/plaudit"
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{named}: whose home that is cannot be found. Set PLAUDIT_CACHE to a folder."
        ) from error
