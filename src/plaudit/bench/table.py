"""The comparison as rows of words: a measure a row, a model a column, so that four fit a screen."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from plaudit.report.words import percent

Row = Mapping[str, Any]


def table(document: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Lay out what :func:`plaudit.bench.compare.bench` returned.

    Parameters
    ----------
    document : mapping

    Returns
    -------
    (list of str, list of list of str)
        The names of the columns, the first of which is empty, and the rows.
    """
    models: Sequence[Row] = document["models"]
    measures: list[tuple[str, Callable[[Row], str]]] = [
        ("format", lambda m: str(m["format"])),
        ("accuracy", lambda m: percent(m["accuracy"]["value"])),
        ("  95% interval", lambda m: _interval(m["accuracy"])),
        ("labels as the first", lambda m: percent(m["agreement"])),
        *(_seen() if any(m["seen_rows"] for m in models) else ()),
        *_speeds("short", models),
        *_speeds("long", models),
        ("weights, MB", lambda m: f"{m['weights_mb']:,.1f}"),
        ("peak memory, MB", _memory),
    ]
    names = short_names([m["model"] for m in models])
    return ["", *names], [[name, *map(show, models)] for name, show in measures]


def short_names(folders: Sequence[str]) -> list[str]:
    """Drop the folders that all have in common.

    Examples
    --------
    >>> short_names(["runs/a/model", "runs/a/model-onnx"]), short_names(["runs/a/model"])
    (['model', 'model-onnx'], ['model'])
    """
    parents = [os.path.dirname(os.path.normpath(folder)) for folder in folders]  # noqa: PTH120
    try:
        common = os.path.commonpath(parents)
    except ValueError:  # some from the root, some not, or on different drives
        return list(folders)
    return [str(PurePath(os.path.relpath(folder, common or "."))) for folder in folders]


def opening(document: Mapping[str, Any]) -> list[str]:
    """Say what was measured, and on what."""
    data, short, long = document["data"], document["short"], document["long"]
    return [
        f"{data['rows']:,} of {data['rows_there']:,} rows ({data['split']}). {data['note']}",
        f"{document['rounds']} rounds, {document['threads']} threads, "
        f"{document['machine']['processor']}. From raw text to label: "
        f"short: {_length(short)}; long: {_length(long)}.",
    ]


def _length(described: Mapping[str, Any]) -> str:
    tokens = described["tokens"]
    return f"{described['reviews']} reviews of {tokens['low']:,} to {tokens['high']:,} tokens"


def _seen() -> list[tuple[str, Callable[[Row], str]]]:
    return [("rows it has seen", lambda m: f"{m['seen_rows']:,}")]


def _speeds(length: str, models: Sequence[Row]) -> list[tuple[str, Callable[[Row], str]]]:
    def rate(name: str) -> Callable[[Row], str]:
        return lambda m: _rate(m["throughput"][length][name])

    def quick(model: Row) -> float:
        share: float = model["throughput"][length].get("by_words", 0.0)
        return share

    shares: tuple[str, Callable[[Row], str]] = ("  of them by words", lambda m: percent(quick(m)))
    return [
        (f"{length} reviews/s", rate("reviews_per_s")),
        *([shares] if any(map(quick, models)) else []),
        (f"  {length} tokens/s", rate("tokens_per_s")),
        ("  one: ms p50 / p99", lambda m: _latency(m["latency"][length])),
    ]


def _interval(accuracy: Mapping[str, float | None]) -> str:
    if accuracy["low"] is None:
        return "–"
    return f"{percent(accuracy['low'])} to {percent(accuracy['high'])}"


def _rate(spread: Mapping[str, float]) -> str:
    """Show the median, and how far the rounds lay from it."""
    if not spread["median"]:  # words answered every text
        return "–"
    away = max(spread["high"] - spread["median"], spread["median"] - spread["low"])
    digits = 0 if spread["median"] >= 100 else 1
    return f"{spread['median']:,.{digits}f} ±{100 * away / spread['median']:.0f}%"


def _latency(latency: Mapping[str, float]) -> str:
    return f"{latency['p50_ms']:.1f} / {latency['p99_ms']:.1f}"


def _memory(model: Row) -> str:
    memory = model["memory"]
    return "–" if memory is None else f"{memory['above_start_mb']:,.0f}"
