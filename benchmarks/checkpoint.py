"""What share of training time do checkpoints take?

The bundled encoder with the state of AdamW after a step is written several times as `plaudit train`
writes a checkpoint: tensors, digest, sync, rename, removal of the oldest; training waits for all of
it. The share is the time of one over that and the default interval of 300 seconds. Where it would
be above 1%, `plaudit train` itself puts the next checkpoint off.

Should take less than a minute on two cores. --short writes three checkpoints and no file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from common.side_by_side import RESULTS, say
from plaudit import machine
from plaudit.config import Config, OptimConfig
from plaudit.model.build import build
from plaudit.train.checkpoint import Checkpoints
from plaudit.train.durable import extent_of
from plaudit.train.optim import make_optimizer, parameter_groups
from plaudit.train.state import RandomStates, State

INTERVAL_S = Config().train.checkpoint_seconds


def trained_state(encoder: str) -> State:
    """A model after one step, with all that a run keeps."""
    config = Config().model.model_copy(update={"encoder": encoder})
    model = build(config, ("negative", "positive"), max_tokens=32, window_pooling="mean")
    optimizer = make_optimizer(parameter_groups(model, OptimConfig()), OptimConfig())
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    state = State()
    state.hold(model=model, optimizer=optimizer, random=RandomStates())
    return state


def measured(state: State, writes: int, folder: Path) -> dict[str, Any]:
    """Write checkpoints; return the seconds of each and the shares that they would take."""
    checkpoints, seconds = Checkpoints(folder), []
    history = folder / "history.jsonl"
    history.write_bytes(b"")
    for step in range(1, writes + 1):
        started = time.perf_counter()
        checkpoints.save(step, state.take(), {history.name: extent_of(b"")})
        seconds.append(time.perf_counter() - started)
        say(f"checkpoint {step}: {seconds[-1]:.2f} s")
    newest = sorted(checkpoints.folder.glob("step-*"))[-1]
    size = sum(path.stat().st_size for path in newest.iterdir())
    median, worst = statistics.median(seconds), max(seconds)
    return {
        "bytes": size,
        "seconds": seconds,
        "median_s": median,
        "interval_s": INTERVAL_S,
        "share": median / (INTERVAL_S + median),
        "share_of_the_slowest": worst / (INTERVAL_S + worst),
    }


def main() -> None:
    """Measure, show, and keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="bundled", help="any model.encoder")
    parser.add_argument("--writes", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; else a temporary one")
    parser.add_argument("--short", action="store_true", help="three checkpoints, no file")
    parser.add_argument("--out", type=Path, default=RESULTS / "checkpoint.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        found = measured(
            trained_state(args.encoder), 3 if args.short else args.writes, Path(folder)
        )
    say(
        f"{found['bytes'] / 1e6:,.0f} MB in {found['median_s']:.2f} s (median): "
        f"{found['share']:.2%} of training with one every {INTERVAL_S:.0f} s; "
        f"the slowest {found['share_of_the_slowest']:.2%}"
    )
    if not args.short:
        document = {"encoder": args.encoder, "machine": machine.describe(), **found}
        args.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
