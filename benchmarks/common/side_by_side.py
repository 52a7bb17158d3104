"""What every comparison here does alike: sides take turns, raw values are kept, medians compared.

A side is a function from a round's number to a Sample. In each round every side has one turn; odd
rounds run backwards, so that a machine that slows down (heat, a neighbour) slows all sides alike.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"
PEERS = ("accelerate", "datasets", "onnx", "onnxruntime", "sentence-transformers")
"""Beyond what `plaudit.artifact.versions` names; those that are not installed are left out."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one side did in one turn.

    Attributes
    ----------
    units : float
        Work done: tokens, reviews, floating-point operations.
    seconds : float
        Without set-up and warm-up.
    """

    units: float
    seconds: float


Side = Callable[[int], Sample]
Raw = dict[str, list[dict[str, float]]]
"""Side → one row a round: units, seconds, rate, cores (in use on average), load (before it)."""


class Document:
    """A result file that is whole after every round, so that a run that is ended early is not lost.

    Sections that a run does not measure stay as they were; each says on what it was measured.

    Parameters
    ----------
    path : Path or None
        None: nothing is written.
    question : str
    """

    def __init__(self, path: Path | None, question: str) -> None:
        self.path = path
        self.content: dict[str, Any] = self.read(path) | {"question": question}

    @staticmethod
    def read(path: Path | None) -> dict[str, Any]:
        """Return what stands in a result file; nothing when there is none."""
        if path is None or not path.is_file():
            return {}
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    def put(self, section: str, values: Mapping[str, Any]) -> None:
        """Replace a section and write the file."""
        self.content[section] = {"machine": machine(), **values}
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        staged = self.path.with_name(f".{self.path.name}")
        lines = json.dumps(self.content, indent=1)
        # Many numbers a line, or a thousand raw times would be a thousand lines.
        lines = re.sub(r"\[[\s\d.,e+-]*\]", lambda m: " ".join(m[0].split()), lines)
        staged.write_text(lines + "\n", encoding="utf-8")
        staged.replace(self.path)


def turns(sides: Sequence[str], round_: int) -> list[str]:
    """Return the order of the sides in a round."""
    return list(sides) if round_ % 2 == 0 else list(reversed(sides))


def alternate(
    sides: Mapping[str, Side],
    rounds: int,
    unit: str,
    after: Callable[[Raw], None] = lambda _: None,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> Raw:
    """Give every side one turn a round.

    Parameters
    ----------
    sides : mapping of str to callable
    rounds : int
    unit : str
        What a rate counts, for the progress lines: "tokens".
    after : callable
        Takes all rows so far, after each round.
    clock : callable

    Returns
    -------
    dict
        See :data:`Raw`.
    """
    raw: Raw = {name: [] for name in sides}
    began = clock()
    for round_ in range(rounds):
        for name in turns(list(sides), round_):
            gc.collect()
            load, wall, busy = os.getloadavg()[0], clock(), time.process_time()
            sample = sides[name](round_)
            elapsed = max(clock() - wall, 1e-9)
            rate = sample.units / sample.seconds
            cores = (time.process_time() - busy) / elapsed
            raw[name].append(
                {
                    "units": sample.units,
                    "seconds": sample.seconds,
                    "rate": rate,
                    "cores": round(cores, 2),
                    "load": round(load, 2),
                }
            )
            say(
                f"  {clock() - began:6.0f} s  round {round_ + 1} of {rounds}  {name:32} "
                f"{figure(rate):>9} {unit}/s  ({cores:.1f} cores busy)"
            )
        after(raw)
    return raw


def summary(raw: Raw) -> dict[str, dict[str, float]]:
    """Return each side's median rate with its lowest, highest and spread (range over median)."""
    result = {}
    for name, rows in raw.items():
        rates = [row["rate"] for row in rows]
        middle = median(rates)
        low, high = min(rates), max(rates)
        result[name] = {
            "median": middle,
            "low": low,
            "high": high,
            "spread": (high - low) / middle,
        }
    return result


def ratio(raw: Raw, side: str, other: str) -> dict[str, float]:
    """Return how many times faster ``side`` is: of the medians, and the range over the rounds."""
    pairs = [a["rate"] / b["rate"] for a, b in zip(raw[side], raw[other], strict=True)]
    medians = summary({name: raw[name] for name in (side, other)})
    return {
        "of_medians": medians[side]["median"] / medians[other]["median"],
        "low": min(pairs),
        "high": max(pairs),
    }


def compared(raw: Raw, sides: Sequence[str], limit: str | None = None) -> dict[str, Any]:
    """Return what a section holds: raw rows, summary, the ratio of ``sides`` to every other side.

    Parameters
    ----------
    raw : dict
        From :func:`alternate`.
    sides : sequence of str
        Those whose ratios are wanted.
    limit : str, optional
        The side that is no competitor but the machine's limit; the others are expressed as shares
        of it.
    """
    medians = summary(raw)
    result: dict[str, Any] = {
        "summary": medians,
        "ratios": {
            side: {o: ratio(raw, side, o) for o in raw if o not in (side, limit)}
            for side in sides
            if side in raw
        },
    }
    if limit is not None:
        result["share_of_limit"] = {
            name: values["median"] / medians[limit]["median"]
            for name, values in medians.items()
            if name != limit
        }
    return result | {"rounds": raw}


def show(section: Mapping[str, Any], unit: str) -> None:
    """Print medians, spreads, shares of the limit, and ratios."""
    shares = section.get("share_of_limit", {})
    heading = "of limit" if shares else ""
    say(f"\n{'':34}{'median ' + unit + '/s':>18}{'spread':>9}{heading:>10}")
    for name, values in section["summary"].items():
        share = f"{100 * shares[name]:.0f}%" if name in shares else ""
        say(f"{name:34}{figure(values['median']):>18}{100 * values['spread']:>8.0f}%{share:>10}")
    for side, others in section["ratios"].items():
        say("")
        for other, values in others.items():
            say(
                f"{side} / {other}: {values['of_medians']:.2f} "
                f"(rounds {values['low']:.2f} to {values['high']:.2f})"
            )
    say("")


def figure(value: float) -> str:
    """Write a rate with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@cache
def machine() -> dict[str, Any]:
    """Return processor, cores, threads, versions of both sides, commit and the time of the start.

    Looked up once: a run that edits the checkout beside it was still made by the code it loaded.
    """
    import torch

    from plaudit import machine as own

    found = {name: version(name) for name in PEERS}
    return {
        **own.describe(),
        **{name: number for name, number in found.items() if number},
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "commit": own.commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def version(package: str) -> str | None:
    """Return an installed package's version, or None."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def missing(*modules: str) -> str:
    """Name the modules that are not installed, or return an empty string."""
    return ", ".join(name for name in modules if importlib.util.find_spec(name) is None)


def own_process(script: str, *words: str) -> dict[str, Any]:
    """Run a script in a process of its own and return the JSON object on its last line."""
    done = subprocess.run(
        [sys.executable, script, *words], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{script} {' '.join(words)} ended with {done.returncode}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def now() -> float:
    """Return the time once the GPU, where there is one in use, has done all that it was given."""
    import torch

    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


@contextlib.contextmanager
def quiet_peers() -> Iterator[None]:
    """Keep the peers' loading reports and progress bars out of the output."""
    from plaudit.model.loading import quiet

    with quiet():
        yield


def say(line: str) -> None:
    print(line, flush=True)
