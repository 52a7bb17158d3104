"""What is compared: the predictions that a run kept, or models that are scored now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from plaudit.artifact import MANIFEST
from plaudit.config import CleanConfig
from plaudit.data.fingerprint import fingerprints
from plaudit.data.records import Columns
from plaudit.data.sources import Source, resolve
from plaudit.data.text_pairs import cleaned
from plaudit.errors import ConfigError, DataError
from plaudit.evaluate.predictions import BASELINE, PREDICTIONS, Predictions, of_rows, read
from plaudit.labelled import Labelled, find
from plaudit.predict import Classifier

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One side of a comparison.

    Attributes
    ----------
    name : str
    path : str
        As it was given.
    predictions : Predictions
    seen : int
        Rows left out because training or selection of this model has seen their text.
    """

    name: str
    path: str
    predictions: Predictions
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What models are to be scored on.

    Attributes
    ----------
    data : str
        Any DATA.
    split : str or None
    columns : Columns
    device : {"auto", "cpu", "cuda", "mps"}
    """

    data: str
    split: str | None
    columns: Columns
    device: str


def contenders(paths: Sequence[str], asked: Asked | None, say: Say) -> list[Contender]:
    """Find or make the predictions to compare.

    Parameters
    ----------
    paths : sequence of str
        Runs, models, or files of predictions. One run alone is set against its baseline.
    asked : Asked or None
        Data on which models are scored; without it each run's kept predictions are taken.
    say : callable

    Returns
    -------
    list of Contender
        Two at least, with different names.

    Raises
    ------
    plaudit.errors.PlauditError
        Something else was given, or the data cannot be used.
    """
    if len({_place(path, asked) for path in paths}) != len(paths):
        raise ConfigError("the same path stands twice; a comparison needs different runs.")
    if len(paths) == 1 and asked is None:
        paths = [*paths, str(_baseline_of(paths[0]))]
    if len(paths) < 2:
        raise ConfigError("one model alone cannot be compared; name two runs, models or files.")
    names = _names(paths)
    if asked is None:
        return [
            Contender(name, path, read(_kept(Path(path))))
            for name, path in zip(names, paths, strict=True)
        ]
    source, found, cleaning = resolve(asked.data, say=say), [], None
    for name, path in zip(names, paths, strict=True):
        if Path(path).is_file():
            found.append(Contender(name, path, read(Path(path))))
            continue
        classifier = Classifier.load(_model(Path(path)), device=asked.device)
        cleaning = cleaning or classifier.spec.clean
        say(f"{name} labels {asked.data}")
        found.append(Contender(name, path, *_scored(classifier, source, asked, cleaning)))
    return found


def _place(path: str, asked: Asked | None) -> Path:
    """Return where what is compared lies, however its path is written."""
    where = Path(path)
    if where.is_file():
        return where.resolve()
    return (_kept(where) if asked is None else _model(where)).resolve()


def _names(paths: Sequence[str]) -> list[str]:
    """Name each as briefly as tells them apart."""
    short = []
    for path in map(Path, paths):
        where = path.absolute()
        run = where.parent if where.name in ("model", PREDICTIONS) else where
        short.append(f"{run.parent.name} (baseline)" if run.name == BASELINE else run.name)
    counts = Counter(short)
    return [name if counts[name] == 1 else path for name, path in zip(short, paths, strict=True)]


def _baseline_of(path: str) -> Path:
    file = _kept(Path(path)).with_name(BASELINE)
    if not file.is_file():
        raise ConfigError(
            f"{path} is alone and has no baseline beside it to be compared with (evaluate.baseline "
            "was off, or nothing was held out). Name a second run."
        )
    return file


def _kept(path: Path) -> Path:
    """Find the predictions that a run kept."""
    if path.is_file():
        return path
    for folder in (path, path.parent if path.name == "model" else path):
        if (folder / PREDICTIONS).is_file():
            return folder / PREDICTIONS
    if not path.exists():
        raise DataError(f"{path}: there is nothing. Give a run's folder, as in runs/quickstart.")
    raise DataError(
        f"{path}: a run's kept predictions ({PREDICTIONS}) are not there: the run had no test set, "
        "is older than they are, or this is a model without its run. Give --data DATA, on which "
        "every model is then scored."
    )


def _model(path: Path) -> Path:
    return path / "model" if (path / "model" / MANIFEST).is_file() else path


def _scored(
    classifier: Classifier, source: Source, asked: Asked, cleaning: CleanConfig
) -> tuple[Predictions, int]:
    labelled = find(source, asked.split, asked.columns, classifier.spec)
    rows = labelled.rows
    fresh = np.flatnonzero(~np.isin(rows.prints_N, classifier.seen_prints_N))
    if not len(fresh):
        raise DataError(
            f"{asked.data}: training or selection has seen all of its texts; give data that is new "
            "to every model."
        )
    kept = rows.take(fresh)
    answers = classifier.answers(classifier.probabilities(kept.texts))
    predictions = of_rows(kept, answers, classifier.labels)
    if classifier.spec.clean != cleaning:  # a text must have one fingerprint in the comparison
        predictions = replace(predictions, prints_N=_prints(labelled, fresh, cleaning))
    return predictions, len(rows) - len(fresh)


def _prints(labelled: Labelled, index: np.ndarray, cleaning: CleanConfig) -> np.ndarray:
    return fingerprints(cleaned(text, cleaning) for text in labelled.raw(index.tolist()))
