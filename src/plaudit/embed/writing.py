"""The texts of any DATA to a file of vectors. Read :func:`embed` first."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from plaudit.data import outputs
from plaudit.data import texts as plain
from plaudit.data.asked import check_columns, check_none_named
from plaudit.data.records import Columns
from plaudit.data.sources import read, resolve, silent
from plaudit.embed.embedder import Embedder
from plaudit.errors import ConfigError, DataError, no_room, unwritable
from plaudit.model.vectors import Pooling

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 2048
"""Texts embedded at a time."""
SUFFIXES = (".parquet", ".npy")
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, as JSON may have it; no file of UTF-8 can hold one."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What was written.

    Attributes
    ----------
    path : Path
    rows : int
        Texts.
    dimensions : int
        Numbers of a vector.
    """

    path: Path
    rows: int
    dimensions: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"path": str(self.path), "rows": self.rows, "dimensions": self.dimensions}


def embed(  # noqa: PLR0913 - one parameter an option of the command
    model: Path | str,
    data: str,
    out: Path | str,
    *,
    pooling: Pooling | Literal["tokens"] = "mean",
    normalize: bool = False,
    max_tokens: int | None = None,
    split: str | None = None,
    columns: Columns | None = None,
    device: str = "auto",
    say: Callable[[str], None] = silent,
) -> Embedded:
    """Embed the texts of any DATA into a new file, in bounded memory for Parquet.

    Parameters
    ----------
    model : Path or str
        A model folder of plaudit, ``bundled``, an encoder's folder, or ``hub:owner/name``.
    data : str
        Any DATA, or a ``.txt`` file with a text a line. Labels are not needed.
    out : Path or str
        A new file. ``.parquet``: columns ``row``, ``text``, ``label`` (of a table where its column
        is named, of other DATA always) and ``vector``; with pooling "tokens" ``tokens`` and
        ``vectors`` in its place. Half a surrogate pair, which Parquet cannot hold, is U+FFFD in
        it. ``.npy``: the vectors alone, float32, in DATA's order.
    pooling : {"mean", "cls", "max", "last_four", "tokens"}
        As in :func:`plaudit.model.vectors.vectors`; "tokens": one vector a token.
    normalize : bool
        Scale each vector to length 1.
    max_tokens : int, optional
        Of a text; by default as in training, or 256.
    split : str, optional
        Of DATA that has official splits.
    columns : Columns, optional
    device : {"auto", "cpu", "cuda", "mps"}
    say : callable

    Returns
    -------
    Embedded

    Raises
    ------
    plaudit.errors.PlauditError
        The model or the data cannot be used, or ``out`` is taken or of an unknown kind.

    Examples
    --------
    >>> import plaudit
    >>> plaudit.embed("runs/quickstart/model", "reviews.csv", "vectors.npy").rows
    240
    >>> import numpy as np
    >>> np.load("vectors.npy").shape
    (240, 32)
    """
    out = Path(out)
    _check_out(out, pooling)
    embedder = Embedder.load(model, max_tokens=max_tokens, device=device)
    rows = _rows(str(data), split, columns or Columns(), embedder.text_column, say)
    blocks = _blocks(embedder, rows, pooling, normalize=normalize)
    staged = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        about = {"model": str(model), "pooling": pooling, "normalized": str(normalize).lower()}
        count, size = _write(staged, blocks, about, npy=out.suffix == ".npy")
        staged.replace(out)
    except OSError as error:
        if not no_room(error):  # it may be of the data, which is read meanwhile
            raise
        raise unwritable(out, error) from error
    finally:
        staged.unlink(missing_ok=True)
    return Embedded(out, count, size)


