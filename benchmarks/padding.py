"""How much of a batch is padding, for the usual ways of batching and for plaudit's.

Real reviews, the bundled encoder's tokenizer. Nothing is trained. Prints a table; writes JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from plaudit.config import TextConfig
from plaudit.data.clean import clean
from plaudit.data.sources import read, resolve
from plaudit.model.build import load_tokenizer
from plaudit.text.encode import Encoded, TextEncoder
from plaudit.text.sampling import TokenBudgetSampler

RESULT = Path(__file__).parent / "results" / "padding.json"


def waste(longest_N: np.ndarray, batches: Iterable[list[int]], width: int | None = None) -> float:
    """Return the share of padded positions."""
    batches = list(batches)
    positions = sum(len(b) * (width or int(longest_N[b].max())) for b in batches)
    return 1 - sum(int(longest_N[b].sum()) for b in batches) / positions


def table(encoded: Encoded, max_tokens: int) -> dict[str, float]:
    longest_N = encoded.longest_N()
    order = np.random.default_rng(0).permutation(len(encoded))
    sixteens = [order[i : i + 16].tolist() for i in range(0, len(order), 16)]
    budget = TokenBudgetSampler(encoded, 6144, shuffle=True)
    return {
        "all padded to the limit (tutorials)": waste(longest_N, sixteens, max_tokens),
        "16 random texts, padded to the longest": waste(longest_N, sixteens),
        "plaudit: length buckets, 6,144 tokens": waste(longest_N, budget.batches()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="2,000 reviews; writes no file")
    short = parser.parse_args().short
    corpus = read(resolve("bundled"), None)
    step = 12 if short else 1
    texts = [clean(text) for text in corpus.rows["text"][::step]]
    tokenizer = load_tokenizer("bundled")
    results = {}
    for max_tokens in (512, 256):
        encoded = TextEncoder(tokenizer, TextConfig(max_tokens=max_tokens)).encode(texts)
        results[str(max_tokens)] = table(encoded, max_tokens)
        for name, share in results[str(max_tokens)].items():
            print(f"{max_tokens} tokens  {name:42} {100 * share:5.1f}% padding")
    if not short:
        machine = {"python": platform.python_version(), "torch": torch.__version__}
        document = {"reviews": len(texts), "padding": results, "versions": machine}
        RESULT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
