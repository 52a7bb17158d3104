"""The test data, kept shut until training has ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

from plaudit.errors import PlauditError

T = TypeVar("T")


class Sealed(Generic[T]):
    """Test data that cannot be used before training has ended, and that says when it first was.

    For a given or official test set, ``open_`` reads it, so nothing is read until :meth:`open`.
    For rows held out of one table, which were read with it, it hands over what was set aside.

    Parameters
    ----------
    open_ : callable
        Reads or hands over the data.

    Attributes
    ----------
    released_at : str or None
        When training ended: UTC, ISO 8601.
    opened_at : str or None
        When the data was first opened.
    """

    __slots__ = ("_held", "_open", "opened_at", "released_at")

    def __init__(self, open_: Callable[[], T]) -> None:
        self._open = open_
        self._held: T | None = None
        self.released_at: str | None = None
        self.opened_at: str | None = None

    def release(self) -> None:
        """Record that training has ended; only the first call counts."""
        self.released_at = self.released_at or _now()

    def open(self) -> T:
        """Read the data once; the time of the first reading is recorded, even of one that fails.

        Returns
        -------
        T
            What ``open_`` returns.

        Raises
        ------
        PlauditError
            Training has not ended.
        """
        if self.released_at is None:
            raise PlauditError(
                "The test data was asked for before training had ended. Choose models and "
                "settings on the validation data; call release() when training has ended."
            )
        self.opened_at = self.opened_at or _now()
        if self._held is None:
            self._held = self._open()
        return self._held


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