def _check_out(out: Path, pooling: str) -> None:
    if out.suffix not in SUFFIXES:
        raise ConfigError(f"{out}: embeddings are written to .parquet or .npy; name such a file.")
    if pooling not in (*get_args(Pooling), "tokens"):
        known = ", ".join(get_args(Pooling))
        raise ConfigError(f"pooling is {pooling!r}; it can be {known}, or tokens.")
    if out.suffix == ".npy" and pooling == "tokens":
        raise ConfigError(
            f"{out}: texts have different numbers of tokens, which .npy cannot hold. Name a "
            ".parquet file."
        )
    outputs.check_new(out)


def _rows(
    data: str,
    split: str | None,
    columns: Columns,
    trained: str | None,
    say: Callable[[str], None],
) -> Iterator[tuple[str, str | None]]:
    """Return the texts with their labels, where there are any."""
    if data.casefold().endswith(plain.LINES):
        _check_split(data, split)
        check_none_named(data, columns)
        return ((text, None) for text in plain.read(Path(data)))
    source = resolve(data, say=say)
    check_columns(source, columns)
    if source.kind == "table":
        _check_split(data, split)
        split = None
    if source.kind == "table" and columns.label is None:
        return ((text, None) for text in plain.read(Path(data), columns.text, trained))
    corpus = read(source, split, replace(columns, trained_text=trained), say=say)
    return (
        (text, corpus.labels[label])
        for batch in corpus.rows.iter(batch_size=CHUNK)
        for text, label in zip(batch["text"], batch["label"], strict=True)
    )


def _check_split(data: str, split: str | None) -> None:
    if split not in (None, "all"):
        raise DataError(
            f"{data} is one table without a split {split!r}. Leave --split out, or use 'all'."
        )


Block = dict[str, list[Any]]


def _blocks(
    embedder: Embedder, rows: Iterable[tuple[str, str | None]], pooling: Any, *, normalize: bool
) -> Iterator[Block]:
    iterator, first = iter(rows), 0
    while chunk := list(islice(iterator, CHUNK)):
        texts = [text for text, _ in chunk]
        shown = [_SURROGATE.sub("\ufffd", text) for text in texts]
        block: Block = {"row": list(range(first, first + len(chunk))), "text": shown}
        if chunk[0][1] is not None:
            block["label"] = [label for _, label in chunk]
        if pooling == "tokens":
            found = embedder.tokens(texts, normalize=normalize)
            block |= {"tokens": [names for names, _ in found], "vectors": [v for _, v in found]}
        else:
            block["vector"] = list(embedder.embed(texts, pooling=pooling, normalize=normalize))
        yield block
        first += len(chunk)


def _write(
    path: Path, blocks: Iterator[Block], about: dict[str, str], *, npy: bool
) -> tuple[int, int]:
    """Write the blocks; return the number of texts and of the numbers in a vector."""
    first = next(blocks, None)
    if first is None:
        raise DataError("there is no text to embed")
    size = int(np.shape(first["vector"][0] if "vector" in first else first["vectors"][0])[-1])
    count = 0
    if npy:
        parts = [np.stack(first["vector"]), *(np.stack(block["vector"]) for block in blocks)]
        with path.open("wb") as file:
            np.save(file, np.concatenate(parts), allow_pickle=False)
        return sum(map(len, parts)), size
    import pyarrow.parquet as pq

    schema = _schema(first, size, about)
    with pq.ParquetWriter(path.absolute(), schema) as writer:
        for block in (first, *blocks):
            writer.write_table(_table(block, schema))
            count += len(block["row"])
    return count, size


def _schema(block: Block, size: int, about: dict[str, str]) -> pa.Schema:
    import pyarrow as pa

    vector = pa.list_(pa.float32(), size)
    types = {
        "row": pa.int64(), "text": pa.string(), "label": pa.string(), "vector": vector,
        "tokens": pa.list_(pa.string()), "vectors": pa.list_(vector),
    }  # fmt: skip
    return pa.schema([(name, types[name]) for name in block], metadata=about)


def _table(block: Block, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = dict(block)
    if "vectors" in columns:
        columns["vectors"] = [list(states_TD) for states_TD in columns["vectors"]]
    return pa.table(columns, schema=schema)
