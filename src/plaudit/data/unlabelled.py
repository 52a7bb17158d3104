"""Any DATA to texts alone: labels are not needed, and not looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.config import CleanConfig, Config
from plaudit.data import folder, tables
from plaudit.data.clean import clean
from plaudit.data.cleaned import Rows
from plaudit.data.exclude import Exclusion
from plaudit.data.fingerprint import fingerprints
from plaudit.data.places import NAMES
from plaudit.data.plain import decoded, opened, sha256_of
from plaudit.data.problems import Flaw, Problems
from plaudit.data.rows import RawRow, checked_text
from plaudit.data.sources import Say, bare, resolve, silent
from plaudit.data.texts import LINES, lines
from plaudit.errors import DataError

NO_LABEL = -1
"""The target of a row that has none."""


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Texts without labels that a run learns from, each once.

    Attributes
    ----------
    asked, served_by : str
        As in :class:`plaudit.data.records.Provenance`.
    files : mapping of str to str
        Name to SHA-256.
    rows : plaudit.data.cleaned.Rows
        Every target is ``NO_LABEL``.
    repeated : int
        Rows that were left out since an equal text came before them.
    left_out : int
        Of the others, those that stand in another part of the data.
    """

    asked: str
    served_by: str
    files: Mapping[str, str]
    rows: Rows
    repeated: int
    left_out: int

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return what a report says of it."""
        return {
            "asked": self.asked,
            "served_by": self.served_by,
            "files": dict(self.files),
            "rows": len(self.rows),
            "repeated": self.repeated,
            "left_out": self.left_out,
        }

    def without(self, prints_N: np.ndarray, unwanted: Exclusion | None = None) -> Unlabelled:
        """Leave out the texts that stand elsewhere, or that nothing is to be learnt from."""
        kept = self.rows.without(prints_N)
        if unwanted is not None:
            kept = kept.take(np.flatnonzero(~unwanted.find(kept.texts, kept.prints_N).rows_N))
        return replace(self, rows=kept, left_out=self.left_out + len(self.rows) - len(kept))


@dataclass(frozen=True, slots=True)
class Consulted:
    """A model whose answers are learnt from.

    Attributes
    ----------
    path : str
    weights : str
        SHA-256 of its weights.
    seen_prints_N : ndarray of uint64
        Fingerprints of the texts that its own training or selection has seen.
    seen_validation : int
        Validation rows among them: on these, what learns from it may look better than it is.
    """

    path: str
    weights: str
    seen_prints_N: np.ndarray
    seen_validation: int

    def to_dict(self) -> dict[str, Any]:
        """Return what a report says of it."""
        return {
            "path": self.path,
            "weights_sha256": self.weights,
            "seen": len(self.seen_prints_N),
            "seen_validation": self.seen_validation,
        }


@dataclass(frozen=True, slots=True)
class Pseudo:
    """Rows that a model labelled.

    Attributes
    ----------
    model : str
    texts : Unlabelled
        All that it was asked about.
    joined : mapping of str to int
        Label to rows that are trained on.
    unsure : int
        Texts whose label was not certain enough.
    """

    model: str
    texts: Unlabelled
    joined: Mapping[str, int]
    unsure: int

    def to_dict(self) -> dict[str, Any]:
        """Return the section ``data.pseudo`` of a report."""
        own = {"model": self.model, "joined": dict(self.joined), "unsure": self.unsure}
        return self.texts.to_dict() | own


def read(
    config: Config, parts: Mapping[str, Rows], unwanted: Exclusion | None, say: Say
) -> dict[str, Unlabelled]:
    """Read the texts without labels that a run's settings name.

    Parameters
    ----------
    config : Config
    parts : mapping of str to Rows
        ``train``, ``validation`` and ``held``: what was held out as a test.
    unwanted : plaudit.data.exclude.Exclusion or None
        What ``data.exclude`` names.
    say : callable

    Returns
    -------
    dict of str to Unlabelled
        By the section that asks for them: pretrain, distill, pseudo.

    Raises
    ------
    DataError
        They cannot be read, or none is left.
    """
    found = {}
    if config.pretrain.texts is not None and not config.pretrain.epochs:
        say("pretrain.texts is not read: pretrain.epochs is 0.")
    for section, asked in _wanted(config).items():
        # What words the run's own training texts have may be learnt twice; their labels are known.
        others = [rows for name, rows in parts.items() if (section, name) != ("pretrain", "train")]
        everything = gather(asked, config.clean, column=config.data.text, imdb=config.data.imdb)
        kept = everything.without(np.concatenate([rows.prints_N for rows in others]), unwanted)
        if section == "pretrain":  # they are learnt from anyway
            kept = replace(kept, rows=kept.rows.without(parts["train"].prints_N))
        say(
            f"{section}.texts: {len(kept):,} texts of {asked} ({kept.served_by}) without labels; "
            f"{kept.left_out:,} left out that stand elsewhere in the data, {kept.repeated:,} "
            "repeated."
        )
        if not len(kept) and section != "pretrain":
            raise DataError(
                f"{section}.texts = {asked}: no text is left; all {kept.left_out:,} stand in the "
                "training, validation or held-out part, or in data.exclude. Name other texts, or "
                f"leave {section}.texts out."
            )
        found[section] = kept
    return found


def _wanted(config: Config) -> dict[str, str]:
    pretrain, distill, pseudo = config.pretrain, config.distill, config.pseudo
    asked = {
        "pretrain": pretrain.texts if pretrain.epochs else None,
        "distill": distill.texts if distill.teacher and distill.weight else None,
        "pseudo": pseudo.texts if pseudo.model else None,
    }
    return {section: texts for section, texts in asked.items() if texts is not None}


def gather(
    asked: str, cleaning: CleanConfig, *, column: str | None = None, imdb: str | None = None
) -> Unlabelled:
    """Read and clean the texts of any DATA, each once.

    Parameters
    ----------
    asked : str
        As ``data.train``, of official splits the one for training; or a table without labels, a
        ``.txt`` file with a text a line, or a folder of ``.txt`` files such as aclImdb's
        ``train/unsup``.
    cleaning : CleanConfig
    column : str, optional
        The text column of a table, where it has it; else it is guessed.
    imdb : str, optional
        A local copy for the name ``imdb``.

    Returns
    -------
    Unlabelled

    Raises
    ------
    DataError
        It cannot be read, or holds no text.
    """
    problems, files = Problems(), dict[str, str]()
    served_by, raw = _opened(asked, column, imdb, problems, files)
    texts: dict[str, str] = {}
    count = 0
    for text, origin in _checked(raw, problems):
        cleaned = clean(text, cleaning)
        if cleaned:
            count += 1
            texts.setdefault(cleaned, origin)
    problems.stop_if_any()
    if not texts:
        raise DataError(f"{asked}: there is no text in it. Name a file with a text in each row.")
    targets_N = np.full(len(texts), NO_LABEL, dtype=np.int64)
    rows = Rows([*texts], targets_N, [*texts.values()], fingerprints(texts))
    return Unlabelled(asked, served_by, files, rows, repeated=count - len(texts), left_out=0)


def _checked(raw: Iterable[RawRow], problems: Problems) -> Iterator[tuple[str, str]]:
    """Pass on what can be used; a row without a text says nothing, and is no mistake here."""
    for row in raw:
        if row.text is None or (isinstance(row.text, str) and not row.text.strip()):
            continue
        text = checked_text(row.text)
        if isinstance(text, Flaw):
            problems.add(row.origin, text)
        else:
            yield text, row.origin


def _opened(
    asked: str, column: str | None, imdb: str | None, problems: Problems, files: dict[str, str]
) -> tuple[str, Iterable[RawRow]]:
    path = Path(asked).expanduser()
    if asked not in NAMES and path.is_dir() and folder.text_names(path):
        return "folder", _of_folder(path, files)
    if asked.casefold().endswith(LINES):
        return "file", _of_lines(asked, files)
    source = resolve(asked, imdb=imdb, say=silent)
    return source.served_by, bare(source, column, problems, files)


def _of_folder(path: Path, files: dict[str, str]) -> Iterator[RawRow]:
    digest = hashlib.sha256()
    name = path.absolute().name
    for file in sorted(folder.text_names(path), key=folder.place):
        with opened(path / file, f"{name}/{file}") as stream:
            content = stream.read()
        digest.update(f"{file}\0{len(content)}\0".encode())
        digest.update(content)
        yield RawRow(decoded(content, f"{name}/{file}"), None, f"{name}/{file}")
    files[name] = digest.hexdigest()


def _of_lines(asked: str, files: dict[str, str]) -> Iterator[RawRow]:
    for path in tables.matches(asked):
        for number, line in enumerate(lines(path), start=1):
            yield RawRow(line, None, f"{path.name}:{number}")
        files[path.name] = sha256_of(path)
