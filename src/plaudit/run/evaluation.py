"""Evaluate a saved model on any data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from plaudit.config import EvaluateConfig
from plaudit.data.records import Columns
from plaudit.data.sources import resolve
from plaudit.errors import ConfigError
from plaudit.evaluate import predictions, set_predictions
from plaudit.evaluate.predictions import Predictions
from plaudit.labelled import Labelled, find
from plaudit.multilabel import MultiLabelClassifier, load
from plaudit.predict import Classifier
from plaudit.run import label_sets
from plaudit.run.testing import ANSWERED_BY, answered_by, decided, parts, scored
from plaudit.run.watching import Silent, Watcher


def evaluate(  # noqa: PLR0913 - one parameter an option of the command
    model: Path | str,
    data: Path | str,
    *,
    split: str | None = None,
    columns: Columns | None = None,
    by: Sequence[str] = (),
    rows_file: Path | str | None = None,
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
    by : sequence of str
        Columns of the data; results are also given for each of their values.
    rows_file : Path or str, optional
        A new Parquet file for what was predicted of each row (see
        :func:`plaudit.evaluate.predictions.write`); :func:`plaudit.compare` takes it.
    device : {"auto", "cpu", "cuda", "mps"}
    watcher : Watcher, optional

    Returns
    -------
    dict
        ``model``, ``data``, ``split``, ``rows``, ``labels``, ``metrics``, ``per_class``,
        ``confusion``, ``interval``, ``overlap``, ``deduplicated``, ``slices``, ``calibration``,
        ``decision``, ``seconds``.

    Raises
    ------
    plaudit.errors.PlauditError
        The model or the data cannot be used.

    Examples
    --------
    >>> import plaudit
    >>> result = plaudit.evaluate("runs/quickstart/model", "reviews.csv")
    >>> result["split"], result["rows"], result["overlap"]["rows"]
    ('test', 24, 0)
    >>> [group["value"] for group in plaudit.evaluate(
    ...     "runs/quickstart/model", "reviews.csv", by=["label"]
    ... )["slices"][-1]["groups"]]
    ['negative', 'positive']
    >>> result["metrics"]["accuracy"]
    {'value': 0.9..., 'low': 0.7..., 'high': 0.99...}
    """
    rows_file = None if rows_file is None else Path(rows_file)
    by = [by] if isinstance(by, str) else by
    if rows_file is not None:
        predictions.check_new(rows_file)
    classifier = load(model, device=device)
    if by and isinstance(classifier, MultiLabelClassifier):
        raise ConfigError(
            f"--by {by[0]}: results by a column are made for one label a text, and {model} gives "
            "any number of them. Leave --by out, or give a part of the rows as DATA."
        )
    if ANSWERED_BY in by and classifier.spec.ngram_cascade is not None:
        raise ConfigError(
            f"--by {ANSWERED_BY!r}: results by what answered are given for this model in any case, "
            "under that name. Name the column otherwise."
        )
    say = (watcher or Silent()).say
    source = resolve(str(data), say=say)
    others = tuple(dict.fromkeys(by))
    columns = replace(columns or Columns(), others=others)
    found = find(source, split, columns, classifier.spec)
    if isinstance(classifier, MultiLabelClassifier):
        measured, sets = label_sets.measured(classifier, found.rows)
        if rows_file is not None:
            set_predictions.write(rows_file, sets)
    else:
        measured, kept = _measured(classifier, found, others)
        if rows_file is not None:
            predictions.write(rows_file, kept)
    if seen := measured["overlap"]["rows"]:
        say(
            f"{seen:,} of {len(found.rows):,} texts were seen in training or selection: see "
            "overlap for the results without them."
        )
    return {
        "model": str(model),
        "data": {"asked": source.asked, "served_by": source.served_by, "note": found.note},
        "split": found.split,
        **measured,
    }


def _measured(
    classifier: Classifier, found: Labelled, others: Sequence[str]
) -> tuple[dict[str, Any], Predictions]:
    rows, config = found.rows, EvaluateConfig()
    started = time.perf_counter()
    answers = classifier.answers(classifier.probabilities(rows.texts))
    seconds = time.perf_counter() - started
    scores, overlap = scored(rows, answers, classifier.labels, classifier.seen_prints_N, config)
    kept = predictions.of_rows(rows, answers, scores.labels)
    columns = {name: found.column(name) for name in others}
    return {
        **scores.to_dict(),
        "overlap": overlap.to_dict(),
        **parts(kept, rows, config, answered_by(classifier, rows) | columns),
        **_sections(decided(answers, rows, classifier.spec.decision, config)),
        "seconds": seconds,
    }, kept


def _sections(found: dict[str, Any]) -> dict[str, Any]:
    """Put what was measured where a run's report has it."""
    chosen = found["decision"]
    return {
        "calibration": {"test": found["calibration"]},
        "decision": None if chosen is None else {"test": chosen},
    }
