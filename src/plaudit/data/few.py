"""Few rows of each label to train on, as if there were no labels for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from plaudit.data.cleaned import Rows
from plaudit.data.split import Division, mixed
from plaudit.errors import DataError


def keep_few(
    division: Division,
    count: int,
    seed: int,
    rows: Rows,
    *,
    names: Sequence[str],
    barred_N: NDArray[np.bool_],
) -> Division:
    """Keep a few training rows of each label, drawn by seed and text whatever the order.

    Parameters
    ----------
    division : Division
    count : int
        Rows of each label (``split.per_class``), no text twice.
    seed : int
        Which ones. With more of them asked for, these are among them.
    rows : Rows
        All that were divided, N.
    names : sequence of str
        Of the labels, for messages.
    barred_N : ndarray of bool, shape (N,)
        Rows to pass over, because they will not be trained on.

    Returns
    -------
    Division
        What could have been kept as well is its ``spare``.

    Raises
    ------
    DataError
        A label has fewer different texts.
    """
    prints_N, targets_N = rows.prints_N, rows.targets_N
    train = division.train[~barred_N[division.train]]
    # Another seed than divide's, or its order would be that in which the test rows were drawn.
    hashed = mixed(prints_N[train] ^ mixed(mixed(np.array([seed], dtype=np.uint64))))
    prints, labels = prints_N[train], targets_N[train]
    kept = np.zeros(len(train), dtype=bool)
    short = {}
    for label in np.unique(targets_N):
        ranked = np.flatnonzero(labels == label)[np.argsort(hashed[labels == label], kind="stable")]
        _, first = np.unique(prints[ranked], return_index=True)
        kept[ranked[np.sort(first)[:count]]] = True
        if len(first) < count:
            short[int(label)] = len(first)
    if short:
        found = ", ".join(f"{names[label]} has {there:,}" for label, there in short.items())
        most = min(short.values())
        raise DataError(
            f"split.per_class is {count}, but of different texts in the training part {found}. "
            + (f"Set it to {most} or less." if most else "Add rows, or remove the label.")
        )
    spare = train[~kept & ~np.isin(prints, prints[kept])]
    return replace(division, train=train[kept], spare=spare)
