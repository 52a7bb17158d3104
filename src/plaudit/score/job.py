"""A job from its input to its output; killed at any moment and begun again, it goes on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.errors import ConfigError, DataError
from plaudit.labelled import pair_columns
from plaudit.multilabel import load
from plaudit.predict import CHUNK
from plaudit.score import staging
from plaudit.score.layout import Layout, layout_of
from plaudit.score.publish import check_out, folder_of, publish
from plaudit.score.read import Rows, Table, find
from plaudit.score.records import Options, Scored, Standing
from plaudit.score.shards import Predictor, answer, blocks
from plaudit.score.staging import Shard, Staging

FORMAT = 2
"""Raise it when the same job would give other bytes, or what was begun would be mixed with it."""


def score(  # noqa: PLR0913 - one parameter an option of the command
    model: Path | str,
    data: Path | str,
    out: Path | str,
    *,
    text: str | None = None,
    text_pair: str | None = None,
    probabilities: bool = False,
    excel_safe: bool = False,
    shard_rows: int = CHUNK,
    device: str = "auto",
    watcher: Callable[[Standing], None] | None = None,
) -> Scored:
    """Label every row of a file of any size, in bounded memory.

    What is done stands in ``OUT.scoring`` until all is. When the process ends before that, however
    it ends, the same call goes on: each row is written once, in the input's order, and the output
    has the bytes that it would have had without the interruption.

    Parameters
    ----------
    model : Path or str
        A model folder.
    data : Path or str
        One CSV, TSV, JSONL or Parquet file; but for Parquet, gzip too.
    out : Path or str
        A new file of one of these kinds. The input's columns, then ``label``, ``probability``,
        ``unsure`` where the model abstains, and with ``probabilities`` ``probability_<label>``; all
        of these begin with ``predicted_`` where the input has one of the names. Of a model that
        gives any number of labels, ``labels`` instead of the first two: a list, in CSV and TSV
        joined by ``data.label_separator`` of its run.
    text : str, optional
        The text's column; by default that of training, otherwise the one possible choice.
    text_pair : str, optional
        For a model of pairs: the second text's column; both are by default those of training.
    probabilities : bool
        Write the probability of each label.
    excel_safe : bool
        Put an apostrophe before cells that a spreadsheet would take for formulas.
    shard_rows : int
        Rows that are labelled together. Fewer are slower; more are lost by a kill.
    device : {"auto", "cpu", "cuda", "mps"}
    watcher : callable, optional
        Told after each shard.

    Returns
    -------
    Scored
        With ``quarantined`` rows when some could not be scored: they are in
        ``OUT.quarantine.jsonl``, with line and reason, and in the output they are not.

    Raises
    ------
    plaudit.errors.PlauditError
        The model or the file cannot be used; ``out`` exists; what was begun is another job.

    Examples
    --------
    >>> import plaudit
    >>> done = plaudit.score("runs/quickstart/model", "reviews.csv", "scored.csv", text="text")
    >>> done.rows, done.quarantined, done.added
    (240, 0, ('predicted_label', 'predicted_probability'))
    """
    if shard_rows < 1:
        raise ConfigError(f"shard_rows is {shard_rows}; it must be 1 at least.")
    out = Path(out)
    check_out(out)
    spec = artifact.read_spec(Path(model))
    pair = pair_columns(spec, text, text_pair)
    table = find(Path(data), text, pair, spec.text_column)
    classifier = load(model, device=device)
    about = {
        "manifest_sha256": staging.sha256_or_none(Path(model) / artifact.MANIFEST),
        "device": device,
        "versions": artifact.versions(),
    }
    options = Options(probabilities, excel_safe, shard_rows)
    return run(classifier, about, table, out, options, watcher)


def run(
    predictor: Predictor,
    about: dict[str, Any],
    table: Table,
    out: Path,
    options: Options,
    watcher: Callable[[Standing], None] | None = None,
) -> Scored:
    """Score a table with whatever predicts; :func:`score` says what it promises.

    Parameters
    ----------
    predictor : Predictor
    about : dict
        What tells it from another one.
    table : Table
    out : Path
    options : Options
    watcher : callable, optional

    Raises
    ------
    plaudit.errors.PlauditError
    """
    began_s = time.perf_counter()
    layout = layout_of(
        out,
        table,
        predictor.labels if options.probabilities else (),
        unsure=bool(getattr(predictor, "abstains", False)),
        excel_safe=options.excel_safe,
        separator=getattr(predictor, "separator", None),
    )
    identity = {
        "format": FORMAT,
        "input": staging.imprint(table.file.path),
        "model": about,
        "options": asdict(options) | {"out": out.name} | _texts(table),
    }
    with staging.held(folder_of(out)) as stage:
        stage.resume(identity, table.file.path)
        watch = _Watch(watcher, began_s, stage)
        _go_on(predictor, layout, table, stage, options.shard_rows, watch)
        if not stage.shards:
            stage.remove()
            raise DataError(f"{table.file.name}: there is no row. Check the file's export.")
        if staging.imprint(table.file.path) != identity["input"]:
            raise DataError(
                f"{table.file.path} was changed while it was scored. Remove {stage.folder} and "
                "score it again when it is complete."
            )
        quarantine = publish(layout, out, stage)
        stage.remove()
    return Scored(
        path=out,
        rows=stage.shards[-1].end,
        scored=sum(shard.scored for shard in stage.shards),
        quarantined=stage.bad,
        quarantine=quarantine,
        added=layout.added,
        labels=_sum(predictor.labels, stage.shards),
        unsure=sum(shard.unsure for shard in stage.shards),
        resumed=watch.resumed,
        redone=stage.dropped,
        seconds=time.perf_counter() - began_s,
    )


def _texts(table: Table) -> dict[str, str]:
    second = {} if table.second is None else {"text_pair": table.second}
    return {"text": table.text, **second}


def _go_on(
    predictor: Predictor,
    layout: Layout,
    table: Table,
    stage: Staging,
    shard_rows: int,
    watch: _Watch,
) -> None:
    rows = Rows(table, stage.after)
    with contextlib.closing(iter(rows)) as found:
        for block in blocks(found, shard_rows):
            done = answer(predictor, layout, table.texts, block)
            shard = Shard(
                first=stage.rows,
                end=stage.rows + len(block),
                offset=block[-1].after.offset,
                line=block[-1].after.line,
                scored=done.scored,
                unsure=done.unsure,
                labels=done.labels,
                sha256=staging.sha256_of_bytes(done.piece),
                bad_sha256=staging.sha256_of_bytes(done.bad) if done.bad else None,
            )
            stage.add(shard, done.piece, done.bad)
            watch.tell(rows.fraction)


class _Watch:
    """Tells how far a job is; the rate is that of this run."""

    def __init__(
        self, watcher: Callable[[Standing], None] | None, began_s: float, stage: Staging
    ) -> None:
        self.resumed = stage.rows
        self._watcher = watcher
        self._began_s = began_s
        self._stage = stage
        # What part of a zipped file an earlier run had read shows only when it has been passed.
        self._from = None if self.resumed else (0.0, began_s)

    def tell(self, fraction: float) -> None:
        if self._watcher is None:
            return
        now_s = time.perf_counter()
        eta_s = float("nan")
        if self._from is None:
            self._from = (fraction, now_s)
        elif (read := fraction - self._from[0]) > 0:
            eta_s = (now_s - self._from[1]) * (1 - fraction) / read
        rate = (self._stage.rows - self.resumed) / max(now_s - self._began_s, 1e-9)
        self._watcher(Standing(self._stage.rows, self._stage.bad, fraction, rate, eta_s))


def _sum(labels: Sequence[str], shards: Sequence[Shard]) -> dict[str, int]:
    return {label: sum(shard.labels.get(label, 0) for shard in shards) for label in labels}
