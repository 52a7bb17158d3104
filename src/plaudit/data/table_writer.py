"""Rows become a table in bounded memory."""

from __future__ import annotations

import contextlib
import hashlib
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plaudit.data.records import carried

if TYPE_CHECKING:
    import datasets
    import numpy as np

CHUNK_ROWS = 2048
SPILL_BYTES = 256 * 2**20


class TableWriter:
    """Rows in Arrow chunks, which move to an unlinked file when they grow large."""

    def __init__(self, others: tuple[str, ...]) -> None:
        self.count = 0
        self._others: dict[str, list[str | None]] = {carried(name): [] for name in others}
        self._texts: list[str] = []
        self._origins: list[str] = []
        self._codes: list[int] = []
        self._batches: list[Any] = []
        self._bytes = 0
        self._digest = hashlib.sha256()
        self._path: Path | None = None
        self._writer: Any = None

    def add(self, text: str, code: int, origin: str, others: Sequence[object]) -> None:
        """Add a row; ``others`` are the values of the further columns, in their order."""
        self._texts.append(text)
        self._origins.append(origin)
        self._codes.append(code)
        for values, value in zip(self._others.values(), others, strict=True):
            values.append(_as_word(value))
        self.count += 1
        if len(self._texts) >= CHUNK_ROWS:
            self._flush()

    def finish(self, names: tuple[str, ...], of_code: np.ndarray) -> datasets.Dataset:
        """Close the table; what rows have by code becomes an index into names, or a 0 or 1 each."""
        import datasets
        import pyarrow as pa

        self._flush()
        schema = pa.schema(
            [("text", pa.string()), ("code", pa.int64()), ("origin", pa.string())]
            + [(name, pa.string()) for name in self._others]
        )
        table = (
            pa.Table.from_batches(self._batches, schema) if self._path is None else self._mapped()
        )
        labels = of_code[table.column("code").to_numpy()]
        column = pa.array(labels.ravel(), pa.int64())
        if labels.ndim == 2:
            column = pa.FixedSizeListArray.from_arrays(column, len(names))
        table = table.set_column(1, "label", column)
        self._digest.update(repr(names).encode() + labels.tobytes())
        # datasets would pickle the whole table to find a fingerprint; ours is by content as well.
        return datasets.Dataset(table, fingerprint=self._digest.hexdigest()[:16])

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._texts:
            return
        batch = pa.record_batch(
            {
                "text": pa.array(self._texts, pa.string()),
                "code": pa.array(self._codes, pa.int64()),
                "origin": pa.array(self._origins, pa.string()),
                **{name: pa.array(each, pa.string()) for name, each in self._others.items()},
            }
        )
        for words in (self._texts, self._origins):
            self._digest.update("\0".join(words).encode())  # no text holds one: rows.py
        for name, values in self._others.items():
            self._digest.update(repr((name, values)).encode())
            values.clear()
        self._texts, self._origins, self._codes = [], [], []
        self._batches.append(batch)
        self._bytes += batch.nbytes
        if self._writer is not None or self._bytes > SPILL_BYTES:
            self._spill()

    def _spill(self) -> None:
        import pyarrow as pa

        if self._writer is None:
            with tempfile.NamedTemporaryFile(prefix="plaudit-", suffix=".arrow", delete=False) as f:
                self._path = Path(f.name)
            self._writer = pa.ipc.new_stream(str(self._path), self._batches[0].schema)
        for batch in self._batches:
            self._writer.write_batch(batch)
        self._batches = []

    def _mapped(self) -> Any:
        import pyarrow as pa

        self._writer.close()
        table = pa.ipc.open_stream(pa.memory_map(str(self._path))).read_all()
        # The mapping keeps the bytes alive; where a mapped file cannot be unlinked it stays behind.
        with contextlib.suppress(OSError):
            Path(str(self._path)).unlink()
        return table


def _as_word(value: object) -> str | None:
    """Write a value down; an empty one is None, and so is what stands for none among numbers."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    word = str(value).strip()
    return word.encode("utf-8", "replace").decode() or None
