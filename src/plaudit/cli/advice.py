"""The command that is named next."""

from __future__ import annotations

import shlex
from pathlib import Path


def predicting(model: Path) -> str:
    """Name the command that asks a model about a text, or about two where it labels pairs."""
    from plaudit import artifact

    texts = ["Is it good?", "A triumph."] if artifact.read_spec(model).pairs else ["A triumph."]
    return f"plaudit predict {shlex.quote(str(model))} {' '.join(map(repr, texts))}"
