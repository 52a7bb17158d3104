"""What was predicted of each row by a model that gives any number of labels, in a Parquet file.

Axes: N rows, C labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plaudit.data.cleaned import Rows
from plaudit.data.label_sets import named
from plaudit.evaluate import predictions
from plaudit.evaluate.bootstrap import Floats

FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class SetPredictions:
    """Answers for labelled rows.

    Attributes
    ----------
    labels : tuple of str
    rows : Rows
    given_NC : ndarray of bool
        The labels that rows were given.
    probabilities_NC : ndarray of float64
    """

    labels: tuple[str, ...]
    rows: Rows
    given_NC: np.ndarray
    probabilities_NC: Floats


def write(path: Path, found: SetPredictions) -> None:
    """Write a new Parquet file, whole or not at all.

    Columns: ``fingerprint``, ``origin``, ``truth`` and ``predicted`` (lists of labels),
    ``excerpt``, and for each label ``p:LABEL``, its probability.

    Parameters
    ----------
    path : Path
    found : SetPredictions

    Raises
    ------
    plaudit.errors.ConfigError
        Something is there already, or the folder is not.
    """
    import pyarrow as pa

    rows, names = found.rows, pa.list_(pa.string())
    columns = {
        "fingerprint": [f"{int(print_):016x}" for print_ in rows.prints_N],
        "origin": rows.origins,
        "truth": pa.array(map(list, named(rows.targets_N, found.labels)), names),
        "predicted": pa.array(map(list, named(found.given_NC, found.labels)), names),
        "excerpt": [predictions.excerpt(text) for text in rows.texts],
    }
    for place, label in enumerate(found.labels):
        columns[f"p:{label}"] = found.probabilities_NC[:, place]
    metadata = {predictions.SETS: str(FORMAT)}
    predictions.write_table(path, pa.table(columns, metadata=metadata))
