"""Texts without labels, for prediction: from arguments, a file, or a stream of lines."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from plaudit.data import tables
from plaudit.data.columns import Chosen
from plaudit.data.formats import TableFile
from plaudit.data.header import TEXT_NAMES, Header, separator_hint
from plaudit.data.plain import opened
from plaudit.data.problems import Problems, did_you_mean, quoted
from plaudit.data.rows import LONGEST_TEXT
from plaudit.errors import DataError

BLOCK = 2048
"""Texts of a block at most."""
READ_BYTES = 2**20
LINES = (".txt", ".txt.gz")


def gather(
    inputs: Sequence[str] = (), *, column: str | None = None, trained: str | None = None
) -> Iterator[list[str]]:
    """Find the texts that a user means.

    Parameters
    ----------
    inputs : sequence of str
        Texts; or one name or glob of files (``.txt``: a text a line; CSV, TSV, JSONL, Parquet:
        their text column); or ``-`` or nothing for standard input, a text a line.
    column : str, optional
        The text column; guessed when there is one possible choice.
    trained : str, optional
        The column that a model was trained on: taken, where a table has it, before any guess.

    Returns
    -------
    iterator of list of str
        Blocks, read as they are asked for. A block of a stream is what has arrived so far, so that
        a typed line is answered at once and a piped file in large batches.

    Raises
    ------
    DataError
        The file is not there or cannot be read, or its text column cannot be told.
    """
    if len(inputs) == 1 and inputs[0] != "-" and names_a_file(inputs[0]):
        return _blocks(read(Path(inputs[0]), column, trained))
    refuse_files(inputs)
    if column is not None:
        raise DataError(
            f"--text {column} names a column of a table, and what was given is texts. Leave it "
            "out, or give a file."
        )
    if not inputs or list(inputs) == ["-"]:
        return arrivals(sys.stdin.buffer, "standard input")
    return _blocks(inputs)


def refuse_files(inputs: Sequence[str]) -> None:
    """Raise DataError where several texts are files, as a shell makes of ``*.csv``.

    That is where one of them is there as a file, or all are named like files.
    """
    there = [text for text in inputs if names_a_file(text) and _is_file(text)]
    files = inputs if all(map(names_a_file, inputs)) else there
    if len(inputs) > 1 and files:
        raise DataError(
            f"{files[0]}: that names a file, and beside it {len(inputs) - 1:,} other "
            "arguments were given. Give one file, or quote a pattern of several, as in '*.csv'; a "
            "text that looks like a file can be given on standard input."
        )


def read(path: Path, column: str | None = None, trained: str | None = None) -> Iterator[str]:
    """Read the texts of files; these are checked at once, the texts come as they are asked for.

    Parameters
    ----------
    path : Path
        A ``.txt`` file with a text a line, or a table; or a glob of either, read in the order of
        the names.
    column : str, optional
        The text column of the tables; otherwise guessed from the first of them.
    trained : str, optional
        As in :func:`gather`.

    Returns
    -------
    iterator of str

    Raises
    ------
    DataError
        As in :func:`gather`.
    """
    paths = tables.matches(str(path))
    if all(each.name.casefold().endswith(LINES) for each in paths):
        if column is not None:
            raise DataError(
                f"--text {column} names a column of a table, and {paths[0].name} has a text a "
                "line. Leave it out, or give a table."
            )
        return chain.from_iterable(map(lines, paths))
    files = tables.of_paths(paths)
    for file in files:
        column = text_column(tables.header(file), column, trained)
    return _table(files, column or "")


def arrivals(stream: BinaryIO, name: str) -> Iterator[list[str]]:
    """Read a stream of lines, as many at a time as are there.

    An empty line is an empty text, so that answers line up with lines.

    Parameters
    ----------
    stream : binary stream
        With ``read1``, such as ``sys.stdin.buffer``.
    name : str
        For messages.

    Yields
    ------
    list of str
        At least one.

    Raises
    ------
    DataError
        A line is not UTF-8.
    """
    seen, rest = 0, b""
    while more := stream.read1(READ_BYTES):  # type: ignore[attr-defined]
        *complete, rest = (rest + more).split(b"\n")
        if complete:
            yield [_decoded(line, name, seen + n) for n, line in enumerate(complete, start=1)]
            seen += len(complete)
    if rest:
        yield [_decoded(rest, name, seen + 1)]


def _decoded(line: bytes, name: str, number: int) -> str:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
        return not_too_long(text, f"{name}:{number}")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}:{number}: byte {error.start + 1} of the line is not UTF-8. Convert it: "
            "iconv -f WINDOWS-1252 -t UTF-8 old > new"
        ) from None


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a file name, or a NUL in it
        return False


def not_too_long(text: str, where: str) -> str:
    """Return a text; raise DataError where it has more characters than are read."""
    if len(text) > LONGEST_TEXT:
        raise DataError(
            f"{where}: the text has {len(text):,} characters; at most {LONGEST_TEXT:,} are read. "
            "Cut it, or split it."
        )
    return text


def names_a_file(text: str) -> bool:
    """Tell whether an argument is meant as a file rather than as a text."""
    try:
        # Nor must a folder, but for the dots that are one everywhere.
        if Path(text).is_file() or (Path(text).is_dir() and text.strip(".")):
            return True
    except (OSError, ValueError):  # too long for a file name, or a NUL in it
        return False
    # A pattern of files that are there, whatever it ends in. (It may be absolute.)
    if re.fullmatch(r"\S*[/\\]\S*[*?\[]\S*", text) and glob.glob(text):  # noqa: PTH207
        return True
    if not re.search(r"\S\.(txt|csv|tsv|jsonl|ndjson|json|parquet)(\.gz)?$", text, re.I):
        return False
    # A mistyped file name must not be taken for a review; one with spaces is taken for a name where
    # it stands in a folder that there is.
    named = not re.search(r"\s", text)
    return named or (bool(re.search(r"[/\\]", text)) and Path(text).parent.is_dir())


def _blocks(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while block := list(islice(iterator, BLOCK)):
        yield block


def lines(path: Path) -> Iterator[str]:
    """Read a file of a text a line.

    Raises
    ------
    DataError
        A line is not UTF-8.
    """
    with opened(path, str(path)) as stream:
        for number, line in enumerate(stream, start=1):
            yield _decoded(line, str(path), number)


def _table(files: Sequence[TableFile], column: str) -> Iterator[str]:
    problems = Problems()
    chosen = Chosen(text=column, label=column, guessed=False)
    for row in tables.rows(files, chosen, problems):
        problems.stop_if_any()
        if not isinstance(row.text, str):
            raise DataError(
                f"{row.origin}: '{column}' holds {row.text!r}, not a text. Fill it in, or remove "
                "the row."
            )
        yield not_too_long(row.text, row.origin)
    problems.stop_if_any()


def text_column(header: Header, asked: str | None, trained: str | None = None) -> str:
    """Choose the column of the text: the one named, that of training, or the one possible choice.

    Parameters
    ----------
    header : Header
    asked : str or None
    trained : str, optional
        Where the table has no such column, the choice is as if there were none.

    Returns
    -------
    str

    Raises
    ------
    DataError
        It is not there, or several are possible.
    """
    present = f"The columns are {quoted(header.names)}."
    advice = "Name it: --text COLUMN"
    if asked is not None:
        if (times := header.names.count(asked)) == 1:
            return asked
        if times:
            raise DataError(
                f"{header.where}: {times} columns are called '{asked}'. Rename all but the text."
            )
        near = did_you_mean(asked, header.names)
        raise DataError(f"{header.where}: there is no column '{asked}'{near}. {present} {advice}")
    if trained is not None and header.names.count(trained) == 1:
        return trained
    named = [n for n in header.names if re.sub(r"[\W_]", "", n.casefold()) in TEXT_NAMES]
    possible = named or [name for name in header.names if name in header.texts]
    # One column that is several would have what stands beside the text read with it.
    if hint := separator_hint(header):
        raise DataError(f"{header.where}: {present}{hint} Write it anew with one of these.")
    if len(possible) == 1:
        return possible[0]
    if len(set(possible)) == 1:
        return text_column(header, possible[0])  # which says that it stands there twice
    raise DataError(f"{header.where}: which column is the text? {present} {advice}")
