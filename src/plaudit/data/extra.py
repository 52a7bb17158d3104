"""Data that is only trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plaudit.config import Config
from plaudit.data.asked import training_split
from plaudit.data.cleaned import Rows, rows_of
from plaudit.data.records import Columns
from plaudit.data.sources import Say, read, resolve


@dataclass(frozen=True, slots=True)
class Extra:
    """Rows that were only trained on, from data of their own.

    Attributes
    ----------
    asked, served_by, note : str
        As in :class:`plaudit.data.records.Provenance`.
    files : mapping of str to str
    rows : int
    left_out : int
        Rows whose text also stands in the training, validation or held-out part.
    """

    asked: str
    served_by: str
    note: str
    files: Mapping[str, str]
    rows: int
    left_out: int


def with_extra(
    config: Config,
    columns: Columns,
    labels: tuple[str, ...],
    parts: tuple[Rows, Rows, Rows],
    say: Say,
) -> tuple[Rows, Extra | None]:
    """Add data that is only trained on, but for texts that stand in any part already.

    Parameters
    ----------
    config : Config
    columns : Columns
    labels : tuple of str
        Those of training.
    parts : (Rows, Rows, Rows)
        Training, validation and what is held out.
    say : callable
        Takes a line for the user.

    Returns
    -------
    tuple of (Rows, Extra or None)
        The rows to train on, and what was added.

    Raises
    ------
    DataError
        The data cannot be used, or has other labels.
    """
    train = parts[0]
    if config.data.extra is None:
        return train, None
    source = resolve(config.data.extra, imdb=config.data.imdb, say=say)
    corpus = read(source, training_split(source), columns, labels=labels, say=say)
    more = rows_of(corpus, config.clean)
    fresh = more.without(np.concatenate([part.prints_N for part in parts]))
    origin, left_out = corpus.provenance, len(more) - len(fresh)
    say(f"data.extra: {len(fresh):,} more texts to train on, {left_out:,} left out. {origin.note}")
    return train.plus(fresh), Extra(
        origin.asked, origin.served_by, origin.note, dict(origin.files), len(fresh), left_out
    )
