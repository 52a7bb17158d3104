"""Made-up bytes for everything that reads a file: the only way out is a PlauditError.

Nightly rather than in ``make check``, and only where atheris is installed:

    pip install atheris
    make fuzz ARGS="-max_total_time=600 build/corpus"

A crash leaves the bytes that caused it in the working directory; give that file's name to see it
again, and make a test of it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path


def target(content: bytes) -> None:
    """Read some bytes as whatever their first one says, to the end."""
    from plaudit.data.sources import read, resolve
    from plaudit.errors import PlauditError
    from plaudit.score.lines import Place
    from plaudit.score.read import Rows, find

    names = ("in.csv", "in.tsv", "in.jsonl", "in.parquet", "in.csv.gz", "in.tar.gz")
    kind, rest = (content[0], content[1:]) if content else (0, b"")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / names[kind % len(names)]
        path.write_bytes(rest)
        with contextlib.suppress(PlauditError):
            source = resolve(str(path))
            read(source, source.splits[0] if source.splits else None)
        if not path.name.endswith(".tar.gz"):
            with contextlib.suppress(PlauditError):
                rows = list(Rows(find(path, "text"), Place()))
                assert [row.line for row in rows] == sorted({row.line for row in rows})


def main() -> None:
    """Run until told to stop."""
    os.environ["PLAUDIT_OFFLINE"] = "1"
    try:
        import atheris
    except ImportError:
        sys.exit("fuzzing needs atheris: pip install atheris")
    with atheris.instrument_imports(include=["plaudit"]):
        import plaudit.data.sources
        import plaudit.score.read  # noqa: F401 - so that they are instrumented
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
