"""May the network be used, and does the hub answer? Asked once, briefly, for data and models."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from plaudit.data.download import reachable

SWITCHES = ("PLAUDIT_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_PROBE_TIMEOUT_S = 3.0
_TRUE = frozenset({"1", "true", "yes", "on"})


def offline() -> bool:
    """Tell whether the user forbade the network, by any of ``SWITCHES``.

    Returns
    -------
    bool
    """
    return any(map(switched_on, SWITCHES))


def forbid() -> None:
    """Forbid the network to this process and to those that it starts."""
    for switch in SWITCHES:
        os.environ[switch] = "1"


def switched_on(variable: str) -> bool:
    """Tell whether an environment variable says yes: 1, true, yes or on.

    Parameters
    ----------
    variable : str
        Its name.

    Returns
    -------
    bool
    """
    return os.environ.get(variable, "").strip().casefold() in _TRUE


def endpoint() -> str:
    """Return the address of the hub or, as ``HF_ENDPOINT``, of its mirror.

    Returns
    -------
    str
        Without a slash at the end.
    """
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


@contextlib.contextmanager
def hub_or_cache() -> Iterator[str | None]:
    """Turn to the hub or, where it may not or cannot be asked, at once to its local cache.

    Yields
    ------
    str or None
        Why only the cache is looked into, in words; None when the hub answers.

    Examples
    --------
    >>> with hub_or_cache() as cut_off:
    ...     print(cut_off)
    PLAUDIT_OFFLINE forbids the network (unset it to ask the hub)
    """
    cut_off = _cut_off()
    with _from_cache() if cut_off else contextlib.nullcontext():
        yield cut_off


def _cut_off() -> str | None:
    for variable in SWITCHES:
        if switched_on(variable):
            return f"{variable} forbids the network (unset it to ask the hub)"
    address = endpoint()
    if address in reachable((address,), _PROBE_TIMEOUT_S, any_status=True):
        return None
    return f"{address} does not answer (check the network; HF_ENDPOINT names a mirror)"


@contextlib.contextmanager
def _from_cache() -> Iterator[None]:
    """Forbid the hub's libraries the network for a while: else they retry for half a minute."""
    from huggingface_hub import constants

    # The environment variable counts only before the libraries are imported.
    switches: list[Any] = [constants]
    if "datasets" in sys.modules:
        switches.append(sys.modules["datasets"].config)
    before = [switch.HF_HUB_OFFLINE for switch in switches]
    try:
        for switch in switches:
            switch.HF_HUB_OFFLINE = True
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.HF_HUB_OFFLINE = value
