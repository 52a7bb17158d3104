"""The folder in which a job stands until it is done: its shards, and what is known of each.

``OUT.scoring/`` holds ``job.json`` (of what, by which model, how), the shards' pieces, and
``shards.jsonl`` with a line for each that is complete. Everything is on the disk before the line
that tells of it, so a kill at any moment costs the shard in hand and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plaudit.data import durable
from plaudit.data.plain import sha256_of
from plaudit.errors import ConfigError
from plaudit.score.lines import Place

JOB = "job.json"
SHARDS = "shards.jsonl"
LOCK = "lock"
WHOLE = "whole"
_EDGE = 2**20


@dataclass(frozen=True, slots=True)
class Shard:
    """What is known of a shard that is complete.

    Attributes
    ----------
    first, end : int
        Its rows are ``first`` to ``end - 1`` of the input, from 0, bad ones included.
    offset, line : int
        Where the next one begins.
    scored, unsure : int
        Rows with an answer, and those of them on which the model abstains.
    labels : dict of str to int
        How often each was the answer.
    sha256 : str
        Of its piece of the output.
    bad_sha256 : str or None
        Of its piece of the quarantine; None where every row was good.
    """

    first: int
    end: int
    offset: int
    line: int
    scored: int
    unsure: int
    labels: dict[str, int]
    sha256: str
    bad_sha256: str | None

    @property
    def bad(self) -> int:
        """Rows in quarantine."""
        return self.end - self.first - self.scored

    @property
    def after(self) -> Place:
        """Where the next one begins."""
        return Place(self.offset, self.line)


class Staging:
    """A job's folder; held by one process at a time.

    Parameters
    ----------
    folder : Path

    Attributes
    ----------
    shards : list of Shard
        Complete.
    bad : int
        Rows in quarantine.
    dropped : int
        Shards that an earlier run had done and whose files are not what it wrote; done anew.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shards: list[Shard] = []
        self.bad = 0
        self.dropped = 0

    @property
    def rows(self) -> int:
        """Rows that are done."""
        return self.shards[-1].end if self.shards else 0

    @property
    def after(self) -> Place:
        """Where reading goes on."""
        return self.shards[-1].after if self.shards else Place()

    def piece(self, n: int) -> Path:
        """Return the file of a shard's part of the output."""
        return self.folder / f"{n:08}"

    def bad_piece(self, n: int) -> Path:
        """Return the file of a shard's part of the quarantine."""
        return self.folder / f"{n:08}.quarantine"

    def resume(self, identity: dict[str, Any], data: Path) -> None:
        """Take up what is there, if it is of the same job; else begin.

        Parameters
        ----------
        identity : dict
            Of the input, the model and the options, in plain values.
        data : Path
            The input, for messages.

        Raises
        ------
        ConfigError
            It is of another job; what differs is named.
        """
        job = self.folder / JOB
        if not job.is_file():
            durable.replace(job, json.dumps(identity, indent=2).encode())
            return
        begun = json.loads(job.read_text(encoding="utf-8"))
        differ = _differences(begun, identity)
        if differ:
            # Of a large file only both ends are compared, so that its time has to be the same.
            touched = [line.partition(":")[0] for line in differ] == ["input.modified_ns"]
            raise ConfigError(
                [
                    f"{self.folder} holds another job, begun and not finished. It differs in",
                    *(f"  {line}" for line in differ),
                    *([_give_back(begun["input"]["modified_ns"], data)] if touched else []),
                    "Give the command that was begun with, another OUT, or remove the folder.",
                ]
            )
        listed = _shards(self.folder / SHARDS)
        for n, shard in enumerate(listed):
            if not self._is_whole(n, shard):
                break
            self._append(shard)
        self.dropped = len(listed) - len(self.shards)
        lines = "".join(json.dumps(asdict(shard)) + "\n" for shard in self.shards)
        durable.replace(self.folder / SHARDS, lines.encode())

    def _is_whole(self, n: int, shard: Shard) -> bool:
        if sha256_or_none(self.piece(n)) != shard.sha256:
            return False
        return shard.bad_sha256 in (None, sha256_or_none(self.bad_piece(n)))

    def add(self, shard: Shard, piece: bytes, bad: bytes) -> None:
        """Keep a shard: first what it holds, then the line that says so."""
        n = len(self.shards)
        durable.replace(self.piece(n), piece)
        if bad:
            durable.replace(self.bad_piece(n), bad)
        with (self.folder / SHARDS).open("ab") as file:
            file.write((json.dumps(asdict(shard)) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
        self._append(shard)

    def _append(self, shard: Shard) -> None:
        self.shards.append(shard)
        self.bad += shard.bad

    def remove(self) -> None:
        """Remove the folder: what was in it stands in the output.

        At one stroke, by its name: a kill that left half of it would leave a job that looks begun
        but no longer knows the output for its own.
        """
        gone = self.folder.with_name(f"{self.folder.name}.removed")
        shutil.rmtree(gone, ignore_errors=True)
        shutil.rmtree(self.folder.rename(gone))


@contextlib.contextmanager
def held(folder: Path) -> Iterator[Staging]:
    """Make the folder, or take it up, and keep other processes out of it.

    Parameters
    ----------
    folder : Path

    Yields
    ------
    Staging

    Raises
    ------
    ConfigError
        Another process works in it.
    """
    folder.mkdir(exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"{folder}: another process is at work on this. Wait for it, or stop it."
            ) from None
        yield Staging(folder)  # the lock ends with the process, however that ends


def sha256_or_none(path: Path) -> str | None:
    """Return the SHA-256 of a file; None when it cannot be read."""
    try:
        return sha256_of(path)
    except OSError:
        return None


def sha256_of_bytes(content: bytes) -> str:
    """Return the SHA-256 of what is to be written."""
    return hashlib.sha256(content).hexdigest()


def imprint(path: Path) -> dict[str, Any]:
    """Return what tells a large file from another at once: size, time, beginning and end."""
    found = path.stat()
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_EDGE)).hexdigest()
        file.seek(max(0, found.st_size - _EDGE))
        tail = hashlib.sha256(file.read(_EDGE)).hexdigest()
    return {
        "name": path.name,
        "bytes": found.st_size,
        "modified_ns": found.st_mtime_ns,
        "head_sha256": head,
        "tail_sha256": tail,
    }


def _shards(path: Path) -> list[Shard]:
    """Read the lines; the last may have been cut by a kill, and nothing after it counts."""
    found = []
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        for line in path.read_text(encoding="utf-8").splitlines():
            found.append(Shard(**json.loads(line)))  # noqa: PERF401 - keeps those before a bad one
    return found


def _give_back(modified_ns: int, data: Path) -> str:
    seconds, rest = divmod(modified_ns, 10**9)
    return (
        "Only the time of its last change differs. If it is the same file, give it that time back: "
        f"touch -c -d @{seconds}.{rest:09} {shlex.quote(str(data))}"
    )


def _differences(before: Any, now: Any, where: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = dict.fromkeys([*before, *now])
        return [
            line
            for key in keys
            for line in _differences(before.get(key), now.get(key), f"{where}.{key}".strip("."))
        ]
    return [] if before == now else [f"{where}: there {before!r}, asked for {now!r}"]
