"""What was predicted of each row, in a Parquet file: runs are compared later without their models.

A text is known by its fingerprint. Beside it stands an excerpt, for whoever reads where two models
differ; the whole texts stay where they came from.

Axes: N rows, C labels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plaudit.data import outputs
from plaudit.data.cleaned import Rows
from plaudit.errors import ConfigError, DataError, unwritable
from plaudit.evaluate.decide import Answers

if TYPE_CHECKING:
    import pyarrow as pa

PREDICTIONS = "predictions.parquet"
"""In a run's folder: what its model predicted of the test set."""
BASELINE = "baseline.parquet"
"""Beside it: what the TF-IDF baseline predicted of the same rows."""
FORMAT = 1
SETS = b"plaudit_label_sets"
"""In the metadata of predictions of several labels a text."""
_PROBABILITY = "p:"
_OPENING, _ENDING = 160, 120  # characters; a verdict often stands at the end
_COLUMNS = ("fingerprint", "origin", "truth", "predicted", "excerpt")


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """Answers for labelled rows.

    Attributes
    ----------
    labels : tuple of str
    prints_N : ndarray of uint64
        Fingerprints of the cleaned texts.
    origins : list of str
        Where each row stands, such as ``"reviews.csv:12"``.
    targets_N, predicted_N : ndarray of int64
        Indices into ``labels``.
    probabilities_NC : ndarray of float64
    excerpts : list of str
        Beginning and end of each text.
    """

    labels: tuple[str, ...]
    prints_N: np.ndarray
    origins: list[str]
    targets_N: np.ndarray
    predicted_N: np.ndarray
    probabilities_NC: np.ndarray
    excerpts: list[str]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.origins)

    def take(self, index: Sequence[int] | np.ndarray) -> Predictions:
        """Return the rows at these positions."""
        places = np.asarray(index, dtype=np.int64)
        return Predictions(
            self.labels,
            self.prints_N[places],
            [self.origins[i] for i in places],
            self.targets_N[places],
            self.predicted_N[places],
            self.probabilities_NC[places],
            [self.excerpts[i] for i in places],
        )

    def relabelled(self, labels: tuple[str, ...]) -> Predictions:
        """Return the same with the labels in another order.

        Raises
        ------
        DataError
            They are not the same labels.
        """
        if set(labels) != set(self.labels):
            raise DataError(
                f"the labels are {', '.join(self.labels)} here and {', '.join(labels)} there; only "
                "predictions of the same labels can be compared. Name them alike with data.labels."
            )
        old = np.array([self.labels.index(label) for label in labels])
        new_of_old = np.argsort(old)
        return Predictions(
            labels,
            self.prints_N,
            self.origins,
            new_of_old[self.targets_N],
            new_of_old[self.predicted_N],
            self.probabilities_NC[:, old],
            self.excerpts,
        )


def of_rows(rows: Rows, answers: Answers, labels: tuple[str, ...]) -> Predictions:
    """Keep what was predicted of rows.

    Parameters
    ----------
    rows : Rows
    answers : Answers
    labels : tuple of str

    Returns
    -------
    Predictions
    """
    return Predictions(
        labels,
        rows.prints_N,
        rows.origins,
        rows.targets_N,
        answers.chosen_N,
        answers.probabilities_NC,
        [excerpt(text) for text in rows.shown().texts],
    )


def excerpt(text: str) -> str:
    """Return the beginning and the end of a text, or all of a short one.

    Examples
    --------
    >>> excerpt("A triumph.")
    'A triumph.'
    >>> len(excerpt("word " * 1000)), excerpt("word " * 1000).count("…")
    (283, 1)
    """
    if len(text) <= _OPENING + _ENDING:
        return text
    return f"{text[:_OPENING]} … {text[-_ENDING:]}"


def check_new(path: Path) -> None:
    """Make sure, before work begins, that a file of predictions can be made there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ConfigError
        It is not called ``.parquet``, something is there already, or the folder for it is not.
    """
    if path.suffix != ".parquet":
        raise ConfigError(f"{path}: predictions are written as Parquet; name a .parquet file.")
    outputs.check_new(path)


def write(path: Path, predictions: Predictions) -> None:
    """Write a new Parquet file, whole or not at all.

    Columns: ``fingerprint`` (16 hexadecimal digits), ``origin``, ``truth``, ``predicted``,
    ``excerpt``, and for each label ``p:LABEL``, its probability.

    Parameters
    ----------
    path : Path
    predictions : Predictions

    Raises
    ------
    ConfigError
        Something is there already, or the folder is not.
    """
    write_table(path, _table(predictions))


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table as a new Parquet file, whole or not at all; errors name the file."""
    import pyarrow.parquet as pq

    check_new(path)
    staged = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # A relative path would be taken for an address where it has a colon or begins with ~.
        pq.write_table(table, staged.absolute())
        staged.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        staged.unlink(missing_ok=True)


def _table(predictions: Predictions) -> pa.Table:
    import pyarrow as pa

    def names(codes_N: np.ndarray) -> pa.Array:
        return pa.DictionaryArray.from_arrays(codes_N.astype(np.int32), list(predictions.labels))

    columns = {
        "fingerprint": [f"{int(print_):016x}" for print_ in predictions.prints_N],
        "origin": predictions.origins,
        "truth": names(predictions.targets_N),
        "predicted": names(predictions.predicted_N),
        "excerpt": predictions.excerpts,
    }
    for index, label in enumerate(predictions.labels):
        columns[_PROBABILITY + label] = predictions.probabilities_NC[:, index]
    return pa.table(columns, metadata={"plaudit_predictions": str(FORMAT)})


def read(path: Path) -> Predictions:
    """Read what :func:`write` wrote.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Predictions

    Raises
    ------
    DataError
        It cannot be read, or is another kind of file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # A relative path might be taken for an address, as where it is written.
        table = pq.ParquetFile(path.absolute()).read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read as Parquet ({reason}). Make it anew.") from error
    metadata = table.schema.metadata or {}
    if SETS in metadata:
        raise DataError(
            f"{path}: these are predictions of a model that gives a text any number of labels; "
            "only those of one label a text can be compared row by row. plaudit evaluate gives "
            "the figures of each model."
        )
    if metadata.get(b"plaudit_predictions") != str(FORMAT).encode():
        raise DataError(
            f"{path}: these are not predictions that this version wrote. Make them with "
            f"plaudit evaluate MODEL DATA --rows {path.name}"
        )
    return _predictions(table)


def _predictions(table: pa.Table) -> Predictions:
    labels = tuple(
        name.removeprefix(_PROBABILITY)
        for name in table.column_names
        if name.startswith(_PROBABILITY)
    )
    code = {label: index for index, label in enumerate(labels)}
    column = {name: table.column(name).to_pylist() for name in _COLUMNS}
    return Predictions(
        labels,
        np.array([int(each, 16) for each in column["fingerprint"]], dtype=np.uint64),
        column["origin"],
        np.array([code[each] for each in column["truth"]], dtype=np.int64),
        np.array([code[each] for each in column["predicted"]], dtype=np.int64),
        np.stack([table.column(_PROBABILITY + label).to_numpy() for label in labels], axis=1),
        column["excerpt"],
    )
