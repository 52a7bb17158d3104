"""Errors that a user can act on: where, what was found, what is allowed, what to do next."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any


class PlauditError(Exception):
    """The base of every error that plaudit raises on purpose.

    Attributes
    ----------
    exit_code : int
        What the command line returns: 1 for a failure, 2 for a mistake that the user can mend.
    """

    exit_code = 1


class ConfigError(PlauditError):
    """The configuration cannot be used; all problems are named at once.

    Parameters
    ----------
    problems : str or sequence of str
        One sentence a problem.
    """

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[Any, ...]:
        """Be whole again in another process."""
        return type(self), (self.problems,), vars(self)


class DataError(PlauditError):
    """The data cannot be used; the message names the file and the line."""

    exit_code = 2


class ArtifactError(PlauditError):
    """A model folder is missing something, was changed, or does not fit together."""

    exit_code = 2


class MissingExtra(PlauditError):  # noqa: N818 - the design's name, read as "missing extra: onnx"
    """A feature needs a package that was not installed.

    Parameters
    ----------
    feature : str
        What the user wanted.
    extra : str
        The extra of plaudit that brings it.
    """

    exit_code = 2

    def __init__(self, feature: str, extra: str) -> None:
        self.feature, self.extra = feature, extra
        super().__init__(f"{feature} needs an extra: pip install 'plaudit[{extra}]'")

    def __reduce__(self) -> tuple[Any, ...]:
        """Be whole again in another process, which is given the message alone otherwise."""
        return type(self), (self.feature, self.extra), vars(self)


class TrainingError(PlauditError):
    """Training cannot go on, for example because the loss is not a number."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended a run. Not a PlauditError: who catches those wants to go on.

    Parameters
    ----------
    what : str
        What came, and what can be done now.
    exit_code : int
        What the command line returns: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, what: str, *, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(what)

    def __reduce__(self) -> tuple[Any, ...]:
        """Be whole again in another process."""
        return partial(type(self), exit_code=self.exit_code), self.args, vars(self)


class ExportError(PlauditError):
    """A model cannot be exported, or what came out answers differently."""


def unwritable(path: Path, error: OSError) -> PlauditError:
    """Say that a result could not be written, for what the system raised."""
    why = os.strerror(error.errno) if error.errno else str(error)
    remedy = "Make room there, or name another place." if no_room(error) else "Name another place."
    return PlauditError(f"{path} cannot be written: {why}. {remedy}")


def no_room(error: OSError) -> bool:
    """Say whether it is for want of room; what counts only how much was written has no number."""
    return error.errno in (None, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
