"""A tarball in the layout of aclImdb, read as a stream: nothing is ever unpacked to disk."""

from __future__ import annotations

import contextlib
import gzip
import tarfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from plaudit.data.folder import IGNORED, IMDB_NAME, SPLITS, Layout, place, rating
from plaudit.data.plain import decoded
from plaudit.data.rows import RawRow
from plaudit.errors import DataError

EXTENSIONS = (".tar.gz", ".tgz", ".tar")
MOST_BYTES = 2 * 2**30  # unpacked; aclImdb has about 0.3 GB in 100,021 members
MOST_HEADER_BYTES = 64 * 2**10  # of one member: tarfile reads long names and pax records whole
MOST_MEMBERS = 1_000_000
LONGEST_TEXT = 64 * 2**20
_GZIP = b"\x1f\x8b"
_BLOCK = tarfile.RECORDSIZE
_ADVICE = (
    "Use an archive of plain text files in the layout train/LABEL/*.txt, from a place that you "
    "trust."
)


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
        for _, _, name in members:
            if name is not None:
                seen.setdefault(name.parts[-3], name.name)
            # Named as IMDB's are, they have no third one, and the rest takes some seconds to pass.
            named = all(IMDB_NAME.fullmatch(first) for first in seen.values())
            if set(SPLITS) <= seen.keys() or ({"train", "test"} <= seen.keys() and named):
                break
    if not seen:
        raise DataError(f"{path.name}: the archive has no texts in the layout train/LABEL/*.txt.")
    by_film = all(IMDB_NAME.fullmatch(first) for first in seen.values())
    return Layout(path, tuple(split for split in SPLITS if split in seen), by_film)


def rows(path: Path, split: str, *, rated: bool = False) -> Iterator[RawRow]:
    """Read the reviews of one split, in the order in which :mod:`plaudit.data.folder` reads them.

    The archive's own order says nothing (of "blocks" neither) once it was packed anew; a split is
    held in memory, which for IMDB is 33 MB.

    Parameters
    ----------
    path : Path
        The tarball.
    split : str
        Which split.
    rated : bool
        Carry the rating in the file's name along.

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
    read: dict[PurePosixPath, RawRow] = {}
    for tar, member, name in _members(path):
        if name is None or name.parts[-3] != split:
            continue
        origin = f"{path.name}:{name}"
        if name in read:
            raise DataError(f"{origin}: the archive holds this text twice. Pack it anew.")
        stream = tar.extractfile(member)
        content = stream.read() if stream is not None else b""
        others = (rating(name.name),) if rated else ()
        read[name] = RawRow(decoded(content, origin), name.parts[-2], origin, others)
    for name in sorted(read, key=lambda each: (each.parts[-2], place(each.name), each)):
        yield read[name]


_Member = tuple[tarfile.TarFile, tarfile.TarInfo, PurePosixPath | None]


def _members(path: Path) -> Generator[_Member, None, None]:
    """Yield each checked member, with its place when it is a labelled text."""
    total = 0
    try:
        with _unzipped(path) as stream:
            meter = _Meter(stream, path.name)
            with tarfile.open(fileobj=cast(IO[bytes], meter), mode="r|", bufsize=_BLOCK) as tar:
                for count, member in enumerate(tar, start=1):
                    total += max(member.size, 0)
                    _check(path.name, member, count, total)
                    meter.expect_header_at(tar.offset)
                    yield tar, member, _place(member)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path.name}: damaged, incomplete or not a tar archive ({error}). Download it anew."
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error


@contextlib.contextmanager
def _unzipped(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        zipped = raw.read(len(_GZIP)) == _GZIP  # whatever it is called: browsers unzip, too
        raw.seek(0)
        if not zipped:
            yield raw
            return
        with gzip.open(raw) as stream:
            yield cast(IO[bytes], stream)


class _Meter:
    """Counts what tarfile reads, headers too, and stops it before a header fills the memory."""

    def __init__(self, stream: IO[bytes], archive: str) -> None:
        self._stream = stream
        self._archive = archive
        self._read = 0
        self.expect_header_at(0)

    def expect_header_at(self, offset: int) -> None:
        """Allow reading up to the member's end, and the headers of the next one."""
        own = 2 * tarfile.BLOCKSIZE  # of the extension itself, and of the member
        # Each read takes a whole block.
        self._bound = -(-(offset + own + MOST_HEADER_BYTES) // _BLOCK) * _BLOCK

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._read += len(content)
        wrong = None
        if self._read > MOST_BYTES:
            wrong = f"unpacks to more than {MOST_BYTES:,} bytes"
        elif self._read > self._bound:
            wrong = f"more than {MOST_HEADER_BYTES:,} bytes of headers for one member"
        if wrong:
            raise DataError(f"{self._archive}: {wrong}. {_ADVICE}")
        return content


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
        raise DataError(f"{archive}: member '{member.name}' {wrong}. {_ADVICE}")


def _place(member: tarfile.TarInfo) -> PurePosixPath | None:
    name = PurePosixPath(member.name)
    parts = name.parts
    labelled = len(parts) in (3, 4) and parts[-3] in SPLITS and parts[-2] not in IGNORED
    hidden = any(part[0] == "." for part in parts[-2:])
    return name if member.isreg() and labelled and name.suffix == ".txt" and not hidden else None
