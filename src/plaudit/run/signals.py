"""SIGTERM and Ctrl-C: the step is finished and saved first, where there is one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from plaudit.errors import Interrupted

SIGNALS = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class Signals:
    """What came in.

    Parameters
    ----------
    say : callable
        Takes a line for the user.

    Attributes
    ----------
    patient : bool
        The first signal is only noted. Otherwise, and for a second Ctrl-C, it is raised at once.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.patient = False
        self._say = say
        self._first: signal.Signals | None = None

    def asked(self) -> Interrupted | None:
        """Return what to raise once all is saved; None: go on."""
        return None if self._first is None else _interrupted(self._first)

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Note a signal while there is something to save; the code inside looks at :meth:`asked`.

        Raises
        ------
        Interrupted
            A signal came in and was not acted on.
        """
        self.patient = True
        try:
            yield
        finally:
            self.patient = False
        if interruption := self.asked():
            raise interruption

    def take(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        which = signal.Signals(number)
        if not self.patient or (self._first is not None and which is signal.SIGINT):
            raise _interrupted(which)
        if self._first is None:
            self._first = which
            # A signal may come in the middle of a line; the stream then takes no other.
            with suppress(RuntimeError):
                self._say(f"{SIGNALS[which]}: saving after this step; Ctrl-C leaves at once.")


@contextmanager
def heeded(say: Callable[[str], None]) -> Iterator[Signals]:
    """Handle both signals; outside of the main thread, where that is not possible, neither.

    Parameters
    ----------
    say : callable

    Yields
    ------
    Signals
    """
    signals = Signals(say)
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.take) for number in SIGNALS}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupted(which: signal.Signals) -> Interrupted:
    return Interrupted(SIGNALS[which], exit_code=128 + which)
