"""How fast does this machine multiply matrices, and what does that allow an encoder at most?

Products of the encoder's own shapes (tokens × {384→384, 384→1536, 1536→384}): forward, and the two
of the backward pass, written into memory that is there already. Precision fp32, and bf16 where the
machine has instructions for it (--precision both: anyway). Nothing else is measured: no attention,
no layer norm, no optimiser, no tokenisation; so what it allows is a limit, not an aim.

A training token costs 6·N + 12·L·d·t floating-point operations and a scored one 2·N + 4·L·d·t: N
weights of the encoder's layers (10.65 million here), L layers, d hidden size, t the length of the
text that the token stands in (averaged over tokens). The other benchmarks import `limit` and
measure it in the same run as what they compare.

Takes about 3 minutes; --short (one round, writes no file) about 10 seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common.side_by_side import (
    RESULTS,
    Document,
    Raw,
    Sample,
    alternate,
    compared,
    figure,
    now,
    say,
    summary,
)

QUESTION = "How fast does this machine multiply matrices of the encoder's shapes?"
TOKENS = 4096
"""Tokens of a batch in which the limit is measured: about what the batches of plaudit hold."""
SECONDS = 2.0
"""What one measurement of the limit takes."""
KINDS = ("forward", "backward to the input", "backward to the weight")


@dataclass(frozen=True, slots=True)
class Encoder:
    """The sizes that decide what a token costs; by default those of the bundled encoder."""

    layers: int = 6
    width: int = 384
    inner: int = 1536

    @classmethod
    def of(cls, config: Any) -> Encoder:
        """Read the sizes from a transformers configuration."""
        return cls(config.num_hidden_layers, config.hidden_size, config.intermediate_size)

    @property
    def weights(self) -> int:
        """All parameters of the layers, biases and normalisation included."""
        d, inner = self.width, self.inner
        return self.layers * (4 * (d * d + d) + 2 * d * inner + inner + d + 4 * d)

    def training_flop(self, length: float) -> float:
        """Floating-point operations of one training token."""
        return 6 * self.weights + 12 * self.layers * self.width * length

    def scoring_flop(self, length: float) -> float:
        """Floating-point operations of one scored token."""
        return 2 * self.weights + 4 * self.layers * self.width * length

    def shapes(self) -> dict[tuple[int, int], int]:
        """(in, out) → how many such products a layer has."""
        d, inner = self.width, self.inner
        return {(d, d): 4, (d, inner): 1, (inner, d): 1}


def product(
    shape: tuple[int, int], kind: str, tokens: int, place: tuple[str, str]
) -> Callable[[], None]:
    """Return a function that does one product, 2 · tokens · in · out operations."""
    import torch

    precision, device = place
    kwargs = {"device": device, "dtype": torch.bfloat16 if precision == "bf16" else torch.float32}
    width_in, width_out = shape
    # Small values: denormal or infinite numbers would change the speed.
    x_TI = torch.randn(tokens, width_in, **kwargs)
    weight_OI = torch.randn(width_out, width_in, **kwargs) / width_in**0.5
    grad_TO = torch.randn(tokens, width_out, **kwargs)
    match kind:
        case "forward":
            left, right = x_TI, weight_OI.t()
        case "backward to the input":
            left, right = grad_TO, weight_OI
        case _:
            left, right = grad_TO.t(), x_TI
    out = left @ right
    return partial(torch.mm, left, right, out=out)


def repeat(work: list[tuple[Callable[[], None], int]], flop: float, seconds: float) -> Sample:
    """Do all products, each as often as it says, over and over for so many seconds."""
    for one, _ in work:
        one()
    passes, started = 0, now()
    deadline = time.perf_counter() + seconds
    while passes == 0 or time.perf_counter() < deadline:
        for one, times in work:
            for _ in range(times):
                one()
        passes += 1
        now()
    return Sample(flop * passes, now() - started)


def limit(
    encoder: Encoder,
    place: tuple[str, str],
    length: float,
    *,
    training: bool,
) -> Sample:
    """Measure what the products of a layer allow, in tokens.

    Parameters
    ----------
    encoder : Encoder
    place : (str, str)
        Precision ("fp32", "bf16") and device.
    length : float
        See :func:`common.reviews.mean_length`.
    training : bool
        With the products of the backward pass.

    Returns
    -------
    Sample
        Units are tokens, each at its full cost, attention included at the rate of the rest.
    """
    kinds = KINDS if training else KINDS[:1]
    work = [
        (product(shape, kind, TOKENS, place), times)
        for shape, times in encoder.shapes().items()
        for kind in kinds
    ]
    flop = sum(2.0 * TOKENS * i * o * n for (i, o), n in encoder.shapes().items()) * len(kinds)
    done = repeat(work, flop, SECONDS)
    cost = encoder.training_flop(length) if training else encoder.scoring_flop(length)
    return Sample(done.units / cost, done.seconds)


def layer_rate(raw: Raw, precision: str, tokens: int, *, training: bool) -> float:
    """Return the rate over a whole layer from the medians of its products, in operations/s."""
    encoder, medians = Encoder(), summary(raw)
    flop = seconds = 0.0
    for shape, times in encoder.shapes().items():
        for kind in KINDS if training else KINDS[:1]:
            one = 2.0 * tokens * shape[0] * shape[1] * times
            flop += one
            seconds += one / (1e9 * medians[name_of(precision, tokens, shape, kind)]["median"])
    return flop / seconds


def name_of(precision: str, tokens: int, shape: tuple[int, int], kind: str) -> str:
    return f"{precision} {tokens:,} × {shape[0]}→{shape[1]} {kind}"


def section_of(
    raw: Raw, precisions: tuple[str, ...], sizes: tuple[int, ...], length: float
) -> dict[str, Any]:
    encoder, limits = Encoder(), {}
    for precision in precisions:
        for tokens in sizes:
            trained = layer_rate(raw, precision, tokens, training=True)
            scored = layer_rate(raw, precision, tokens, training=False)
            limits[f"{precision}, {tokens:,} tokens"] = {
                "training_gflops": trained / 1e9,
                "scoring_gflops": scored / 1e9,
                "training_tokens_per_s": trained / encoder.training_flop(length),
                "scoring_tokens_per_s": scored / encoder.scoring_flop(length),
            }
    return {
        "encoder": {"layers": encoder.layers, "width": encoder.width, "weights": encoder.weights},
        "length": length,
        "limits": limits,
        **compared(raw, ()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="one round; writes no file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each product in a round")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16", "both"], default="auto")
    parser.add_argument("--length", type=float, default=330.0, help="mean length of text")
    parser.add_argument("--out", type=Path, default=RESULTS / "roofline.json")
    args = parser.parse_args()
    from plaudit.model.device import plan

    compute = plan("auto")
    fast = ("fp32", "bf16") if compute.precision == "bf16" else ("fp32",)
    chosen: dict[str, tuple[str, ...]] = {"auto": fast, "both": ("fp32", "bf16")}
    precisions = chosen.get(args.precision, (args.precision,))
    sizes = (TOKENS,) if args.short else (512, TOKENS, 4 * TOKENS)
    rounds, seconds = (1, 0.3) if args.short else (args.rounds, args.seconds)

    def side(shape: tuple[int, int], kind: str, tokens: int, precision: str) -> Callable[..., Any]:
        def measure(_: int) -> Sample:
            work = [(product(shape, kind, tokens, (precision, compute.device)), 1)]
            return repeat(work, 2e-9 * tokens * shape[0] * shape[1], seconds)

        return measure

    sides = {
        name_of(precision, tokens, shape, kind): side(shape, kind, tokens, precision)
        for precision in precisions
        for tokens in sizes
        for shape in Encoder().shapes()
        for kind in KINDS
    }
    document = Document(None if args.short else args.out, QUESTION)
    put = partial(section_of, precisions=precisions, sizes=sizes, length=args.length)
    raw = alternate(sides, rounds, "GFLOP", lambda raw: document.put("products", put(raw)))
    for name, values in put(raw)["limits"].items():
        say(
            f"{name}: {figure(values['training_gflops'])} GFLOP/s, at most "
            f"{figure(values['training_tokens_per_s'])} training tokens/s and "
            f"{figure(values['scoring_tokens_per_s'])} scored tokens/s "
            f"(texts of {args.length:.0f} tokens)"
        )


if __name__ == "__main__":
    main()
