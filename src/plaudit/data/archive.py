"""A tarball in the layout of aclImdb, read as a stream: nothing is ever unpacked to disk."""

from __future__ import annotations

import contextlib
import tarfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath

from plaudit.data.folder import IGNORED, IMDB_NAME, SPLITS, Layout
from plaudit.data.plain import decoded
from plaudit.data.rows import RawRow
from plaudit.errors import DataError

EXTENSIONS = (".tar.gz", ".tgz", ".tar")
MOST_BYTES = 2 * 2**30  # unpacked; aclImdb has about 0.3 GB in 100,021 members
MOST_MEMBERS = 1_000_000
LONGEST_TEXT = 64 * 2**20


def find(path: Path) -> Layout:
    """Look through the members' names until all is known; reads no review.

    Parameters
    ----------
    path : Path
        The tarball.

    Returns
    -------
    Layout
        With ``root`` the tarball itself.

    Raises
    ------
    DataError
        It cannot be read, has an unsafe member, or no labelled text in the layout.
    """
    seen: dict[str, str] = {}
    with contextlib.closing(_members(path)) as members:
        for _, _, place in members:
            if place is not None:
                seen.setdefault(place.parts[-3], place.name)
            if {"train", "test"} <= seen.keys():
                break
    if not seen:
        raise DataError(f"{path.name}: the archive has no texts in the layout train/LABEL/*.txt.")
    by_film = all(IMDB_NAME.fullmatch(name) for name in seen.values())
    return Layout(path, tuple(split for split in SPLITS if split in seen), by_film)


def rows(path: Path, split: str) -> Iterator[RawRow]:
    """Read the reviews of one split in the archive's order; other members are passed over.

    Parameters
    ----------
    path : Path
        The tarball.
    split : str
        Which split.

    Yields
    ------
    RawRow
        Its label is the folder's name.

    Raises
    ------
    DataError
        The archive is damaged, has an unsafe member or the same text twice, or a text is not
        UTF-8.
    """
    read: set[PurePosixPath] = set()
    for tar, member, place in _members(path):
        if place is None or place.parts[-3] != split:
            continue
        origin = f"{path.name}:{place}"
        if place in read:
            raise DataError(f"{origin}: the archive holds this text twice. Pack it anew.")
        read.add(place)
        stream = tar.extractfile(member)
        content = stream.read() if stream is not None else b""
        yield RawRow(decoded(content, origin), place.parts[-2], origin)


_Member = tuple[tarfile.TarFile, tarfile.TarInfo, PurePosixPath | None]


def _members(path: Path) -> Generator[_Member, None, None]:
    """Yield each checked member, with its place when it is a labelled text."""
    total = 0
    try:
        with tarfile.open(path, "r|*") as tar:
            for count, member in enumerate(tar, start=1):
                total += max(member.size, 0)
                _check(path.name, member, count, total)
                yield tar, member, _place(member)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path.name}: damaged, incomplete or not a tar archive ({error}). Download it anew."
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error


def _check(archive: str, member: tarfile.TarInfo, count: int, total: int) -> None:
    name = PurePosixPath(member.name)
    wrong = None
    if not (member.isreg() or member.isdir()):
        wrong = "is a link or a device"
    elif name.is_absolute() or ".." in name.parts:
        wrong = "points out of the archive"
    elif total > MOST_BYTES:
        wrong = f"brings the unpacked size to {total:,} bytes; allowed are {MOST_BYTES:,}"
    elif count > MOST_MEMBERS:
        wrong = f"is one too many; allowed are {MOST_MEMBERS:,} members"
    elif member.isreg() and member.name.endswith(".txt") and member.size > LONGEST_TEXT:
        wrong = f"is a text of {member.size:,} bytes; allowed are {LONGEST_TEXT:,}"
    if wrong:
        raise DataError(
            f"{archive}: member '{member.name}' {wrong}. Use an archive of plain text files in "
            "the layout train/LABEL/*.txt, from a place that you trust."
        )


def _place(member: tarfile.TarInfo) -> PurePosixPath | None:
    name = PurePosixPath(member.name)
    parts = name.parts
    labelled = len(parts) in (3, 4) and parts[-3] in SPLITS and parts[-2] not in IGNORED
    hidden = any(part[0] == "." for part in parts[-2:])
    return name if member.isreg() and labelled and name.suffix == ".txt" and not hidden else None
