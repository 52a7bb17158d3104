"""Where things lie that can be made or downloaded again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that ``PLAUDIT_CACHE`` names, else ``~/.cache/plaudit``; it may not exist.

    Returns
    -------
    Path
        With ``~`` expanded.
    """
    return Path(os.environ.get("PLAUDIT_CACHE") or "~/.cache/plaudit").expanduser()
