"""How long does one short review take, from text to label, beside the standard tools?

Equal on all sides: the weights, the threads, and 16 real reviews of 30 to 64 tokens that come one
at a time, in turn. Sides are those of scoring.py: plaudit (and its exported formats),
transformers.pipeline at its defaults, ONNX Runtime int8 at its defaults. In each round every side
answers 100 calls in a row after 10 that are not counted; the raw times of all calls are kept.

Should take about 2 minutes; --short (20 calls, two rounds, writes no file) about half a minute,
most of it for exporting.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from common.side_by_side import RESULTS, Document, Raw, Sample, Side, alternate, compared, now, say

QUESTION = "How long does one short review take, from text to label?"
TEXTS = 16
WARM_UP = 10


def short_reviews(pool: int) -> list[str]:
    """Return real reviews of 30 to 64 tokens, or the shortest where there are too few."""
    import numpy as np

    from common.reviews import bundled, encode

    texts = bundled(pool).texts
    lengths_N = encode(texts, 512).longest_N()
    order_N = np.argsort(lengths_N, kind="stable")
    fitting = order_N[(lengths_N[order_N] >= 30) & (lengths_N[order_N] <= 64)]
    if len(fitting) < TEXTS:
        fitting = order_N[:TEXTS]
    return [texts[int(n)] for n in fitting[:: len(fitting) // TEXTS][:TEXTS]]


def side(score: Any, texts: list[str], calls: int, times_ms: list[float]) -> Side:
    """Make a side of a way to score; it adds the time of each call."""

    def turn(_: int) -> Sample:
        for n in range(WARM_UP):
            score([texts[n % len(texts)]])
        began = now()
        for n in range(calls):
            started = now()
            score([texts[n % len(texts)]])
            times_ms.append(round(1000 * (now() - started), 4))
        return Sample(calls, now() - began)

    return turn


def quantiles(times_ms: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Return p50 and p99 of each side, over the calls of all rounds."""
    import numpy as np

    return {
        name: {"p50_ms": float(np.quantile(ms, 0.5)), "p99_ms": float(np.quantile(ms, 0.99))}
        for name, ms in times_ms.items()
        if ms
    }


def measure(args: argparse.Namespace, work: Path, document: Document) -> None:
    """Alternate all sides."""
    from common import scorers
    from plaudit.model.device import plan

    model = scorers.prepare(args.model, work, plan("auto"))
    texts = short_reviews(2_000 if args.short else 25_000)
    ours = scorers.plaudit_sides(model, work, short=args.short)
    ways = ours | {scorers.REFERENCE: scorers.pipeline(model, batch=None)}
    ways |= scorers.runtime_sides(model, work, [1])
    times_ms: dict[str, list[float]] = {name: [] for name in ways}
    sides = {name: side(score, texts, args.calls, times_ms[name]) for name, score in ways.items()}

    def section(raw: Raw) -> dict[str, Any]:
        values = {"model": model.name, "precision": model.compute.precision}
        return values | {"quantiles": quantiles(times_ms), **compared(raw, list(ours))} | {
            "times_ms": times_ms
        }  # fmt: skip

    alternate(sides, args.rounds, "call", lambda raw: document.put("latency", section(raw)))
    found = quantiles(times_ms)
    for name, values in found.items():
        share = values["p50_ms"] / found[scorers.REFERENCE]["p50_ms"]
        say(
            f"{name:34} p50 {values['p50_ms']:7.2f} ms  p99 {values['p99_ms']:7.2f} ms  "
            f"p50 is {share:.2f} of the pipeline's"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="few calls; writes no file")
    parser.add_argument("--model", type=Path, help="default: that of the newest quickstart run")
    parser.add_argument("--calls", type=int, default=100, help="in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RESULTS / "latency.json")
    args = parser.parse_args()
    if args.short:
        args.calls, args.rounds = 20, 2
    document = Document(None if args.short else args.out, QUESTION)
    with tempfile.TemporaryDirectory() as work:
        measure(args, Path(work), document)


if __name__ == "__main__":
    main()
