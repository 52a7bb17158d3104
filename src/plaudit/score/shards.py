"""One shard: rows gathered, asked about, and written down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from plaudit.config import CleanConfig
from plaudit.data.problems import Flaw
from plaudit.data.rows import checked_text
from plaudit.data.text_pairs import says_nothing
from plaudit.multilabel import LabelSet
from plaudit.predict import Given, Prediction
from plaudit.score import write
from plaudit.score.layout import Layout, misfit
from plaudit.score.read import Row

SHARD_BYTES = 2**23
"""Of rows, about: what eight of the longest texts have, which is what tokenising may hold."""
_HARMLESS = "A plain text."
Answer = Prediction | LabelSet


class Predictor(Protocol):
    """What labels texts: a classifier of either kind, or a stand-in for one."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the model's order."""

    def predict(self, texts: Sequence[Given]) -> list[Prediction] | list[LabelSet]:
        """Label texts."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A shard's pieces.

    Attributes
    ----------
    piece : bytes
        Of the output.
    bad : bytes
        Of the quarantine.
    scored, unsure : int
    labels : dict of str to int
    """

    piece: bytes
    bad: bytes
    scored: int
    unsure: int
    labels: dict[str, int]


def blocks(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """Cut rows into shards, always at the same places for the same rows.

    Parameters
    ----------
    rows : iterable of Row
    most : int
        Rows of a shard.
    """
    block: list[Row] = []
    size = 0
    for row in rows:
        block.append(row)
        size += row.size
        if len(block) >= most or size >= SHARD_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def answer(
    predictor: Predictor, layout: Layout, columns: tuple[str, ...], block: Sequence[Row]
) -> Answered:
    """Label a shard's rows; those that cannot be are put aside with the reason.

    Parameters
    ----------
    predictor : Predictor
    layout : Layout
    columns : tuple of str
        The text's, and of pairs the second text's too.
    block : sequence of Row
    """
    # A stand-in for a classifier may clean nothing.
    cleaning = getattr(getattr(predictor, "spec", None), "clean", None)
    flaws = [_flaw(row, layout, columns, cleaning) for row in block]
    good = [row.cells for row, flaw in zip(block, flaws, strict=True) if flaw is None]
    texts = [_given(cells, columns) for cells in good]
    found = iter(_predicted(predictor, texts))
    rows: list[dict[str, Any]] = []
    bad: list[str] = []
    labels: Counter[str] = Counter()
    unsure = 0
    for row, flaw in zip(block, flaws, strict=True):
        prediction = next(found) if flaw is None else flaw
        if isinstance(prediction, str):
            bad.append(_put_aside(row, columns[0], prediction))
        else:
            rows.append(row.cells | write.answer(layout, prediction))
            labels.update(_labels(prediction))
            unsure += write.is_unsure(prediction)
    piece = write.piece(layout, rows)
    return Answered(piece, "".join(bad).encode(), len(rows), unsure, dict(sorted(labels.items())))


def _labels(prediction: Answer) -> Sequence[str]:
    return prediction.labels if isinstance(prediction, LabelSet) else [prediction.label]


def _given(cells: Mapping[str, Any], columns: tuple[str, ...]) -> Given:
    """Return a row's text, or its two."""
    return cells[columns[0]] if len(columns) == 1 else (cells[columns[0]], cells[columns[1]])


def _flaw(
    row: Row, layout: Layout, columns: tuple[str, ...], cleaning: CleanConfig | None
) -> str | None:
    if row.flaw is not None:
        return row.flaw
    for column in columns:
        checked = checked_text(row.cells.get(column))
        if isinstance(checked, Flaw):
            return checked.found if column == columns[0] else f"'{column}': {checked.found}"
    if cleaning is not None and says_nothing(_given(row.cells, columns), cleaning):
        return "the text is empty once cleaned"
    return misfit(layout, row.cells)


def _predicted(predictor: Predictor, texts: Sequence[Given]) -> list[Answer | str]:
    """Label texts; when that fails, find those at fault by halving.

    Whether it is the texts at all is asked with one that nobody's model fails on, before and after:
    neighbours may be bad together, and a text may leave a device that answers nothing any more.
    """
    if not texts:
        return []
    try:
        return list(predictor.predict(texts))
    except Exception as error:
        harmless = [_HARMLESS if isinstance(texts[0], str) else (_HARMLESS, _HARMLESS)]
        predictor.predict(harmless)
        found = _halved(predictor, texts, error)
        predictor.predict(harmless)
        return found


def _halved(predictor: Predictor, texts: Sequence[Given], error: Exception) -> list[Answer | str]:
    if len(texts) == 1:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return [f"the model failed on it: {first}"]
    middle = len(texts) // 2
    found: list[Answer | str] = []
    for part in (texts[:middle], texts[middle:]):
        try:
            found += predictor.predict(part)
        except Exception as own:
            found += _halved(predictor, part, own)
    return found


def _put_aside(row: Row, text: str, reason: str) -> str:
    value = row.cells.get(text)
    start = row.beginning or (value if isinstance(value, str) else repr(value))[:200]
    return json.dumps({"line": row.line, "reason": reason, "beginning": start}) + "\n"
