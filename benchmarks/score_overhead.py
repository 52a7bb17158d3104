"""What does `plaudit score` cost beyond predicting: reading, shards, hashes, the manifest?

Equal on all sides: the model (see common/scorers.py), the reviews, their order, the threads, one
process, the model loaded before. The sides:

- plain prediction: Classifier.predict on the texts in memory; nothing is read or written.
- plaudit score: from a CSV file to a CSV file, killed never, on the disk of the temporary folder.

Bookkeeping is the time within plaudit score that goes to the staging folder: hashing, fsync, the
manifest, and putting the output together. It is timed in the same turns, inside of the real code.
Should take about 15 minutes on two cores; --short (64 reviews, two rounds, no file) a minute.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.side_by_side import RESULTS, Document, Raw, Sample, alternate, compared, now, say, show

QUESTION = "What do reading, shards, hashes and the manifest add to the time of predicting?"
PLAIN, SCORE = "plain prediction", "plaudit score"


class Clock:
    """Seconds that functions take, summed."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, timed."""

        def run(*args: Any, **kwargs: Any) -> Any:
            began = now()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += now() - began

        return run


def watch(clock: Clock) -> None:
    """Time what keeps a job's books; none of these calls another of them."""
    from plaudit.score import job, staging

    for name in ("imprint", "sha256_of_bytes"):
        setattr(staging, name, clock.timed(getattr(staging, name)))
    for name in ("resume", "add", "remove"):
        setattr(staging.Staging, name, clock.timed(getattr(staging.Staging, name)))
    job.publish = clock.timed(job.publish)  # type: ignore[attr-defined]


def measure(args: argparse.Namespace, work: Path, document: Document) -> None:
    """Alternate both sides."""
    from common import reviews, scorers
    from plaudit.model.device import plan
    from plaudit.predict import Classifier
    from plaudit.score import Options, run
    from plaudit.score.read import find

    model = scorers.prepare(args.model, work, plan("auto"))
    classifier = Classifier.load(model.folder)
    texts = reviews.bundled(args.reviews).texts
    data = work / "reviews.csv"
    with data.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text",), *((text,) for text in texts)])
    clock = Clock()
    watch(clock)
    books: list[dict[str, float]] = []
    classifier.predict(texts[:4])

    def plain(_: int) -> Sample:
        began = now()
        classifier.predict(texts)
        return Sample(len(texts), now() - began)

    def score(round_: int) -> Sample:
        clock.seconds, began = 0.0, now()
        done = run(classifier, {}, find(data, "text"), work / f"{round_}.csv", Options())
        seconds = now() - began
        books.append({"seconds": clock.seconds, "share": clock.seconds / seconds})
        return Sample(done.scored, seconds)

    def section(raw: Raw) -> dict[str, Any]:
        return {
            "model": model.name, "reviews": len(texts), "bookkeeping": books,
            **compared(raw, [SCORE]),
        }  # fmt: skip

    sides = {PLAIN: plain, SCORE: score}
    raw = alternate(sides, args.rounds, "row", lambda raw: document.put("score", section(raw)))
    show(section(raw), "row")
    shares = sorted(book["share"] for book in books)
    say(f"bookkeeping: {100 * shares[len(shares) // 2]:.2f}% of plaudit score (target: below 3%)")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="64 reviews; writes no file")
    parser.add_argument("--model", type=Path, help="default: that of the newest quickstart run")
    parser.add_argument("--reviews", type=int, default=2_048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS / "score_overhead.json")
    args = parser.parse_args()
    if args.short:
        args.reviews, args.rounds = min(args.reviews, 64), 2
    document = Document(None if args.short else args.out, QUESTION)
    with tempfile.TemporaryDirectory() as work:
        measure(args, Path(work), document)


if __name__ == "__main__":
    main()
