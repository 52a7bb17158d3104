"""Opens text files, gzipped or not, and says exactly what is wrong with a bad one."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from plaudit.errors import DataError

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@contextlib.contextmanager
def opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open a file's bytes; what goes wrong while it is open becomes an error for the user.

    Parameters
    ----------
    path : Path
        The file; unzipped on the way when it ends in ``.gz``.
    name : str
        How messages call it.

    Yields
    ------
    binary stream

    Raises
    ------
    DataError
        The file cannot be read, is damaged, or is found not to be UTF-8.
    """
    try:
        with _open(path) as stream:
            yield stream
    except UnicodeDecodeError:
        raise not_utf8(path, name) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{name}: the gzip file is damaged or incomplete ({error}). Copy or download it anew."
        ) from error
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error}).") from error


def _open(path: Path) -> IO[bytes]:
    if path.name.casefold().endswith(".gz"):
        return cast(IO[bytes], gzip.open(path))
    return path.open("rb")


def not_utf8(path: Path, name: str) -> DataError:
    """Find the first byte that is not UTF-8 and say how to convert the file.

    Parameters
    ----------
    path : Path
        A file that could not be decoded, or whose first line holds NUL bytes.
    name : str
        How messages call it.

    Returns
    -------
    DataError
        With the line and the byte, both counted from 1.
    """
    with _open(path) as stream:
        return _first_bad_byte(stream, name)


def decoded(content: bytes, name: str) -> str:
    """Decode a text file that was read whole.

    Parameters
    ----------
    content : bytes
        UTF-8, with or without a byte order mark.
    name : str
        How messages call the file.

    Returns
    -------
    str

    Raises
    ------
    DataError
        It is not UTF-8; the line and the byte are named.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _first_bad_byte(io.BytesIO(content), name) from None


def _first_bad_byte(stream: IO[bytes], name: str) -> DataError:
    before = 0
    for line, content in enumerate(stream, start=1):
        if line == 1 and (content.startswith(_UTF16_MARKS) or b"\0" in content):
            return DataError(f"{name}:1: the file is UTF-16, not UTF-8. {_convert('UTF-16')}")
        try:
            content.decode()
        except UnicodeDecodeError as error:
            byte = before + error.start + 1
            return DataError(
                f"{name}:{line}: byte {byte:,} (0x{content[error.start]:02x}) is not UTF-8; "
                f"perhaps the file is Windows-1252 or Latin-1. {_convert('WINDOWS-1252')}"
            )
        before += len(content)
    return DataError(f"{name}: the file is not UTF-8. {_convert('ITS_ENCODING')}")


def _convert(encoding: str) -> str:
    return f"Convert it: iconv -f {encoding} -t UTF-8 old > new"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Parameters
    ----------
    path : Path
        The file as it lies there, not unzipped.

    Returns
    -------
    str
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
