"""Evaluate a saved model on any data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plaudit.artifact import Spec
from plaudit.config import EvaluateConfig
from plaudit.data.prepare import Rows, held_out, rows_of
from plaudit.data.records import Columns, Corpus
from plaudit.data.sources import Source, read, resolve
from plaudit.errors import DataError
from plaudit.predict import Classifier
from plaudit.run.testing import scored

if TYPE_CHECKING:
    from plaudit.run.training import Watcher


def evaluate(
    model: Path | str,
    data: str,
    *,
    split: str | None = None,
    columns: Columns | None = None,
    device: str = "auto",
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Score a saved model on labelled rows.

    Parameters
    ----------
    model : Path or str
        The model folder.
    data : str
        Any DATA.
    split : str, optional
        An official split; or, on the very table that the model was trained on, "test" for the part
        that was held out; on any other table "test" or "all" is all of its rows. By default "test"
        where there is one, else all rows.
    columns : Columns, optional
        By default as in training, where the data has such columns.
    device : {"auto", "cpu", "cuda", "mps"}
    watcher : Watcher, optional

    Returns
    -------
    dict
        ``model``, ``data``, ``split``, ``rows``, ``labels``, ``metrics``, ``per_class``,
        ``confusion``, ``interval``, ``overlap``, ``seconds``.

    Raises
    ------
    plaudit.errors.PlauditError
        The model or the data cannot be used.
    """
    classifier = Classifier.load(model, device=device)
    say = watcher.say if watcher else _drop
    source = resolve(data, say=say)
    rows, name, note = _rows(source, split, columns or Columns(), classifier.spec)
    started = time.perf_counter()
    probabilities_NC = classifier.probabilities(rows.texts)
    seconds = time.perf_counter() - started
    scores, overlap, without = scored(
        rows, probabilities_NC, classifier.labels, classifier.seen_prints_N, EvaluateConfig()
    )
    if overlap:
        say(
            f"{overlap:,} of {len(rows):,} texts were seen in training or selection: see overlap "
            "for the results without them."
        )
    return {
        "model": str(model),
        "data": {"asked": data, "served_by": source.served_by, "note": note},
        "split": name,
        **scores.to_dict(),
        "overlap": {"rows": overlap, "test_without": without.to_dict() if without else None},
        "seconds": seconds,
    }


def _drop(line: str) -> None:
    """Show nothing."""


def _mapping(columns: Columns, spec: Spec) -> dict[str, str] | None:
    """Map labels as in training, unless told otherwise; a final name also stands for itself."""
    if columns.mapping is not None:
        return dict(columns.mapping)
    if spec.label_mapping is None:
        return None
    return {label: label for label in spec.labels} | dict(spec.label_mapping)


def _read(source: Source, split: str | None, columns: Columns, spec: Spec) -> Corpus:
    """Read with the columns that were asked for, else with those of training, else guess."""
    mapping = _mapping(columns, spec)
    trained = Columns(columns.text or spec.text_column, columns.label or spec.label_column, mapping)
    asked = Columns(columns.text, columns.label, mapping)
    try:
        return read(source, split, trained, labels=spec.labels)
    except DataError:
        if asked == trained:
            raise
        return read(source, split, asked, labels=spec.labels)


def _rows(source: Source, split: str | None, columns: Columns, spec: Spec) -> tuple[Rows, str, str]:
    """Return the rows asked for, the split's name and what it is in words."""
    if source.splits:
        name = split or ("test" if "test" in source.splits else source.splits[0])
        return rows_of(_read(source, name, columns, spec), spec.clean), name, source.note
    if split not in (None, "all", "test"):
        raise DataError(
            f"{source.asked} is one table without a split {split!r}. Leave --split out, or use "
            "'all', or 'test'."
        )
    corpus = _read(source, None, columns, spec)
    if split != "all" and dict(corpus.provenance.files) == spec.data_files:
        return _held_out(source, corpus, spec)
    return rows_of(corpus, spec.clean), "all", source.note


def _held_out(source: Source, corpus: Corpus, spec: Spec) -> tuple[Rows, str, str]:
    rows = held_out(corpus, spec.clean, spec.split, spec.seed)
    if not len(rows):
        raise DataError(
            f"{source.asked} is what the model was trained on, and nothing was held out "
            "(split.test_size = 0). Evaluate on other data, or with --split all."
        )
    note = f"The part of {source.asked} that was held out before training. {source.note}"
    return rows, "test", note
