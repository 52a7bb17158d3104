"""The output under its name: whole, once, and over nothing that was there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from plaudit.data import durable, outputs
from plaudit.errors import ConfigError
from plaudit.score import staging
from plaudit.score.layout import Layout
from plaudit.score.staging import Staging
from plaudit.score.write import assemble, join

QUARANTINE = ".quarantine.jsonl"
LONGEST_NAME = 255
"""Bytes of a file's name, on most file systems."""


def check_out(out: Path) -> None:
    """Raise ConfigError when there is an output that this job has not written itself."""
    outputs.check_folder(out)
    if len(os.fsencode(out.name)) > LONGEST_NAME - len(QUARANTINE):
        raise ConfigError(
            f"{out.name[:40]}…: the name is too long, as files of longer names are made beside it. "
            f"Use at most {LONGEST_NAME - len(QUARANTINE)} bytes."
        )
    for target, staged in _targets(out):
        if os.path.lexists(target) and not _is_same(target, staged):
            raise ConfigError(f"{target} exists and is never overwritten; choose another name.")


def folder_of(out: Path) -> Path:
    """Return where a job stands until it is done."""
    return out.with_name(f"{out.name}.scoring")


def _targets(out: Path) -> tuple[tuple[Path, Path], tuple[Path, Path]]:
    """Return the files to publish, each with where it is put together; the output is the last."""
    whole = folder_of(out) / staging.WHOLE
    aside = out.with_name(out.name + QUARANTINE)
    return (aside, whole.with_name(f"{whole.name}.quarantine")), (out, whole)


def _is_same(target: Path, staged: Path) -> bool:
    """Tell whether a run that was killed at its very end had published this."""
    own = staging.sha256_or_none(staged)
    return own is not None and own == staging.sha256_or_none(target)


def publish(layout: Layout, out: Path, stage: Staging) -> Path | None:
    """Put the pieces together and give the whole its name; the quarantine first.

    Parameters
    ----------
    layout : Layout
    out : Path
    stage : Staging
        With all its shards.

    Returns
    -------
    Path or None
        The quarantine, where there is one.

    Raises
    ------
    ConfigError
        A file of that name has appeared.
    """
    (aside, bad_whole), (_, whole) = _targets(out)
    numbers = range(len(stage.shards))
    bad_pieces = [stage.bad_piece(n) for n in numbers if stage.shards[n].bad]
    if bad_pieces:
        with _new(bad_whole) as file:
            join(bad_pieces, file)
        _give(bad_whole, aside)
    with _new(whole) as file:
        assemble(layout, [stage.piece(n) for n in numbers], file)
    _give(whole, out)
    return aside if bad_pieces else None


@contextlib.contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears when all is in it.

    Never the present one: a run that was killed may have published it, and that is the same file.
    """
    staged = path.with_name(f"{path.name}.part")
    with staged.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)


def _give(staged: Path, target: Path) -> None:
    try:
        os.link(staged, target)  # refuses to take the place of another file, as renaming does not
    except FileExistsError:
        if not _is_same(target, staged):
            raise ConfigError(
                f"{target} has appeared and is not overwritten. Move it away and score again: "
                "what was done is kept."
            ) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise ConfigError(f"{target} has appeared and is not overwritten.") from None
        staged.rename(target)
    durable.sync(target.parent)
