"""The same rows in several files of predictions: found by their text, never by their position."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from plaudit.errors import DataError
from plaudit.evaluate.predictions import Predictions

_Key = tuple[int, str, int]


def match(named: Sequence[tuple[str, Predictions]]) -> list[Predictions]:
    """Reduce predictions to the rows that all of them hold, in the first's order.

    A text that stands only once everywhere is known by its fingerprint, wherever it came from; of
    a text that repeats, the copies are told apart by their origin.

    Parameters
    ----------
    named : sequence of (str, Predictions)
        Two at least.

    Returns
    -------
    list of Predictions
        Row by row the same texts; the labels in the first's order.

    Raises
    ------
    DataError
        No row matches, the labels are others, or a text has another true label elsewhere.
    """
    all_keys = _keys([predictions for _, predictions in named])
    common = set(all_keys[0]).intersection(*all_keys[1:])
    if not common:
        raise DataError(_none(named))
    order = [key for key in all_keys[0] if key in common]
    labels = named[0][1].labels
    matched = []
    for (name, predictions), keys in zip(named, all_keys, strict=True):
        place = {key: index for index, key in enumerate(keys)}
        try:
            ordered = predictions.relabelled(labels)
        except DataError as error:
            raise DataError(f"{name} and {named[0][0]}: {error}") from None
        matched.append(ordered.take([place[key] for key in order]))
    _check_truth(named, matched)
    return matched


def _keys(every: Sequence[Predictions]) -> list[list[_Key]]:
    repeated: set[int] = set()
    for predictions in every:
        prints, counts = np.unique(predictions.prints_N, return_counts=True)
        repeated.update(prints[counts > 1].tolist())
    return [_keys_of(predictions, repeated) for predictions in every]


def _keys_of(predictions: Predictions, repeated: set[int]) -> list[_Key]:
    met: Counter[tuple[int, str]] = Counter()
    keys = []
    for text, origin in zip(predictions.prints_N.tolist(), predictions.origins, strict=True):
        key = (text, origin if text in repeated else "")
        keys.append((*key, met[key]))  # numbered, should even the origins be equal
        met[key] += 1
    return keys


def _none(named: Sequence[tuple[str, Predictions]]) -> str:
    rows = ", ".join(f"{name} has {len(predictions):,} rows" for name, predictions in named)
    return (
        f"no row stands in all of them: {rows}, and no cleaned text is the same everywhere. Runs "
        "can be compared when they were tested on the same texts (the same data, seed, split and "
        "clean); or give --data DATA, on which every model is then scored."
    )


def _check_truth(named: Sequence[tuple[str, Predictions]], matched: Sequence[Predictions]) -> None:
    first = matched[0]
    for (name, _), other in zip(named[1:], matched[1:], strict=True):
        unlike = np.flatnonzero(first.targets_N != other.targets_N)
        if not len(unlike):
            continue
        at = int(unlike[0])
        here, there = (each.labels[each.targets_N[at]] for each in (first, other))
        raise DataError(
            f"{len(unlike):,} of {len(first):,} rows have another true label in {name} than in "
            f"{named[0][0]}: {other.origins[at]} is {there!r} there, {first.origins[at]} is "
            f"{here!r} here. Score both on one set of labels: --data DATA."
        )
