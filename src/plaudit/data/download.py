"""Asks whether the network answers, within seconds, and downloads a file whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from plaudit.errors import DataError

_CHUNK_BYTES = 2**20
_MOST_BYTES = 2**30
_STALL_TIMEOUT_S = 30.0


def reachable(urls: Sequence[str], timeout_s: float, *, any_status: bool = False) -> frozenset[str]:
    """Find out which addresses answer, all at once.

    Parameters
    ----------
    urls : sequence of str
        Addresses to ask.
    timeout_s : float
        Time in all. It bounds name resolution as well, which no socket's time-out does.
    any_status : bool
        Whether an answer such as "not found" counts as well.

    Returns
    -------
    frozenset of str
        Those that answered in time and, but for ``any_status``, without an error.
    """
    up: set[str] = set()

    def ask(url: str) -> None:
        status = _status(url, timeout_s)
        if status is not None and (any_status or status < 400):
            up.add(url)

    askers = [threading.Thread(target=ask, args=(url,), daemon=True) for url in urls]
    for asker in askers:
        asker.start()
    deadline = time.monotonic() + timeout_s
    for asker in askers:
        asker.join(max(0.0, deadline - time.monotonic()))
    return frozenset(url for url in urls if url in up)


def _status(url: str, timeout_s: float) -> int | None:
    try:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - our own addresses
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return None


def md5_of(path: Path) -> str:
    """Return the MD5 of a file, for comparison with a published one.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        Hexadecimal.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def download(url: str, target: Path, md5: str) -> None:
    """Download a file; ``target`` appears only when its bytes are the expected ones.

    Parameters
    ----------
    url : str
        Where from.
    target : Path
        Where to; its folder is made.
    md5 : str
        The expected MD5.

    Raises
    ------
    DataError
        The bytes are others than expected.
    OSError
        The network or the disk failed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            _copy(url, out.write, target.name)
            out.flush()
            os.fsync(out.fileno())
        found = md5_of(part)
        if found != md5:
            raise DataError(
                f"{url}: the download has the md5 {found}, expected is {md5}; nothing was kept. "
                "Try again; if it stays so, get the file by another way and name it in data.imdb."
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _copy(url: str, write: Callable[[bytes], object], name: str) -> None:
    got = 0
    try:
        with urllib.request.urlopen(url, timeout=_STALL_TIMEOUT_S) as response:  # noqa: S310
            total = response.length
            with _progress(name, total) as advance:
                while chunk := response.read(_CHUNK_BYTES):
                    got += len(chunk)
                    if got > _MOST_BYTES:
                        raise OSError(f"more than {_MOST_BYTES:,} bytes came")
                    write(chunk)
                    advance(len(chunk))
    except http.client.HTTPException as error:
        raise OSError(f"the server broke off ({error!r})") from error
    if total is not None and got < total:
        raise OSError(f"the connection broke after {got:,} of {total:,} bytes")


@contextlib.contextmanager
def _progress(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"Downloading {name}", total=total)
        yield lambda size: progress.advance(task, size)
