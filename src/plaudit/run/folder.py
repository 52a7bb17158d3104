"""The run's folder: taken once, never overwritten."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.config import Config, dump_toml
from plaudit.data import durable
from plaudit.errors import ArtifactError, ConfigError
from plaudit.evaluate import predictions, set_predictions
from plaudit.evaluate.set_predictions import SetPredictions
from plaudit.report.pages import REPORT, pages
from plaudit.run.testing import Tested

CONFIG = "config.toml"


def take(out: str, name: str) -> Path:
    """Make a new folder for a run.

    Parameters
    ----------
    out : str
        Folder that holds the runs.
    name : str

    Returns
    -------
    Path
        ``out/name``, or ``out/name-2`` and so on when that is taken.

    Raises
    ------
    ConfigError
        The folder cannot be made.
    """
    for number in range(1, 100_000):
        folder = Path(out) / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if Path(out).is_dir():
                continue
            raise ConfigError(f"out = {out!r} is a file; name a folder") from None
        except OSError as error:
            raise ConfigError(f"out = {out!r}: no folder can be made there: {error}") from error
        return folder
    raise ConfigError(f"{out}/{name} is taken 99,999 times over; choose another name")


def put(path: Path, text: str) -> None:
    """Write a file of a run's folder, whole or not at all, to last: checkpoints go after it."""
    durable.replace(path, text.encode())


def begin(config: Config) -> Path:
    """Take a run's folder and put its configuration there, all defaults written out.

    Parameters
    ----------
    config : Config

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        The folder cannot be made.
    """
    folder = take(config.out, config.name)
    put(folder / CONFIG, dump_toml(config))
    return folder


def keep_predictions(folder: Path, tested: Tested | None) -> None:
    """Keep what was predicted of the test set, so that runs can be compared row by row.

    Parameters
    ----------
    folder : Path
        The run's.
    tested : Tested or None
    """
    kept = {
        predictions.PREDICTIONS: tested.predictions if tested else None,
        predictions.BASELINE: tested.baseline_predictions if tested else None,
    }
    for name, found in kept.items():
        # Of an attempt that ended before its report was written; the run is being resumed.
        (folder / name).unlink(missing_ok=True)
        if isinstance(found, SetPredictions):
            set_predictions.write(folder / name, found)
        elif found is not None:
            predictions.write(folder / name, found)


def _read_report(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(
            f"{path}: this is no whole JSON document ({error}). Take it from a copy of the run."
        ) from None
    if not isinstance(document, dict) or not {"data", "training", "model"} <= set(document):
        raise ArtifactError(f"{path}: this is no report of a run. Take it from a copy of the run.")
    return document


def rebuild_report(run: Path | str) -> Path:
    """Render a run's report and model card again from its report.json.

    Parameters
    ----------
    run : Path or str
        The run's folder, or the model folder in it.

    Returns
    -------
    Path
        The new report.html.

    Raises
    ------
    ArtifactError
        There is no report.json, or it is damaged.

    Examples
    --------
    >>> import plaudit
    >>> print(plaudit.report("runs/quickstart"))
    runs/quickstart/model/report.html
    """
    folder = Path(run)
    if (folder / "model" / artifact.MANIFEST).is_file():
        folder = folder / "model"
    source = folder / REPORT
    if not source.is_file():
        above = Path(run).parent
        if (above / "model" / REPORT).is_file():
            raise ArtifactError(
                f"{run} is one seed of {above}, whose report tells of all of them: plaudit report "
                f"{shlex.quote(str(above))}"
            )
        raise ArtifactError(
            f"{folder} has no {REPORT}. Give a run's folder, as in runs/quickstart."
        )
    artifact.verify(folder)
    artifact.add(folder, pages(_read_report(source)))
    return folder / "report.html"
