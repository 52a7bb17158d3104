"""The commands that make a run again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PACKAGES = ("plaudit", "torch", "transformers", "tokenizers", "numpy", "scikit-learn")
# What is pasted into a shell must not be able to be more than a version.
_VERSION = re.compile(r"[0-9A-Za-z.!_+-]{1,64}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def commands(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the lines to type, for a report's page.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    dict
        ``commands``: a list of str. A commit or a version that does not look like one is left out.
    """
    known = {**document["machine"], "plaudit": document["plaudit"]}
    pins = [
        f"{name}=={known[name].split('+')[0]}"
        for name in _PACKAGES
        if _VERSION.fullmatch(str(known.get(name, "")))
    ]
    commit = document["commit"] or ""
    lines = [f"git checkout {commit}"] if _COMMIT.fullmatch(commit) else []
    if lines:
        # The checkout is plaudit itself.
        pins = ["-e .", *(pin for pin in pins if not pin.startswith("plaudit=="))]
    lines += [f"pip install {' '.join(pins)}"] if pins else []
    return {"commands": [*lines, "plaudit train config.toml"]}


def of_pairs(document: Mapping[str, Any]) -> bool:
    """Say whether the model labels pairs of texts; reports of before there were any say nothing."""
    return bool(document["config"].get("data", {}).get("text_pair"))
