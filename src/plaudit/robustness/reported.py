"""Put a result into the report of the model's run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.data.sources import Say, silent
from plaudit.errors import ArtifactError
from plaudit.report.pages import REPORT, pages

SECTION = "robustness"


def check_reported(model: Path | str) -> None:
    """Raise ArtifactError where a result could not be put into the model's report.

    Parameters
    ----------
    model : Path or str
        The model folder.

    Raises
    ------
    plaudit.errors.ArtifactError
        The folder is no model, has no report.json, was changed, or its card was edited.
    """
    folder = Path(model)
    artifact.verify(folder)
    if not (folder / REPORT).is_file():
        raise ArtifactError(
            f"{folder} has no {REPORT} to add to. Leave --into-report out, or take --out FILE."
        )
    artifact.check_unedited(folder)


def into_report(model: Path | str, section: Mapping[str, Any], *, say: Say = silent) -> Path:
    """Add a result to report.json and render page and card from it again.

    Parameters
    ----------
    model : Path or str
        The model folder.
    section : mapping
        From :meth:`Robustness.to_dict`. One that is there from an earlier time is replaced.
    say : callable

    Returns
    -------
    Path
        The new report.html.

    Raises
    ------
    plaudit.errors.ArtifactError
        As :func:`check_reported`.
    """
    check_reported(model)
    folder = Path(model)
    source = folder / REPORT
    document = json.loads(source.read_text(encoding="utf-8"))
    if document.get(SECTION) is not None:
        say(f"{source}: the earlier section on robustness is replaced.")
    artifact.add(folder, pages(document | {SECTION: dict(section)}))
    return folder / "report.html"
