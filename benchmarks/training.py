"""How many real tokens a second does fine-tuning take in, beside the standard tools?

Equal on all sides: the bundled encoder with two labels, the bundled IMDB reviews, their token ids
(at most 512, the beginning of a long review), the machine's threads, and the clock (steps from
batch to updated weights, data loading included, the first step left out). Padding never counts.
Each side cuts the same reviews into batches by its own rule and, in each round, trains on such of
them as represent all widths. The sides:

- plaudit: its loop with its default configuration, in the precision that it chooses here.
- tutorial loop: all padded to 512, fp32, batches of 16, torch.optim.AdamW, the encoder's dropout.
- Trainer, defaults: transformers.Trainer with DataCollatorWithPadding, batches of 8, fp32.
- Trainer, best: group_by_length, bf16 where this machine is fast at it, and the best batch size of
  8, 16, 32 and 64, which --search finds and stores. The encoder's dropout (0.1).
- Trainer, best, no dropout: context: what of the ratio is owed to plaudit's default, dropout 0.
- products' limit: see roofline.py; the others are also given as a share of it.

Should take, on two cores, about 25 minutes for five rounds, about 15 for --search (run it first),
about 5 for --memory (peak of each side, in a process of its own, on its largest batches). --short
is one round of one or a few batches, about a minute and a half, and writes no file.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import roofline
from common import side_by_side
from common.reviews import bundled
from common.side_by_side import (
    RESULTS,
    Document,
    Raw,
    Sample,
    Side,
    alternate,
    compared,
    say,
    show,
)

QUESTION = "How many real tokens a second does fine-tuning take in, at most 512 a review?"
LIMIT = "products' limit"
SIZES = (8, 16, 32, 64)
UNTUNED = 16
"""Batch size of `Trainer, best` before --search was run."""


def turn(way: Any, pool: Any, tokens: int) -> Side:
    """Make a side of a way to train."""
    from common.batches import chosen, with_warm_up

    plan = way.plan()

    def side(round_: int) -> Sample:
        counted = chosen(plan, pool.lengths_N, tokens, round_)
        return way.train(with_warm_up(plan, counted, pool.lengths_N, way.warm_rows))

    return side


def throughput(args: argparse.Namespace, document: Document) -> None:
    """Alternate all sides."""
    from common.trainers import sides

    pool, compute = opened(args)
    batch = found_batch(args.out)
    ways: dict[str, Side] = {
        name: turn(make(), pool, args.tokens)
        for name, make in sides(pool, compute, batch).items()
        if wanted(name, args)
    }
    ways[LIMIT] = lambda _: roofline.limit(
        roofline.Encoder(), (compute.precision, compute.device), pool.mean_length, training=True
    )

    def section(raw: Raw) -> dict[str, Any]:
        return {
            "reviews": len(pool.encoded),
            "mean_length": pool.mean_length,
            "tokens_a_turn": args.tokens,
            "precision": compute.precision,
            "trainer_batch": batch,
            **compared(raw, ["plaudit"], LIMIT if LIMIT in raw else None),
        }

    say(f"{compute.device}, {compute.precision}; Trainer at its best has batches of {batch}")
    raw = alternate(ways, args.rounds, "token", lambda r: document.put("throughput", section(r)))
    show(section(raw), "token")


def search(args: argparse.Namespace, document: Document) -> None:
    """Find the batch size at which Trainer is fastest here."""
    from common.trainers import HubTrainer

    pool, compute = opened(args)
    bf16 = compute.precision == "bf16"
    ways = {
        str(size): turn(HubTrainer(pool, batch=size, grouped=True, bf16=bf16), pool, args.tokens)
        for size in SIZES
    }

    def section(raw: Raw) -> dict[str, Any]:
        values = compared(raw, [])
        best = max(values["summary"], key=lambda size: values["summary"][size]["median"])
        return {"best": int(best), "precision": compute.precision, **values}

    raw = alternate(ways, args.rounds, "token", lambda r: document.put("search", section(r)))
    show(section(raw), "token")
    say(f"Trainer is fastest with batches of {section(raw)['best']}")


def memory(args: argparse.Namespace, document: Document) -> None:
    """Measure each side's peak in a process of its own."""
    from common.trainers import sides

    pool, compute = opened(args)
    peaks: dict[str, Any] = {}
    words = ["--pool", str(args.pool), "--out", str(args.out)]
    for name in sides(pool, compute, found_batch(args.out)):
        if not wanted(name, args):
            continue
        peaks[name] = side_by_side.own_process(__file__, *words, "--peak-of", name)
        say(f"{name:28} {json.dumps(peaks[name])}")
        document.put("memory", {"trainer_batch": found_batch(args.out), "peaks": peaks})


def peak_of(args: argparse.Namespace) -> dict[str, float]:
    """Train on the largest batches of one side and return this process's peak."""
    import torch

    from common.batches import with_warm_up
    from common.trainers import sides
    from plaudit.bench.memory import peak_mb

    pool, compute = opened(args)
    way = sides(pool, compute, found_batch(args.out))[args.peak_of]()
    plan = way.plan()
    size = {id(batch): len(batch) * int(pool.lengths_N[batch].max()) for batch in plan}
    largest = sorted(plan, key=lambda batch: size[id(batch)])[-2:]
    before = peak_mb()
    way.train(with_warm_up(plan, [*largest, plan[0]], pool.lengths_N, way.warm_rows))
    on_gpu = torch.cuda.max_memory_allocated() / 1e6 if compute.device == "cuda" else 0
    return {"peak_mb": round(peak_mb()), "before_mb": round(before), "gpu_mb": round(on_gpu)}


def opened(args: argparse.Namespace) -> tuple[Any, Any]:
    """Encode the reviews, and choose device and precision as plaudit does."""
    from common import trainers
    from common.batches import Pool
    from plaudit.model.device import plan

    return Pool.of(bundled(args.pool), trainers.MAX_TOKENS), plan("auto")


def found_batch(path: Path) -> int:
    """Return the batch size that --search found on this kind of machine."""
    found = Document.read(path).get("search", {})
    here = side_by_side.machine()
    same = all(found.get("machine", {}).get(key) == here[key] for key in ("processor", "gpu"))
    return int(found["best"]) if found and same else UNTUNED


def wanted(name: str, args: argparse.Namespace) -> bool:
    return not args.side or name in args.side


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="one round; writes no file")
    parser.add_argument("--search", action="store_true", help="find Trainer's best batch size")
    parser.add_argument("--memory", action="store_true", help="peak memory instead of speed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=24_000, help="real tokens a turn, about")
    parser.add_argument("--pool", type=int, default=25_000, help="reviews that batches are cut of")
    parser.add_argument("--side", action="append", help="only this side; may be repeated")
    parser.add_argument("--out", type=Path, default=RESULTS / "training.json")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.short:
        args.rounds, args.tokens, args.pool = 1, 3_000, min(args.pool, 1_000)
    if args.peak_of:
        print(json.dumps(peak_of(args)))
        return
    document = Document(None if args.short else args.out, QUESTION)
    ask = search if args.search else memory if args.memory else throughput
    ask(args, document)


if __name__ == "__main__":
    main()
