"""The rows of a CSV or TSV file; one that is broken does not take the next ones along."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from plaudit.score.lines import LONGEST_ROW, Line, Lines


class _Feed:
    """Lines for the csv module, which takes as many as a row has, and a record of them.

    The end that it tells of, when a line is too long or a row has too many, is not for good.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.taken: list[Line] = []
        self.flaw: str | None = None
        self._size = 0

    def begin(self) -> None:
        self.taken, self.flaw, self._size = [], None, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.take()
        if line is None:
            raise StopIteration
        self._size += len(line.content)
        if not line.whole or self._size > LONGEST_ROW:
            self._lines.put_back([line])
            raise StopIteration
        self.taken.append(line)
        encoding = "utf-8-sig" if line.number == 1 else "utf-8"
        try:
            return line.content.decode(encoding)
        except UnicodeDecodeError as error:
            self.flaw = f"byte {error.start + 1:,} of line {line.number} is not UTF-8"
            return line.content.decode(encoding, "replace")


Fields = tuple[list[Line], list[str], str | None]


def fields(lines: Lines, delimiter: str) -> Iterator[Fields]:
    """Yield each row's lines, its fields, and what is wrong with it.

    A quote that is never closed swallows rows up to the next quote. So when a row of several
    lines fails, only its first line is given up, and the others are read anew.
    """
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_ROW))
    feed = _Feed(lines)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.begin()
        try:
            found = next(reader)
        except csv.Error as error:
            first, *others = feed.taken
            lines.put_back(others)
            yield [first], [], feed.flaw or _reason(error)
        except StopIteration:
            line = lines.take()
            if line is None:
                return
            yield [line], [], f"the row is longer than {LONGEST_ROW:,} bytes"
        else:
            if found:
                yield feed.taken, found, feed.flaw


def _reason(error: csv.Error) -> str:
    if "new-line character seen in unquoted field" in str(error):
        return (
            "a carriage return stands alone, where lines ended so on old systems; write the file "
            "anew: tr '\\r' '\\n' < old > new"
        )
    return f"the row cannot be read ({error})"
