"""Trials made one after the other here, or several at a time in processes of their own.

The study stays with this process. A worker gets an order, asks after each validation whether to go
on, and at the end whether its weights are to be kept.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from plaudit.ablate.trial import Bench
from plaudit.errors import PlauditError, TrainingError
from plaudit.run.watching import Silent
from plaudit.tune.records import Ended, Order
from plaudit.tune.study import Study
from plaudit.tune.trial import attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plaudit.train.loop import StepRecord

PATIENCE_S = 5.0


def make_all(bench: Bench, study: Study, trials: int, workers: int) -> None:
    """Make all trials that are missing.

    Parameters
    ----------
    bench : Bench
    study : Study
    trials : int
        How many there are to be in the end.
    workers : int

    Raises
    ------
    TrainingError
        A worker broke, or nothing can be written.
    """
    say = bench.watcher.say
    if workers == 1:
        while study.wanted(trials):
            order = _begun(study, trials, say)
            _end(study, attempt(bench, order, study), say)
        return
    count = min(workers, study.wanted(trials))
    with _staff(bench.folder, count) as staff:
        busy = dict(staff)
        for connection in staff:
            connection.send(_begun(study, trials, say))
        while busy:
            for connection in cast("list[Connection]", wait(list(busy))):
                _serve(connection, busy, study, (trials, say))


def _serve(
    connection: Connection,
    busy: dict[Connection, BaseProcess],
    study: Study,
    how: tuple[int, Callable[[str], None]],
) -> None:
    """Answer one message of a worker; when its trial has ended, give it the next."""
    trials, say = how
    try:
        name, *rest = connection.recv()
    except EOFError:
        process = busy[connection]
        process.join(PATIENCE_S)
        raise TrainingError(
            f"a worker ended with code {process.exitcode}, perhaps for want of memory: use fewer "
            "--workers. Trials that ended are kept; the same command goes on."
        ) from None
    match name:
        case "validated":
            connection.send(study.validated(*rest))
        case "is_best":
            connection.send(study.is_best(*rest))
        case "ended":
            _end(study, rest[0], say)
            if study.wanted(trials):
                connection.send(_begun(study, trials, say))
            else:
                del busy[connection]
                connection.send(None)
        case _:
            raise TrainingError(rest[0])


def _begun(study: Study, trials: int, say: Callable[[str], None]) -> Order:
    order = study.ask()
    values = " ".join(f"{key}={value}" for key, value in order.values.items())
    say(f"trial {order.number} of {trials}: {values or 'the recipe as it is'}")
    return order


def _end(study: Study, ended: Ended, say: Callable[[str], None]) -> None:
    better = ended.value is not None and study.is_best(ended.value)
    study.tell(ended)
    if ended.value is None:
        said = f"{ended.outcome}: {ended.facts['why']}"
    else:
        said = f"{ended.value:.4f}{', the best so far' if better else ''}"
    say(f"trial {ended.number}: {said}")


@contextmanager
def _staff(folder: Path, count: int) -> Iterator[dict[Connection, BaseProcess]]:
    """Keep so many processes, each with its share of the threads."""
    # A forked process would have locks of threads that it does not have.
    context = multiprocessing.get_context("spawn")
    threads = max(1, torch.get_num_threads() // count)
    staff: dict[Connection, BaseProcess] = {}
    try:
        for _ in range(count):
            here, there = context.Pipe()
            process: BaseProcess = context.Process(
                target=_work, args=(there, folder, threads, os.getpid()), daemon=True
            )
            process.start()
            there.close()
            staff[here] = process
        yield staff
    except BaseException:
        for process in staff.values():
            process.terminate()
        raise
    finally:
        for connection, process in staff.items():
            connection.close()
            process.join()


@dataclass(frozen=True, slots=True)
class _Remote:
    """The judge, at the other end of a pipe."""

    connection: Connection

    def validated(self, number: int, evaluation: int, value: float) -> bool:
        return self._asked("validated", number, evaluation, value)

    def is_best(self, value: float) -> bool:
        return self._asked("is_best", value)

    def _asked(self, *message: Any) -> bool:
        self.connection.send(message)
        return bool(self.connection.recv())


@dataclass(frozen=True, slots=True)
class _Orphan(Silent):
    """Ends a worker whose study is gone: nobody would take its result."""

    parent: int

    def step(self, record: StepRecord) -> None:
        if os.getppid() != self.parent:
            raise SystemExit


def _work(connection: Connection, folder: Path, threads: int, parent: int) -> None:
    """Make trials as they are ordered."""
    # Ctrl-C reaches every process of the terminal; what it means is for the study's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(threads)
    bench, judge = Bench(folder, _Orphan(parent)), _Remote(connection)
    try:
        while (order := connection.recv()) is not None:
            connection.send(("ended", attempt(bench, order, judge)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except PlauditError as error:
        connection.send(("broke", str(error)))
    except Exception as error:  # whatever it was, it is told and not lost
        connection.send(("broke", f"{type(error).__name__}: {error}"))
