"""Measure models and formats side by side. Read :func:`bench` first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plaudit import artifact, machine
from plaudit.bench.contenders import Contender, gather
from plaudit.bench.measure import Spread, Task, percentile, race
from plaudit.bench.memory import measure
from plaudit.bench.samples import Length, Sample, by_words, draw, labelled, real_tokens
from plaudit.data.records import Columns
from plaudit.data.sources import Say, silent
from plaudit.errors import ConfigError
from plaudit.evaluate.metrics import score

ROWS = 256
ROUNDS = 5
CALLS = 20
"""Timed calls a round for the latency of one review: with five rounds, p99 is of a hundred."""


def bench(  # noqa: PLR0913 - the first two say what, the others how
    models: Sequence[Path | str] | Path | str,
    data: Path | str | None = None,
    *,
    rows: int = ROWS,
    rounds: int = ROUNDS,
    columns: Columns | None = None,
    device: str = "auto",
    say: Say | None = None,
) -> dict[str, Any]:
    """Measure what models are worth and what they cost, each in every format that it has.

    Parameters
    ----------
    models : sequence of Path or str, or one
        Model folders. Beside a single one of format torch, what was exported from it is taken too.
    data : Path or str, optional
        Any labelled DATA. By default the part of the first model's own data that was held out.
    rows : int
        Rows for accuracy and agreement at most, drawn at random, the same ones each time; those
        that are timed are of them.
    rounds : int
        Rounds of timing; in each every format does everything.
    columns : Columns, optional
        By default as in training, where the data has such columns.
    device : {"auto", "cpu", "cuda", "mps"}
    say : callable, optional
        Takes lines on the progress.

    Returns
    -------
    dict
        ``measured_at``, ``commit``, ``machine``, ``versions``, ``threads``, ``data``, ``rounds``,
        ``short`` and ``long`` (the timed reviews), and ``models``: for each model and format
        ``model``, ``format``, ``device``, ``precision``, ``labels``, ``accuracy`` (with its
        interval), ``agreement`` (share of rows labelled as by the first), ``seen_rows`` (rows that
        its training or selection has seen), ``throughput`` (reviews a second, real tokens a second
        that the encoder reads, and the share of texts that words answer in its place),
        ``latency`` (ms, one review a call), ``weights_mb``, and ``memory``. All from raw text to
        prediction, loading excluded.

    Raises
    ------
    plaudit.errors.PlauditError
        A model or the data cannot be used.

    Examples
    --------
    >>> import plaudit
    >>> [row] = plaudit.bench("runs/quickstart/model", rows=8, rounds=1)["models"]
    >>> row["format"], row["agreement"]
    ('torch fp32', 1.0)
    """
    if rows < 1 or rounds < 1:
        raise ConfigError(f"rows and rounds must be at least 1, not {rows} and {rounds}")
    say = say or silent
    folders = [models] if isinstance(models, str | Path) else models
    contenders = gather(folders, device, say)
    first = contenders[0]
    asked = None if data is None else str(data)
    found, described = labelled(first.classifier.spec, asked, columns or Columns(), say)
    sample = draw(found, described, contenders, rows)
    answers = _answers(contenders, sample, say)
    times = _times(contenders, sample, rounds, say)
    return _header(sample, rounds) | {
        "models": [
            _about(contender)
            | answer
            | _speed(contender, sample, seconds)
            | _memory(contender, sample, say)
            for contender, answer, seconds in zip(contenders, answers, times, strict=True)
        ],
    }


def _header(sample: Sample, rounds: int) -> dict[str, Any]:
    def described(length: Length) -> dict[str, Any]:
        return {"reviews": len(length.texts), "tokens": asdict(Spread.of(length.tokens))}

    versions = artifact.versions()
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(),
        "machine": {k: v for k, v in machine.describe().items() if k not in versions},
        "versions": versions | _runtime(),
        "threads": torch.get_num_threads(),
        "data": sample.data | {"rows": len(sample.rows)},
        "rounds": rounds,
        "short": described(sample.short),
        "long": described(sample.long),
    }


def _runtime() -> dict[str, str]:
    try:
        return {"onnxruntime": version("onnxruntime")}
    except PackageNotFoundError:
        return {}


def _about(contender: Contender) -> dict[str, Any]:
    return {
        "model": str(contender.folder),
        "format": contender.format,
        "device": contender.device,
        "precision": contender.precision,
        "labels": list(contender.classifier.labels),
        "weights_mb": contender.weights_mb(),
    }


def _answers(contenders: Sequence[Contender], sample: Sample, say: Say) -> list[dict[str, Any]]:
    """Label the rows once with each; accuracy and agreement are of the same answers."""
    labels = contenders[0].classifier.labels
    answers: list[dict[str, Any]] = []
    first_N = np.zeros(0, dtype=np.int64)
    for contender in contenders:
        say(f"{contender.folder} ({contender.format}): {len(sample.rows):,} rows to label")
        classifier = contender.classifier
        columns = [classifier.labels.index(label) for label in labels]
        own = classifier.answers(classifier.probabilities(sample.rows.texts))
        chosen_N = np.argsort(columns)[own.chosen_N]
        scores = score(
            own.probabilities_NC[:, columns], sample.rows.targets_N, labels, predicted_N=chosen_N
        )
        first_N = first_N if answers else chosen_N
        seen = int(np.isin(sample.rows.prints_N, classifier.seen_prints_N).sum())
        if seen:
            say(f"{seen:,} of these rows were seen in its training or selection")
        answers.append(
            {
                "accuracy": scores.to_dict()["metrics"]["accuracy"],
                "agreement": float((chosen_N == first_N).mean()),
                "seen_rows": seen,
            }
        )
    return answers


def _times(
    contenders: Sequence[Contender], sample: Sample, rounds: int, say: Say
) -> list[dict[str, list[float]]]:
    tasks = [
        Task("short", sample.short.texts),
        Task("long", sample.long.texts),
        Task("one short", [sample.short.typical], CALLS),
        Task("one long", [sample.long.typical], CALLS),
    ]
    return race([contender.classifier.predict for contender in contenders], tasks, rounds, say)


def _speed(contender: Contender, sample: Sample, seconds: dict[str, list[float]]) -> dict[str, Any]:
    lengths = {"short": sample.short, "long": sample.long}
    throughput, latency = {}, {}
    for name, length in lengths.items():
        tokens = real_tokens(contender, length.texts)
        passes, calls = seconds[name], seconds[f"one {name}"]
        throughput[name] = {
            "reviews_per_s": asdict(Spread.of(len(length.texts) / s for s in passes)),
            "tokens_per_s": asdict(Spread.of(tokens / s for s in passes)),
            "tokens": tokens,
            "by_words": by_words(contender, length.texts),
        }
        latency[name] = {
            "p50_ms": percentile(calls, 50) * 1e3,
            "p99_ms": percentile(calls, 99) * 1e3,
            "calls": len(calls),
            "tokens": real_tokens(contender, [length.typical]),
        }
    return {"throughput": throughput, "latency": latency}


def _memory(contender: Contender, sample: Sample, say: Say) -> dict[str, Any]:
    say(f"{contender.folder} ({contender.format}): memory, in a process of its own")
    texts = [*sample.short.texts, *sample.long.texts]
    taken = measure(contender.folder, contender.device, contender.precision, texts)
    if isinstance(taken, str):
        say(f"its memory could not be measured: {taken}")
        return {"memory": None}
    return {"memory": asdict(taken) | {"above_start_mb": taken.above_start_mb}}
