"""Fine-tuning on a GPU: real tokens per second, plaudit's packed batches against Trainer's.

Both sides train the same model in one process, in bf16 with fp32 master weights, AdamW, no dropout
in the encoder, texts of 512 tokens at most: plaudit with packed batches, as they are, with compiled
layers, with the encoder recorded as a graph, with both, and with padded batches;
transformers.Trainer with sdpa, batches grouped by length and four workers. Rounds alternate; the
median counts. First it is checked that the card computes the same packed as padded. It needs this
checkout, torch, transformers, accelerate and pydantic; the bundled reviews where they are
installed, else random ids in lengths like theirs.

    PYTHONPATH=src python benchmarks/gpu.py [--short] [--steps 50] [--rounds 3] [--out gpu.json]

``--device cpu`` runs every line of it on a small model, for whoever changes it; its figures mean
nothing and are not written.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from common.gpu_sides import Job, Shape, plaudit_rate, stock, synchronize, trainer_rate
from plaudit.config import TextConfig
from plaudit.data.clean import clean
from plaudit.data.sources import read, resolve
from plaudit.errors import PlauditError
from plaudit.model import packed
from plaudit.model.build import load_tokenizer
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import plan
from plaudit.text.dataset import ReviewDataset, collate
from plaudit.text.encode import Encoded, TextEncoder
from plaudit.text.packing import pack

RESULT = Path(__file__).parent / "results" / "gpu.json"
SHAPES = {"BERT-base": (12, 768, 12), "MiniLM-L6": (6, 384, 12)}
TINY = {"tiny": (2, 32, 4)}
MAX_TOKENS = 512
STEPS = 50
"""Timed ones. Trainer sorts by length within so many batches: fewer would see a part of lengths."""
VERSIONS = ("torch", "transformers", "accelerate", "numpy")
LIMIT = 1.5
"""How much farther from fp32 packed bf16 may be than padded bf16: both round, each its own way."""


def texts_of(count: int) -> tuple[Any, str]:
    """Return encoded texts and what they are."""
    try:
        rows = read(resolve("bundled"), None).rows["text"]
        rows = rows[:: max(1, len(rows) // count)][:count]
        encoder = TextEncoder(load_tokenizer("bundled"), TextConfig(max_tokens=MAX_TOKENS))
        return encoder.encode([clean(text) for text in rows]), "bundled reviews"
    except (ImportError, PlauditError):
        random = np.random.default_rng(0)
        lengths = np.clip(random.lognormal(5.45, 0.6, count), 12, MAX_TOKENS).astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        ids = random.integers(1000, 30000, starts[-1]).astype(np.int32)
        one = Encoded(ids, starts, np.arange(count + 1), lengths - 2, lengths - 2)
        return one, "random ids, log-normal lengths"


def agreement(shape: Shape, job: Job) -> tuple[dict[str, float], str]:
    """Return how far bf16 gradients are from fp32 ones, as shares of them, and how texts attend."""
    model = ReviewClassifier(stock(shape, job.device), "mean", "mean").eval()
    targets_B = torch.arange(16, device=job.device) % 2
    data = ReviewDataset(job.texts)
    batches = {
        "padded": collate([data[n] for n in range(16)]).to(job.device),
        "packed": pack(job.texts, range(16)).to(job.device),
    }

    def gradient(form: str, *, half: bool) -> torch.Tensor:
        model.zero_grad()
        with torch.autocast(job.device, dtype=torch.bfloat16, enabled=half):
            logits_BC = model(*batches[form].inputs)
        F.cross_entropy(logits_BC.float(), targets_B).backward()
        parts = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
        return torch.cat(parts)

    exact = gradient("padded", half=False)
    apart = {
        form: float((gradient(form, half=True) - exact).norm() / exact.norm()) for form in batches
    }
    return apart, packed.choose(True, model.stock, plan(job.device, "bf16")).reason


def peak_flops(device: str) -> float:
    """Measure the card's rate of bf16 matrix products, in operations per second."""
    size, dtype = (8192, torch.bfloat16) if device == "cuda" else (512, torch.float32)
    # Random, not zeros: products of zeros take less power and run faster.
    left, right = torch.randn(2, size, size, device=device, dtype=dtype)
    rates = []
    for _ in range(5):
        left @ right
        synchronize(device)
        started = time.perf_counter()
        for _ in range(20):
            left @ right
        synchronize(device)
        rates.append(20 * 2 * size**3 / (time.perf_counter() - started))
    return statistics.median(rates)


