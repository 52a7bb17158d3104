"""The quick part of an audit, on the rows that a run has in memory anyway."""

from __future__ import annotations

import time

import numpy as np

from plaudit.audit import words
from plaudit.audit.examine import Audit, about_rows, by_gravity
from plaudit.audit.lengths import Lengths
from plaudit.audit.records import Table
from plaudit.audit.shortcuts import telling_words
from plaudit.data.cleaned import Rows


def audit_rows(data: str, rows: Rows, labels: tuple[str, ...], lengths: Lengths) -> Audit:
    """Look at rows as they are trained on: all of :func:`audit` but the search for wrong labels.

    Parameters
    ----------
    data : str
        Where they come from.
    rows : Rows
        Cleaned, as one part.
    labels : tuple of str
    lengths : Lengths

    Returns
    -------
    Audit
        It cannot be written as mended data: what was read is no longer there.
    """
    started = time.perf_counter()
    table = Table(
        rows=rows,
        labels=labels,
        parts=("train",),
        parts_N=np.zeros(len(rows), dtype=np.int64),
        official=False,
        order="any",
        blank=(),
        corpora=(),
        places_N=np.arange(len(rows), dtype=np.int64),
        note="The rows that were trained on, cleaned.",
    )
    split = words.split(rows.texts)
    telling, shortcuts = telling_words(table, words.features(split))
    found = sorted([*about_rows(table, split, lengths), *shortcuts], key=by_gravity)
    seconds = time.perf_counter() - started
    return Audit(data, table, lengths, tuple(telling), None, tuple(found), seconds)
