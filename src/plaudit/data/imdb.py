"""The name ``imdb``: its sources in order, their digests, and the copy that lost its split."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from plaudit.data import hub, network, places
from plaudit.data.cache import cache_folder
from plaudit.data.download import download, md5_of, reachable
from plaudit.data.places import IMDB_ON_HUB, Source
from plaudit.errors import DataError, PlauditError

TARBALL_URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
TARBALL_MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
PROBE_TIMEOUT_S = 3.0

KAGGLE_ROWS = 50_000
KAGGLE_NOTE = (
    "this is Kaggle's copy of IMDB, in which train and test were merged and shuffled: the "
    "official split is lost, so results are not comparable with published ones"
)


def resolve(asked: str, local: str | None, say: Callable[[str], None]) -> Source:
    """Find the best IMDB within reach: a local copy, the hub, Stanford's tarball, the bundled one.

    Parameters
    ----------
    asked : str
        DATA as the user gave it.
    local : str or None
        A local copy; else the environment variable PLAUDIT_IMDB names one. Where one is named,
        nothing else is tried.
    say : callable
        Takes a line for each source that failed.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        The named copy cannot be used.
    MissingExtra
        No source is within reach, and the bundled reviews are not installed.
    """
    copy = local or os.environ.get("PLAUDIT_IMDB")
    if copy:
        return _local(asked, copy, "data.imdb" if local else "PLAUDIT_IMDB")
    hub_url, tarball = _hub_url(), cache_folder() / "aclImdb_v1.tar.gz"
    up = frozenset() if network.offline() else reachable((hub_url, TARBALL_URL), PROBE_TIMEOUT_S)
    if hub_url in up:
        try:
            return _from_hub(asked)
        except DataError as error:
            say(f"{asked}: the hub failed, trying the tarball ({error})")
    if tarball.is_file() and md5_of(tarball) == TARBALL_MD5:
        return places.of_archive(asked, tarball, "Stanford's tarball")
    if TARBALL_URL in up:
        try:
            download(TARBALL_URL, tarball, TARBALL_MD5)
            return places.of_archive(asked, tarball, "Stanford's tarball")
        except (OSError, DataError) as error:
            say(f"{asked}: {TARBALL_URL} could not be downloaded, trying the bundled ({error})")
    return places.of_bundled(asked)


def _from_hub(asked: str) -> Source:
    source = places.of_hub(asked, IMDB_ON_HUB)
    # The hub may answer while the host of its files is blocked: only what lies here is served.
    for split in source.splits:
        hub.load(source.location, split)
    return source


def _local(asked: str, copy: str, named_by: str) -> Source:
    try:
        source = places.locate(copy)
    except PlauditError as error:
        raise DataError(f"{named_by} names no usable copy of IMDB. {error}") from error
    note = f"{asked} ({named_by}): {source.note}"
    return replace(source, asked=asked, note=note)


def _hub_url() -> str:
    return f"{network.endpoint()}/datasets/{IMDB_ON_HUB}/resolve/main/README.md"


def is_kaggle_name(paths: Sequence[str]) -> bool:
    """Recognise Kaggle's copy by the name of its file.

    Parameters
    ----------
    paths : sequence of str
        The files of a table.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_kaggle_name(["data/IMDB Dataset.csv"]), is_kaggle_name(["mine.csv"])
    (True, False)
    """
    stems = [Path(path).name.casefold().split(".")[0] for path in paths]
    return [stem.replace(" ", "").replace("_", "") for stem in stems] == ["imdbdataset"]


def is_kaggle_table(columns: Sequence[str], rows: int) -> bool:
    """Recognise Kaggle's copy by its columns and its number of rows.

    Parameters
    ----------
    columns : sequence of str
        All columns.
    rows : int
        How many rows.

    Returns
    -------
    bool
    """
    return rows == KAGGLE_ROWS and sorted(columns) == ["review", "sentiment"]
