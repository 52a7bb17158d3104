"""How fast do reviews become vectors, beside sentence-transformers?

Equal on both sides: the bundled encoder in fp32, the bundled reviews (cleaned, at most 256 tokens,
the beginning of a longer one), mean pooling, vectors of length 1, the machine's threads. In each
round both embed other reviews. sentence-transformers sorts by length by itself; its batch size is
its default, 32, and the best of 8, 32 and 128, found before on other reviews. It is checked that
the vectors are the same within 1e-4.

Should take about 5 minutes; --short (24 reviews, one round, writes no file) half a minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from common.side_by_side import (
    RESULTS,
    Document,
    Raw,
    Sample,
    Side,
    alternate,
    compared,
    missing,
    now,
    say,
    show,
)

QUESTION = "How fast do reviews become vectors, from text on, at most 256 tokens?"
DEFAULT = 32
SIZES = (8, DEFAULT, 128)
NEAR = 1e-4


def side(embed: Any, texts: list[str], rounds: int) -> Side:
    """Make a side of a way to embed; each round takes its own share of the reviews."""

    def turn(round_: int) -> Sample:
        mine = texts[round_::rounds]
        embed(mine[:2])
        began = now()
        embed(mine)
        return Sample(len(mine), now() - began)

    return turn


def peer() -> Any:
    """Load sentence-transformers' model; return a function from batch size to a way to embed."""
    from sentence_transformers import SentenceTransformer

    from plaudit.model.build import encoder_location

    model = SentenceTransformer(encoder_location("bundled"), device="cpu")
    model.max_seq_length = 256

    def sized(size: int) -> Any:
        return lambda texts: model.encode(
            texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False
        )

    return sized


def measure(args: argparse.Namespace, document: Document) -> None:
    """Check that both give the same vectors, then alternate."""
    import numpy as np

    import plaudit
    from common.reviews import bundled

    texts = bundled(args.reviews + args.probe).texts
    probed, texts = texts[: args.probe], texts[args.probe :]
    model = plaudit.Embedder.load("bundled", device="cpu")
    ours = {"plaudit": lambda some: model.embed(some, normalize=True)}
    sized = peer()
    apart = float(np.abs(ours["plaudit"](probed) - sized(DEFAULT)(probed)).max())
    say(f"largest difference of a coordinate: {apart:.1e}")
    if not apart <= NEAR:
        raise SystemExit(f"the sides compute different vectors: {apart:.1e}, allowed {NEAR:.0e}")
    rates = {size: side(sized(size), probed, 1)(0) for size in SIZES}
    best = max(rates, key=lambda size: rates[size].units / rates[size].seconds)
    ways = ours | {"sentence-transformers": sized(DEFAULT)}
    ways |= {f"sentence-transformers, batches of {best}": sized(best)} if best != DEFAULT else {}
    sides = {name: side(embed, texts, args.rounds) for name, embed in ways.items()}

    def section(raw: Raw) -> dict[str, Any]:
        facts = {"reviews": len(texts), "apart": apart, "best_batch": best}
        return facts | compared(raw, list(ours))

    raw = alternate(
        sides, args.rounds, "review", lambda raw: document.put("embedding", section(raw))
    )
    show(section(raw), "review")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="24 reviews; writes no file")
    parser.add_argument("--reviews", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--probe", type=int, default=96, help="reviews for finding a batch size")
    parser.add_argument("--out", type=Path, default=RESULTS / "embedding.json")
    args = parser.parse_args()
    if lacks := missing("sentence_transformers"):
        say(f"skipped: {lacks} is not installed (pip install sentence-transformers)")
        return
    if args.short:
        args.reviews, args.rounds, args.probe = 24, 1, 6
    measure(args, Document(None if args.short else args.out, QUESTION))


if __name__ == "__main__":
    main()
