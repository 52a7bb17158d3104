"""One process at a time in a run's folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from plaudit.errors import ConfigError

NAME = "lock"


@contextmanager
def held(
    folder: Path, name: str = NAME, *, waiting: Callable[[], None] | None = None
) -> Iterator[None]:
    """Keep other processes out of a folder; the system lets go of it when this one dies.

    Parameters
    ----------
    folder : Path
        Must exist. While it is held there is a file in it, with the process's number.
    name : str
        Of that file.
    waiting : callable, optional
        Called before another process's end is waited for; without it the folder is refused.

    Raises
    ------
    ConfigError
        Another process holds it, or no file can be made there.
    """
    if sys.platform == "win32":  # has no flock; there the folder's user is on his own
        yield
        return
    path = folder / name
    handle = _locked(path, waiting)
    try:
        os.truncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        # Removed while held: whoever has opened it in between sees that it is gone.
        path.unlink(missing_ok=True)
        os.close(handle)


def _locked(path: Path, waiting: Callable[[], None] | None) -> int:
    import fcntl

    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigError(f"{path}: no file can be made there: {error.strerror}.") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
                if _is_at(handle, path):
                    return handle
                os.close(handle)
                continue
            holder = os.read(handle, 20).decode(errors="replace").strip()
            os.close(handle)
            raise ConfigError(
                f"{path.parent} is in use by another process{f' ({holder})' if holder else ''}. "
                "Wait for it, or stop it: kill -TERM lets it save first."
            ) from None
        if _is_at(handle, path):
            return handle
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
