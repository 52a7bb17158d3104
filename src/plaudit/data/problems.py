"""Bad rows, collected so that a user mends ten in one go rather than one in ten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plaudit.config.keys import nearest
from plaudit.errors import DataError

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one row.

    Attributes
    ----------
    found : str
        What was found and, where it helps, what is allowed; no full stop.
    advice : str
        What to do next, a sentence; said once for all rows with the same flaw.
    """

    found: str
    advice: str


class Problems:
    """The first bad rows in words, and how many there are in all."""

    def __init__(self) -> None:
        self.count = 0
        self._lines: list[str] = []
        self._advice: dict[str, None] = {}  # a set that keeps its order

    def add(self, where: str, flaw: Flaw) -> None:
        """Note a bad row.

        Parameters
        ----------
        where : str
            File and line.
        flaw : Flaw
            What is wrong there.
        """
        self.count += 1
        if self.count <= SHOWN:
            self._lines.append(f"{where}: {flaw.found}")
            self._advice[flaw.advice] = None

    def stop_if_any(self) -> None:
        """Raise what was noted, if anything was.

        Raises
        ------
        DataError
            The first bad rows, how many more there are, and what to do.
        """
        if not self.count:
            return
        lines = list(self._lines)
        if self.count > SHOWN:
            lines.append(f"... and {self.count - SHOWN:,} more bad rows")
        raise DataError("\n".join([*lines, " ".join(self._advice)]))


def quoted(names: Iterable[str], most: int = 20) -> str:
    """Write names as a list for a message.

    Parameters
    ----------
    names : iterable of str
        What to list.
    most : int
        After so many names, the rest is only counted.

    Returns
    -------
    str
        For example ``"'negative', 'positive'"``.
    """
    everything = list(names)
    listed = ", ".join(f"'{name}'" for name in everything[:most])
    more = len(everything) - most
    return f"{listed} and {more:,} more" if more > 0 else listed


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Name the nearest allowed word.

    Parameters
    ----------
    word : str
        What the user wrote.
    allowed : iterable of str
        What would have been right.

    Returns
    -------
    str
        ``" (did you mean 'positive'?)"``, or nothing when no word is near.
    """
    near = nearest(word, allowed, cutoff=0.5)
    return f" (did you mean '{near}'?)" if near else ""
