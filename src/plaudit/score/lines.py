"""The lines of a text file, each with its number and its place; none fills the memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

LONGEST_ROW = 2**24
"""Bytes. A longer line is skipped without being held, and a row that runs over lines ends there."""
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file reading goes on.

    Attributes
    ----------
    offset : int
        Bytes before it, unzipped; for Parquet rows.
    line : int
        The number of the line that begins there; for Parquet of the row.
    """

    offset: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes
    ----------
    number : int
        From 1.
    after : Place
        The beginning of the next one.
    content : bytes
        With the line's end; of a line that is too long only the beginning.
    whole : bool
        Whether that is all of it.
    """

    number: int
    after: Place
    content: bytes
    whole: bool


class Lines:
    """A file's lines, which can be put back.

    Parameters
    ----------
    stream : binary stream
    start : Place
    """

    def __init__(self, stream: IO[bytes], start: Place) -> None:
        if start.offset:
            stream.seek(start.offset)
        self._stream = stream
        self._next = start
        self._back: deque[Line] = deque()

    def take(self) -> Line | None:
        """Return the next line, or None at the end."""
        if self._back:
            return self._back.popleft()
        content = self._stream.readline(LONGEST_ROW)
        if not content:
            return None
        size, whole = len(content), content.endswith(b"\n") or len(content) < LONGEST_ROW
        if not whole:
            content = content[:_PIECE]
            while rest := self._stream.readline(_PIECE):
                size += len(rest)
                if rest.endswith(b"\n"):
                    break
        number = self._next.line
        self._next = Place(self._next.offset + size, number + 1)
        return Line(number, self._next, content, whole)

    def put_back(self, lines: Sequence[Line]) -> None:
        """Let lines that were taken come once more."""
        self._back.extendleft(reversed(lines))
