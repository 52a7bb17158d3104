"""What the command line shows: results on stdout, remarks on stderr, one exit code."""

from __future__ import annotations

import codecs
import json
import math
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, ParamSpec

from plaudit.data import outputs
from plaudit.errors import Interrupted, PlauditError

P = ParamSpec("P")

# DEL, C1, line separators, bidirectional overrides and lone surrogates: with the C0 controls, what
# moves a terminal's cursor, reorders what is read, or cannot be written at all.
_BEYOND_C0 = "\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
UNSAFE = re.compile(f"[\x00-\x1f{_BEYOND_C0}]")
UNSAFE_IN_JSON = re.compile(f"[{_BEYOND_C0}]")  # json.dumps has escaped the C0 controls itself


def inert(text: str) -> str:
    r"""Spell out control characters, so that a terminal shows them and does not obey them.

    Parameters
    ----------
    text : str
        From a review, a label or a file name.

    Returns
    -------
    str
        On one line.

    Examples
    --------
    >>> print(inert("good\x1b[2J"))
    good\x1b[2J
    """
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def out(line: str = "") -> None:
    """Write one line of the result to standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """Write to standard error, each line made inert."""
    sys.stderr.write("".join(inert(part) + "\n" for part in line.split("\n")))
    sys.stderr.flush()


@contextmanager
def shown() -> Iterator[None]:
    """Show a result that a file follows: who stops reading (``| head``) does not cost the file."""
    try:
        yield
    except BrokenPipeError:
        _discard_output()


def advise(command: str) -> None:
    """Name the next useful command."""
    say(f"next: {command}")


def as_json(document: object, *, indent: int | None = 2) -> str:
    """Write a document as strict JSON that is safe on a terminal.

    Parameters
    ----------
    document : object
        Of dictionaries, lists, strings, numbers, booleans and None. NaN and infinity become null.
    indent : int, optional
        None: on one line.

    Returns
    -------
    str
        ASCII, with escapes, unless standard output takes UTF-8: a stream that cannot write a
        character would put something there that is not JSON.
    """
    text = json.dumps(
        _finite(document), ensure_ascii=not _takes_utf8(), indent=indent, allow_nan=False
    )
    return UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _takes_utf8() -> bool:
    try:
        return codecs.lookup(getattr(sys.stdout, "encoding", None) or "ascii").name == "utf-8"
    except LookupError:
        return False


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_new(path: Path, text: str) -> None:
    """Write a new file, whole or not at all.

    Parameters
    ----------
    path : Path
    text : str

    Raises
    ------
    plaudit.errors.ConfigError
        It appeared since it was asked for.
    """
    outputs.check_new(path)
    staged = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        staged.write_text(text, encoding="utf-8", newline="")
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what a command raises into one message and an exit code; never a traceback.

    Parameters
    ----------
    command : callable

    Returns
    -------
    callable
        Leaves with 2 for the user's mistake, 1 for a failure, 130 for Ctrl-C, 143 for SIGTERM where
        that is heeded, and 0 when the reader of its output has seen enough (``| head``).
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except PlauditError as error:
            _fail(str(error))
            raise SystemExit(error.exit_code) from None
        except KeyboardInterrupt as interruption:
            _fail(str(interruption) or "interrupted")
            code = interruption.exit_code if isinstance(interruption, Interrupted) else 130
            raise SystemExit(code) from None
        except BrokenPipeError:
            _discard_output()
            raise SystemExit(0) from None
        except PermissionError as error:
            _show_where()
            what = f"to {error.filename}: {error.strerror}" if error.filename else f"({error})"
            _fail(f"the system refuses access {what}. Name another place, or change who may use "
                  "this one.")  # fmt: skip
            raise SystemExit(2) from None
        except Exception as error:
            _show_where()
            first = (str(error).strip() or "no message").splitlines()[0]
            _fail(f"{type(error).__name__}: {first} (PLAUDIT_DEBUG=1 shows where)")
            raise SystemExit(1) from None

    return run


def _show_where() -> None:
    if os.environ.get("PLAUDIT_DEBUG", "") not in ("", "0"):
        traceback.print_exc()


def _fail(message: str) -> None:
    problems = message.split("\n")
    if len(problems) == 1:
        say(f"plaudit: {message}")
    else:
        say("\n".join(["plaudit:", *(f"  {problem}" for problem in problems)]))
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _discard_output()


def _discard_output() -> None:
    # Python flushes at exit, and would complain about a closed pipe or a full disk once more, and
    # leave with a code of its own.
    null = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError, ValueError):  # a stream that is no file needs none of it
        os.dup2(null, sys.stdout.fileno())
    os.close(null)


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to standard output: drawn on a terminal, aligned plain text elsewhere.

    Parameters
    ----------
    names : sequence of str
        Of the columns. The first is aligned to the left, the others to the right.
    rows : sequence of sequence of str
    """
    names, rows = [*map(inert, names)], [[*map(inert, row)] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    # Drawn, a column takes three more; what does not fit is cut, and of a figure half says nothing.
    fits = sum(widths[1:]) + 3 * len(widths) + min(widths[0], 12) <= get_terminal_size().columns
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or not fits:
        for first, *others in (names, *rows):
            cells = [f"{cell:>{w}}" for cell, w in zip(others, widths[1:], strict=True)]
            out("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD)
    for place, name in enumerate(names):
        drawn.add_column(
            Text(name), justify="right" if place else "left", no_wrap=place > 0, overflow="fold"
        )
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console().print(drawn)
