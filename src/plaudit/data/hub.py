"""Datasets of the Hugging Face hub, through the ``datasets`` library."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from plaudit.data import network
from plaudit.data.columns import Chosen, as_trained, choose
from plaudit.data.header import Header
from plaudit.data.records import Columns
from plaudit.data.rows import SINGLE, RawRow
from plaudit.errors import DataError

_REPO = re.compile(r"([\w.-]+/[\w.-]+)(?:/([\w.-]+))?")
_REVISION = re.compile(r"@([0-9a-f]{7,40})/")
_BATCH_ROWS = 1000
_UNLABELLED_SPLITS = frozenset({"unsupervised"})


def parse(name: str) -> tuple[str, ...]:
    """Take ``owner/name`` or ``owner/name/config`` apart.

    Parameters
    ----------
    name : str
        What follows ``hub:``.

    Returns
    -------
    tuple of str
        The repository and, if given, its configuration.

    Raises
    ------
    DataError
        It has another form.
    """
    match = _REPO.fullmatch(name)
    if match is None:
        raise DataError(
            f"hub:{name}: a dataset of the hub is written hub:owner/name or "
            "hub:owner/name/config, for example hub:stanfordnlp/imdb."
        )
    return tuple(part for part in match.groups() if part)


def splits(location: tuple[str, ...]) -> tuple[str, ...]:
    """Ask the hub which labelled splits a dataset has; downloads no rows.

    Parameters
    ----------
    location : tuple of str
        From :func:`parse`.

    Returns
    -------
    tuple of str

    Raises
    ------
    DataError
        The hub cannot be asked, or has no such dataset.
    """
    import datasets

    with _asking(location):
        found = datasets.load_dataset_builder(*location).info.splits
        names = list(found) if found else datasets.get_dataset_split_names(*location)
    return tuple(str(name) for name in names if name not in _UNLABELLED_SPLITS)


def load(location: tuple[str, ...], split: str) -> Any:
    """Download one split, or take it from the hub's cache.

    Parameters
    ----------
    location : tuple of str
        From :func:`parse`.
    split : str
        Which split.

    Returns
    -------
    datasets.Dataset
        As the hub has it, memory-mapped.

    Raises
    ------
    DataError
        It cannot be loaded.
    """
    import datasets

    with _asking(location):
        return datasets.load_dataset(*location, split=split)


@contextlib.contextmanager
def _asking(location: tuple[str, ...]) -> Iterator[None]:
    """Turn to the hub or its cache, and say of a failure what to do."""
    if Path(location[0]).is_dir():  # datasets would read it in the hub's place
        raise DataError(
            f"hub:{'/'.join(location)}: a folder of that name is here, and would be read instead. "
            f"For the folder write ./{location[0]}; for the hub, work in another folder."
        )
    with network.hub_or_cache() as cut_off:
        try:
            yield
        # Any exception: the library passes on those of half a dozen others.
        except Exception as error:
            if not cut_off:
                raise _failure(location, error) from error
            raise DataError(
                f"hub:{'/'.join(location)}: {cut_off}, and the hub's cache on this machine does "
                "not hold the dataset. Else download the dataset elsewhere and give the path."
            ) from error


def _failure(location: tuple[str, ...], error: Exception) -> DataError:
    reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    config = (
        f" Name one of its configurations: hub:{location[0]}/CONFIG."
        if len(location) == 1 and "config" in reason.casefold()
        else ""
    )
    return DataError(
        f"hub:{'/'.join(location)}: the hub did not serve it ({reason}).{config} Check the name "
        "and the network (a private dataset needs HF_TOKEN), or download it and give the path."
    )


def chosen_columns(dataset: Any, where: str, columns: Columns) -> Chosen:
    """Decide which columns of a dataset to read; an only class column is the label.

    Parameters
    ----------
    dataset : datasets.Dataset
        From :func:`load`.
    where : str
        How messages call it.
    columns : Columns
        What the user named.

    Returns
    -------
    Chosen

    Raises
    ------
    DataError
        As :func:`plaudit.data.columns.choose`.
    """
    header = header_of(dataset, where)
    columns = as_trained(header, columns)
    classes = [name for name in header.names if class_names(dataset, name)]
    if columns.label is None and len(classes) == 1:
        known = choose(header, replace(columns, label=classes[0]))
        return replace(known, guessed=True)
    return choose(header, columns)


def header_of(dataset: Any, where: str) -> Header:
    """Return a dataset's columns."""
    features: Mapping[str, Any] = dataset.features
    texts = {
        n for n, each in features.items() if str(getattr(each, "dtype", "")).endswith("string")
    }
    return Header(where, tuple(features), frozenset(texts))


def class_names(dataset: Any, column: str) -> tuple[str, ...]:
    """Return the names that a class column's integers stand for; () for another column.

    Parameters
    ----------
    dataset : datasets.Dataset
        From :func:`load`.
    column : str
        Which column.

    Returns
    -------
    tuple of str
    """
    import datasets

    feature = dataset.features.get(column)  # none where several columns are the labels
    feature = getattr(feature, "feature", feature)  # of a list, where a text has several
    return tuple(feature.names) if isinstance(feature, datasets.ClassLabel) else ()


def rows(dataset: Any, where: str, chosen: Chosen) -> Iterator[RawRow]:
    """Read the text and the label's name of every row.

    Parameters
    ----------
    dataset : datasets.Dataset
        From :func:`load`.
    where : str
        How origins call it.
    chosen : Chosen
        The columns.

    Yields
    ------
    RawRow
        Numbered from 1.
    """
    names = class_names(dataset, chosen.label)
    number = 0
    for batch in dataset.select_columns(list(chosen.read)).iter(batch_size=_BATCH_ROWS):
        for values in zip(*(batch[name] for name in chosen.read), strict=True):
            number += 1
            found = dict(zip(chosen.read, values, strict=True))
            label = _named(chosen.label_of(found), names)
            others = tuple(found[name] for name in chosen.others)
            second = SINGLE if chosen.text_pair is None else found[chosen.text_pair]
            yield RawRow(found[chosen.text], label, f"{where}:{number}", others, second)


def _named(label: object, names: tuple[str, ...]) -> object:
    if names and isinstance(label, list):
        return [_named(each, names) for each in label]
    if not names or not isinstance(label, int):
        return label
    return names[label] if 0 <= label < len(names) else None  # the hub writes -1 for "no label"


def identity(dataset: Any) -> str:
    """Tell which version of a dataset this is.

    Parameters
    ----------
    dataset : datasets.Dataset
        From :func:`load`.

    Returns
    -------
    str
        The hub's revision where it is known, else the library's fingerprint.
    """
    for url in dataset.info.download_checksums or {}:
        if match := _REVISION.search(str(url)):
            return f"revision {match[1]}"
    return f"fingerprint {dataset._fingerprint}"
