"""Do time per review and memory stay the same from 1,000 to 50,000 reviews scored?

Each size runs in a process of its own, because a process never gives its peak back; in every round
each size has one turn, odd rounds backwards. The same 1,000 real reviews come over and over, so
that every size does the same work per review; nothing in plaudit remembers a review. They come from
a generator, as from a file. The encoder is the bundled one with its first two layers at 256 tokens,
unless --full (all six, 512 tokens): the other layers need time, not memory, since inference keeps
one at a time.

Should take about 20 minutes a round; --full about two hours; --short (200 and 1,000 reviews, one
round, writes no file) about half a minute.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from common.side_by_side import RESULTS, Document, own_process, say, turns

QUESTION = "Do time per review and memory stay the same from 1,000 to 50,000 reviews scored?"
SIZES = (1_000, 10_000, 50_000)
SHORT = (200, 1_000)
DISTINCT = 1_000
WARM_UP = 16


def score(rows: int, layers: int, max_tokens: int, distinct: int) -> dict[str, float]:
    """Load data and model, warm up, note peak and time, score, note them again."""
    import numpy as np
    import torch

    from common.reviews import bundled
    from common.side_by_side import quiet_peers
    from plaudit import artifact
    from plaudit.bench.memory import peak_mb
    from plaudit.config import CleanConfig, ModelConfig, SplitConfig, TextConfig
    from plaudit.model import families
    from plaudit.model.build import build, load_tokenizer
    from plaudit.model.device import plan
    from plaudit.predict import Classifier

    texts = bundled(distinct).texts
    with quiet_peers():
        model = build(ModelConfig(), ("a", "b"), max_tokens=max_tokens, window_pooling="mean")
    stack = families.layers(model.stock)
    if layers < len(stack):
        model.stock.base_model.encoder.layer = torch.nn.ModuleList(stack[:layers])
    spec = artifact.Spec(
        labels=("a", "b"), pooling="mean", window_pooling="mean",
        text=TextConfig(max_tokens=max_tokens), clean=CleanConfig(), split=SplitConfig(), seed=0,
        data="bundled", data_files={}, label_mapping=None, config_digest="", versions={},
    )  # fmt: skip
    loaded = artifact.Loaded(model, load_tokenizer("bundled"), spec, np.zeros(0, np.uint64))
    classifier = Classifier(loaded, plan("auto"))
    classifier.predict(texts[:WARM_UP])
    before, started = peak_mb(), time.perf_counter()
    done = sum(1 for _ in classifier.stream(islice(cycle(texts), rows)))
    seconds = time.perf_counter() - started
    return {
        "rows": done,
        "ms_per_review": 1000 * seconds / done,
        "before_mb": round(before),
        "peak_mb": round(peak_mb()),
        "above_model_mb": round(peak_mb() - before),
    }


def compared(rounds: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return medians, and how much the largest size differs from the smallest."""
    medians = {
        size: {name: median(row[name] for row in rows) for name in ("ms_per_review", "peak_mb")}
        for size, rows in rounds.items()
        if rows
    }
    times = [values["ms_per_review"] for values in medians.values()]
    peaks = [values["peak_mb"] for values in medians.values()]
    return {
        "medians": medians,
        "slowest_over_fastest": max(times) / min(times),
        "largest_over_smallest_peak": max(peaks) / min(peaks),
        "rounds": rounds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="small sizes; writes no file")
    parser.add_argument("--full", action="store_true", help="all layers, 512 tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, action="append", help="a number of reviews; repeatable")
    parser.add_argument("--out", type=Path, default=RESULTS / "growth.json")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [str(size) for size in args.size or (SHORT if args.short else SIZES)]
    layers, max_tokens = (6, 512) if args.full else (2, 256)
    distinct = min(DISTINCT, *map(int, sizes))
    if args.rows:
        print(json.dumps(score(args.rows, layers, max_tokens, distinct)))
        return
    document = Document(None if args.short else args.out, QUESTION)
    words = ["--full"] * args.full + [word for size in sizes for word in ("--size", size)]
    rounds: dict[str, list[dict[str, float]]] = {size: [] for size in sizes}
    for round_ in range(1 if args.short else args.rounds):
        for size in turns(sizes, round_):
            row = own_process(__file__, *words, "--rows", size)
            rounds[size].append(row)
            say(
                f"  round {round_ + 1}  {int(size):>7,} reviews: {row['ms_per_review']:.2f} ms "
                f"each, peak {row['peak_mb']:,.0f} MB, {row['above_model_mb']:.0f} MB of it new"
            )
            section = {"layers": layers, "max_tokens": max_tokens, "distinct": distinct}
            document.put("full" if args.full else "two_layers", section | compared(rounds))
    result = compared(rounds)
    say(
        f"slowest size / fastest, per review: {result['slowest_over_fastest']:.3f}; "
        f"largest peak / smallest: {result['largest_over_smallest_peak']:.3f}"
    )


if __name__ == "__main__":
    main()
