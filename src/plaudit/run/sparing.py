"""Parts of a report that must not cost a run the rest of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from plaudit.errors import PlauditError


def spared(
    what: str, found: Callable[[], dict[str, Any]], say: Callable[[str], None]
) -> dict[str, Any]:
    """Return a section of a report, or why there is none.

    Parameters
    ----------
    what : str
        What was tried, as in "the answers could not be explained".
    found : callable
        Returns the section.
    say : callable

    Returns
    -------
    dict
        The section, with ``failed`` None; or ``failed`` alone, the reason in words.
    """
    try:
        section = {"failed": None, **found()}
        json.dumps(section, allow_nan=False)  # or the report could not be written
        return section
    except Exception as error:
        reason = (str(error).strip() or "no message").splitlines()[0]
        reason = reason if isinstance(error, PlauditError) else f"{type(error).__name__}: {reason}"
        say(f"{what[0].upper()}{what[1:]}: {reason} The run goes on without.")
        return {"failed": reason}
