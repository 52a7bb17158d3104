"""Any DATA to checked, labelled rows with their provenance: :func:`resolve`, then :func:`read`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import assert_never

from plaudit.data import archive, bundled, folder, hub, news, places, tables
from plaudit.data.asked import check_members, check_names, check_several, check_split
from plaudit.data.columns import Chosen, choose, choose_text
from plaudit.data.imdb import KAGGLE_NOTE, is_kaggle_name, is_kaggle_table
from plaudit.data.imdb import resolve as resolve_imdb
from plaudit.data.label_sets import SetRule
from plaudit.data.labels import LabelRule, label_rule, look_alikes
from plaudit.data.places import Source
from plaudit.data.plain import sha256_of
from plaudit.data.problems import Problems, quoted
from plaudit.data.records import Columns, Corpus, Provenance
from plaudit.data.rows import RawRow, gather
from plaudit.errors import DataError

__all__ = ["Source", "read", "resolve"]

Say = Callable[[str], None]
_GUESSED = Columns()


def silent(_: str) -> None:
    """Drop a line for the user."""


def resolve(asked: str, *, imdb: str | None = None, say: Say = silent) -> Source:
    """Find out what serves DATA, and which official splits it has; reads no rows.

    Parameters
    ----------
    asked : str
        ``imdb``, ``bundled``, ``bundled:rotten_tomatoes``, ``bbc-news``, a CSV/TSV/JSONL/Parquet
        file or a glob of them, a folder or tarball in the layout of aclImdb, or ``hub:owner/name``.
    imdb : str, optional
        A local copy for the name ``imdb``; else the environment variable PLAUDIT_IMDB.
    say : callable
        Takes the one line that tells the user what serves the data.

    Returns
    -------
    Source

    Raises
    ------
    DataError
        DATA names nothing that can be used.
    MissingExtra
        What a package carries is wanted and not installed.
    """
    asked = str(asked)  # in Python a path may be given
    source = resolve_imdb(asked, imdb, say) if asked == "imdb" else places.locate(asked)
    if source.kind == "table" and is_kaggle_name(source.location):
        source = replace(source, note=f"{source.note}; {KAGGLE_NOTE}")
    say(source.note)
    return source


def read(
    source: Source,
    split: str | None,
    columns: Columns = _GUESSED,
    *,
    labels: tuple[str, ...] | None = None,
    say: Say = silent,
    blank: list[RawRow] | None = None,
) -> Corpus:
    """Read one split; files of other splits are not opened.

    Parameters
    ----------
    source : Source
        From :func:`resolve`.
    split : str or None
        One of ``source.splits``; None where there are none, for everything.
    columns : Columns
        Which columns, where the source is a table, and the mapping of labels.
    labels : tuple of str, optional
        The label set of a trained model: other labels are an error, and the corpus has these in
        this order. Without it the labels are those found, two at least.
    say : callable
        Takes lines for the user, such as which columns were guessed.
    blank : list of RawRow, optional
        Receives the rows without any text, which are an error otherwise.

    Returns
    -------
    Corpus

    Raises
    ------
    DataError
        There is no such split, or rows cannot be used; they are named by file and line.
    ConfigError
        The mapping of labels contradicts itself.
    """
    check_split(source, split)
    renames = folder.RENAMES if source.kind in {"folder", "archive", "hub", "bundled"} else {}
    each = label_rule(columns.mapping, renames, labels)
    rule: LabelRule | SetRule = each
    if columns.separator is not None:
        check_several(source)
        rule = SetRule(each, columns.separator)
    problems = Problems()
    opened = _open(source, split, columns, problems, say)
    rows = opened.rows if blank is None else _with_text(opened.rows, blank)
    if labels is not None and opened.members:
        check_members(source, opened.members, each, labels)
    listed = opened.class_names or opened.members
    found = gather(rows, rule, problems, class_names=listed, others=columns.others)
    as_named = not opened.members and columns.mapping is None
    if labels is None and columns.separator is not None and as_named:
        check_names(source, found)
    if columns.mapping is None and (never := [n for n in opened.members if n not in found.labels]):
        say(f"{source.asked}: no row has a 1 in {quoted(never)}, which is no label therefore.")
    if labels is None and as_named:
        for pair in look_alikes(found.labels):
            say(
                f"{source.asked}: {quoted(pair)} differ in case alone and are labels of their own; "
                "data.labels makes them one."
            )
    note = source.note
    if is_kaggle_table(opened.all_columns, len(found.rows)) and KAGGLE_NOTE not in note:
        note = f"{note}; {KAGGLE_NOTE}"
        say(note)
    files = {**opened.digests, **{name: sha256_of(path) for name, path in opened.files.items()}}
    provenance = Provenance(source.asked, source.served_by, note, files, split)
    return Corpus(found.rows, found.labels, provenance, source.order)


def bare(
    source: Source, column: str | None, problems: Problems, files: dict[str, str]
) -> Iterator[RawRow]:
    """Read texts alone; labels, where there are any, do not matter.

    Parameters
    ----------
    source : Source
        From :func:`resolve`. Of official splits the one for training is read.
    column : str or None
        The text column of a table, where it has it; else it is guessed.
    problems : Problems
        Where rows that cannot be read are noted.
    files : dict of str to str
        At the end receives the name of each file and its SHA-256.

    Yields
    ------
    RawRow

    Raises
    ------
    DataError
        There are official splits, but none for training; or the rows cannot be read.
    """
    split = "train" if source.splits else None
    check_split(source, split)
    where = f"{'/'.join(source.location)}/{split}"
    match source.kind:
        case "table":
            found = tables.of_paths([Path(path) for path in source.location])
            # Each file's own: with one column for all, a file without it would have no text.
            texts: list[str] = []
            for file in found:
                header = tables.header(file)
                before = texts[-1] if texts and column not in header.names else column
                texts.append(choose_text(header, before))
            rows: Iterator[RawRow] = chain.from_iterable(
                tables.rows([file], Chosen(text, text, guessed=False), problems)
                for file, text in zip(found, texts, strict=True)
            )
            opened = _Opened(rows, files={file.name: file.path for file in found})
        case "hub":
            dataset = hub.load(source.location, split or "")
            text = choose_text(hub.header_of(dataset, where), column)
            rows = hub.rows(dataset, where, Chosen(text, text, guessed=False))
            opened = _Opened(rows, digests={where: hub.identity(dataset)})
        case _:
            opened = _open(source, split, _GUESSED, problems, silent)
    yield from opened.rows
    files |= opened.digests
    files |= {name: sha256_of(path) for name, path in opened.files.items()}


def _with_text(rows: Iterable[RawRow], blank: list[RawRow]) -> Iterator[RawRow]:
    for row in rows:
        if row.text is None or (isinstance(row.text, str) and not row.text.strip()):
            blank.append(row)
        else:
            yield row


@dataclass(frozen=True, slots=True)
class _Opened:
    """Rows not yet read, and what is known about them besides.

    ``files`` are hashed after reading; a reader that hashes as it goes fills ``digests`` itself.
    """

    rows: Iterable[RawRow]
    files: dict[str, Path] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    members: tuple[str, ...] = ()
    all_columns: tuple[str, ...] = ()


def _open(
    source: Source, split: str | None, columns: Columns, problems: Problems, say: Say
) -> _Opened:
    path = Path(source.location[0])
    match source.kind:
        case "table":
            return _open_table(source, columns, problems, say)
        case "hub":
            return _open_hub(source, split or "", columns, say)
        case "folder":
            digests: dict[str, str] = {}
            rated = _carries(source, columns, ("rating",))
            return _Opened(folder.rows(path, split, digests, rated=rated), digests=digests)
        case "archive":
            rated = _carries(source, columns, ("rating",))
            rows = archive.rows(path, split or "", rated=rated)
            return _Opened(rows, files={path.name: path})
        case "bundled":
            _carries(source, columns, ())
            which = source.location[1]
            files = {bundled.identity(path, which): path}
            return _Opened(bundled.rows(path, which, problems), files=files)
        case "news":
            _carries(source, columns, ())
            found: dict[str, str] = {}
            return _Opened(news.rows(path, found), digests=found)
        case other:
            assert_never(other)


def _carries(source: Source, columns: Columns, present: tuple[str, ...]) -> bool:
    """Tell whether further columns are wanted; those that are not there are a mistake."""
    if columns.text_pair is not None:
        raise DataError(
            f"{source.asked}: it holds single texts, and so no column {columns.text_pair!r} of a "
            "second one (data.text_pair). Leave that out, or give a table that has the column."
        )
    unknown = [name for name in columns.others if name not in present]
    if unknown:
        has = f"only {quoted(present)}" if present else "no further columns"
        raise DataError(
            f"{source.asked}: there is no column {quoted(unknown)} for results by its values; it "
            f"has {has}. Leave --by out, or give a table that has the column."
        )
    return bool(columns.others)


def _open_table(source: Source, columns: Columns, problems: Problems, say: Say) -> _Opened:
    files = tables.of_paths([Path(path) for path in source.location])
    first = tables.header(files[0])
    chosen = choose(first, columns)
    for file in files[1:]:
        choose(tables.header(file), chosen.named)
    if chosen.guessed:
        say(_guess(files[0].name, chosen))
    return _Opened(
        tables.rows(files, chosen, problems),
        files={file.name: file.path for file in files},
        members=chosen.members,
        all_columns=first.names,
    )


def _open_hub(source: Source, split: str, columns: Columns, say: Say) -> _Opened:
    dataset = hub.load(source.location, split)
    where = f"{'/'.join(source.location)}/{split}"
    chosen = hub.chosen_columns(dataset, where, columns)
    if chosen.guessed:
        say(_guess(where, chosen))
    names = hub.class_names(dataset, chosen.label)
    return _Opened(
        hub.rows(dataset, where, chosen),
        digests={where: hub.identity(dataset)},
        class_names=tuple(folder.RENAMES.get(name, name) for name in names) or None,
        members=chosen.members,
        all_columns=tuple(dataset.features),
    )


def _guess(where: str, chosen: Chosen) -> str:
    return (
        f"{where}: text from column '{chosen.text}', label from column '{chosen.label}' (guessed; "
        "data.text and data.label, or --text and --label with plaudit evaluate, name others)"
    )
