"""How much memory encoding and scoring take, above the model: does it grow with the reviews?

Each size runs in a process of its own, because a process never gives its peak back. The texts are
real reviews, repeated where more are asked for. The encoder is the bundled one with its first two
layers, unless --full: the other layers need time, not memory, since inference keeps one at a time.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "memory.json"


def peak_mb() -> float:
    """Return this process's largest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def score(rows: int, layers: int, max_tokens: int) -> dict[str, float]:
    """Load data and model, note the peak, encode and score, note it again."""
    import numpy as np
    import torch

    from plaudit import artifact
    from plaudit.config import CleanConfig, ModelConfig, SplitConfig, TextConfig
    from plaudit.data.sources import read, resolve
    from plaudit.model import families
    from plaudit.model.build import build, load_tokenizer
    from plaudit.model.device import plan
    from plaudit.predict import Classifier

    corpus = read(resolve("bundled"), None)
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
    classifier = Classifier(loaded, plan("cpu"))
    texts = islice(cycle(corpus.rows["text"]), rows)
    before = peak_mb()
    done = sum(1 for _ in classifier.stream(texts))
    return {"rows": done, "before_mb": round(before), "above_model_mb": round(peak_mb() - before)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="500 and 1,000 reviews; writes no file"
    )
    parser.add_argument("--full", action="store_true", help="all layers of the encoder")
    parser.add_argument("--rows", type=int, help="one size, in this process")
    args = parser.parse_args()
    layers, max_tokens = (6 if args.full else 2), 256
    if args.rows:
        print(json.dumps(score(args.rows, layers, max_tokens)))
        return
    results = []
    for rows in (500, 1000) if args.short else (5_000, 50_000):
        command = [sys.executable, __file__, "--rows", str(rows)] + (["--full"] * args.full)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        results.append(json.loads(done.stdout))
        print(f"{rows:,} reviews: {results[-1]['above_model_mb']} MB above data and model")
    if not args.short:
        document = {
            "layers": layers, "max_tokens": max_tokens, "results": results,
            "python": platform.python_version(), "platform": platform.platform(),
        }  # fmt: skip
        RESULT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