def flops_per_token(shape: Shape, texts: Any) -> float:
    """Count training's operations per real token: layers and attention, forward and backward."""
    layers, hidden, _ = shape
    lengths = texts.longest_N().astype(float)
    seen = float((lengths**2).sum() / lengths.sum())
    # 12 weights a layer for each pair of hidden units, 6 operations for each of them.
    return 6.0 * 12 * layers * hidden**2 + 12.0 * layers * hidden * seen


def measure(shape: Shape, jobs: list[Job], rounds: int, peak: float) -> list[dict]:
    """Measure all sides, alternating, at each batch size."""
    cost = flops_per_token(shape, jobs[0].texts)
    forms = ("packed", "packed, graph", "packed, compiled", "packed, compiled, graph", "padded")
    sides: dict[str, Callable[[Job], float]] = {
        f"plaudit, {form}": partial(plaudit_rate, shape, form) for form in forms
    }
    sides["Trainer"] = partial(trainer_rate, shape)
    rows = []
    for job in jobs:
        rates: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds):
            for name, rate in sides.items():
                try:
                    rates[name].append(rate(job))
                except (RuntimeError, PlauditError) as error:
                    # Too little memory, no compiler: the other sides still count.
                    print(f"{name}: {error}".splitlines()[0])
                    rates[name].append(0.0)
        for name, found in rates.items():
            middle = statistics.median(found)
            share = middle * cost / peak
            row = {
                "side": name, "batch_tokens": job.batch_tokens, "tokens_per_s": round(middle),
                "rounds": [round(rate) for rate in found], "share_of_peak": round(share, 4),
            }  # fmt: skip
            rows.append(row)
            batch = f"{job.batch_tokens:7,} tokens a batch"
            print(f"{name:26} {batch} {middle:12,.0f} tokens/s {share:6.1%} of peak", flush=True)
    return rows


def commit() -> str | None:
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="few steps; writes no file")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--models", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--steps", type=int, default=STEPS, help="timed steps a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    device = asked.device
    # One card: Trainer would take all.
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    if device == "cuda" and not torch.cuda.is_available():
        print("skipped: this benchmark needs a GPU (CUDA), and torch finds none here")
        return
    real = device == "cuda"
    texts, what = texts_of(20_000 if real else 200)
    targets_N = np.arange(len(texts)) % 2
    warmup, steps, rounds = (2, 4, 1) if asked.short else (10, asked.steps, asked.rounds)
    budgets = (16384, 65536) if real else (2048,)
    jobs = [Job(device, texts, targets_N, budget, warmup, steps) for budget in budgets]
    peak = peak_flops(device)
    name = torch.cuda.get_device_name() if real else "cpu"
    print(f"{name}: {peak / 1e12:.1f} TFLOP/s in large products; {len(texts):,} texts ({what})")
    document: dict[str, Any] = {
        "device": name, "peak_flops": peak, "texts": what, "count": len(texts),
        "mean_length": jobs[0].mean_length, "max_tokens": MAX_TOKENS, "warmup": warmup,
        "steps": steps, "models": {}, "commit": commit(),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
    }  # fmt: skip
    shapes = {name: SHAPES[name] for name in asked.models} if real else TINY
    for model, shape in shapes.items():
        apart, how = agreement(shape, jobs[0])
        print(f"{model}: {how}; bf16 gradients differ from fp32 by {apart}")
        if not apart["packed"] <= LIMIT * apart["padded"] + 1e-6:
            raise SystemExit(f"{model}: packed batches compute something else than padded ones")
        rows = measure(shape, jobs, rounds, peak)
        document["models"][model] = {"packed": how, "agreement": apart, "rows": rows}
        if real and not asked.short:
            asked.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
