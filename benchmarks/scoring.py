"""How fast are IMDB reviews scored, beside the standard tools, and do the labels agree?

Equal on all sides: the weights (six layers for all, see common/scorers.py), the cleaned texts,
their token ids (at most 512, the beginning of a long review; checked before the rounds), the
threads. Each round scores another part of the reviews, the same on every side, from texts to
labels, tokenisation included. The sides:

- plaudit: Classifier.predict in the precision that it chooses here, and exported as onnx and
  onnx-int8 where plaudit.export and ONNX Runtime are installed. "words where sure": of a model that
  was trained with ngrams.cascade, the same with the words that answer in the encoder's place.
- pipeline, defaults: transformers.pipeline, one text at a time, fp32.
- pipeline, batched and sorted: by length, in the best batch size of 8, 16 and 32 (found before the
  rounds), in the precision that plaudit chooses here.
- ONNX Runtime int8: torch's exporter, quantize_dynamic and a session at their defaults, unsorted
  batches of 16 and 32 that the tokenizer pads.
- TF-IDF + logistic regression: context; trained on reviews that the model has seen (untrained: on
  the rest); scored once, after the rounds.
- products' limit: see roofline.py (in the precision of plaudit's torch side; int8 may exceed it).

Accuracy is counted on reviews that the model has not seen. Should take about 45 minutes on two
cores with all sides; --short (48 reviews, two rounds, writes no file) about a minute.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import roofline
from common.side_by_side import (
    RESULTS,
    Document,
    Raw,
    Sample,
    Side,
    alternate,
    compared,
    now,
    say,
    show,
)

QUESTION = "How fast are IMDB reviews scored, at most 512 tokens each, from text to label?"
LIMIT = "products' limit"
PIPELINE_BATCHES = (8, 16, 32)
RUNTIME_BATCHES = (16, 32)


class Task:
    """The reviews of each round, and the labels that each side gave them.

    Parameters
    ----------
    reviews : Reviews
    lengths_N : ndarray of int
        Tokens of each review.
    rounds : int
    """

    def __init__(self, reviews: Any, lengths_N: Any, rounds: int) -> None:
        self.reviews, self.lengths_N, self.rounds = reviews, lengths_N, rounds
        self.given: dict[str, dict[int, int]] = {}

    def rows(self, round_: int) -> list[int]:
        """Return every n-th review: they stand by label and film."""
        return list(range(round_, len(self.reviews), self.rounds))

    def side(self, name: str, score: Any) -> Side:
        """Make a side of a way to score."""
        labels = self.given.setdefault(name, {})

        def turn(round_: int) -> Sample:
            rows = self.rows(round_)
            texts = [self.reviews.texts[n] for n in rows]
            if round_ == 0 and not labels:
                score(texts[:2])
            started = now()
            answers = score(texts)
            seconds = now() - started
            labels.update(zip(rows, answers, strict=True))
            return Sample(float(self.lengths_N[rows].sum()), seconds)

        return turn

    def agreement(self, unseen_N: Any, reference: str) -> dict[str, Any]:
        """Return accuracy on unseen reviews, and the share of labels equal to the reference's."""
        result = {}
        for name, labels in self.given.items():
            rows = [n for n in labels if unseen_N[n]]
            right = sum(labels[n] == int(self.reviews.labels_N[n]) for n in rows)
            both = [n for n in labels if n in self.given.get(reference, {})]
            same = sum(labels[n] == self.given[reference][n] for n in both)
            result[name] = {
                "unseen": len(rows),
                "accuracy": right / len(rows) if rows else None,
                "agreement": same / len(both) if both else None,
            }
        return result


def open_reviews(seen_prints_N: Any, count: int, pool: int) -> tuple[Any, Any, Any]:
    """Return reviews to score, which of them are unseen, and the rest; unseen ones come first."""
    import numpy as np

    from common.reviews import bundled
    from plaudit.data.fingerprint import fingerprints

    everything = bundled(pool)
    unseen_N = ~np.isin(fingerprints(everything.texts), seen_prints_N)
    first, then = np.flatnonzero(unseen_N), np.flatnonzero(~unseen_N)
    from_first = _spaced(first, min(count, len(first)))
    picked = np.sort(np.concatenate([from_first, _spaced(then, count - len(from_first))]))
    # A text that is both scored and left over would teach the baseline its own answer.
    scored = set(picked.tolist())
    kept = then if len(then) else np.arange(len(everything))
    rest = [int(n) for n in kept if int(n) not in scored]
    return everything.take(picked), unseen_N[picked], everything.take(rest)


def _spaced(rows: Any, count: int) -> Any:
    import numpy as np

    if not count or not len(rows):
        return rows[:0]
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]


def check_tokens(model: Any, texts: list[str]) -> Any:
    """Return each text's number of tokens, and make sure that peers see the same ids."""
    from common.reviews import encode
    from common.scorers import MAX_TOKENS

    encoded = encode(texts, MAX_TOKENS)
    tokenizer = model.load().tokenizer
    for n in range(0, len(texts), max(1, len(texts) // 100)):
        theirs = tokenizer(texts[n], truncation=True, max_length=MAX_TOKENS)["input_ids"]
        if theirs != encoded.piece(n).tolist():
            raise SystemExit(f"review {n}: the sides would see different tokens")
    return encoded.longest_N()


def probe(model: Any, texts: list[str]) -> dict[int, float]:
    """Return the pipeline's reviews per second at each batch size."""
    from common.scorers import pipeline

    rates = {}
    for size in PIPELINE_BATCHES:
        score = pipeline(model, batch=size)
        score(texts[:2])
        started = now()
        score(texts)
        rates[size] = len(texts) / (now() - started)
        say(f"  pipeline sorted in batches of {size}: {rates[size]:.1f} reviews/s")
    return rates


def context(task: Task, unseen_N: Any, rest: Any) -> dict[str, Any]:
    """Train TF-IDF + logistic regression on what is not scored, and score the same reviews."""
    from plaudit.evaluate.baseline import tfidf

    texts, labels_N = task.reviews.texts, task.reviews.labels_N
    result = tfidf(rest.texts, rest.labels_N, texts, 2)
    answers_N = result.probabilities_NC.argmax(axis=1)
    rows = unseen_N.nonzero()[0]
    task.given[result.name] = dict(enumerate(answers_N.tolist()))
    return {
        "name": result.name,
        "trained_on": len(rest),
        "accuracy": float((answers_N == labels_N)[rows].mean()) if len(rows) else None,
        "reviews_per_s": len(texts) / result.predict_s,
        "fit_s": result.fit_s,
    }


def measure(args: argparse.Namespace, work: Path, document: Document) -> None:
    """Alternate all sides."""
    from common import scorers
    from plaudit.model.device import plan

    model = scorers.prepare(args.model, work, plan("auto"))
    pool = 2_000 if args.short else 25_000
    reviews, unseen_N, rest = open_reviews(model.load().seen_prints_N, args.reviews, pool)
    task = Task(reviews, check_tokens(model, reviews.texts), args.rounds)
    ours = scorers.plaudit_sides(model, work, short=args.short)
    found = probe(model, reviews.texts[:: max(1, len(reviews) // args.probe)][: args.probe])
    batch = max(found, key=lambda size: found[size])
    ways = ours | scorers.peer_sides(model, batch)
    ways |= scorers.runtime_sides(model, work, RUNTIME_BATCHES)
    sides = {name: task.side(name, score) for name, score in ways.items()}
    from common.reviews import mean_length

    length = mean_length(task.lengths_N)
    place = (model.compute.precision, model.compute.device)
    sides[LIMIT] = lambda _: roofline.limit(roofline.Encoder(), place, length, training=False)

    def section(raw: Raw) -> dict[str, Any]:
        return {
            "model": model.name, "reviews": len(reviews), "tokens": int(task.lengths_N.sum()),
            "mean_length": length, "precision": model.compute.precision,
            "pipeline_reviews_per_s": found, "pipeline_batch": batch,
            "answers": task.agreement(unseen_N, scorers.REFERENCE) if model.trained else None,
            **compared(raw, list(ours), LIMIT),
        }  # fmt: skip

    raw = alternate(sides, args.rounds, "token", lambda raw: document.put("scoring", section(raw)))
    show(section(raw), "token")
    tokens_each = task.lengths_N.mean()
    for name, values in section(raw)["summary"].items():
        if name != LIMIT:
            say(f"{name:34}{values['median'] / tokens_each:8.1f} reviews/s")
    baseline = context(task, unseen_N, rest)
    document.put("scoring", section(raw) | {"baseline": baseline})
    report(section(raw)["answers"], baseline)


def report(answers: dict[str, Any] | None, baseline: dict[str, Any]) -> None:
    """Print who was right, and who agrees."""
    say(f"{baseline['name']}: {baseline['reviews_per_s']:,.0f} reviews/s")
    if answers is None:
        say("the head is untrained, so there is no accuracy to compare")
        return
    for name, values in answers.items():
        if values["accuracy"] is not None:
            say(
                f"{name:34}{100 * values['accuracy']:6.2f}% of {values['unseen']:,} unseen, "
                f"{100 * (values['agreement'] or 0):6.2f}% agree with the pipeline"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="48 reviews; writes no file")
    parser.add_argument("--model", type=Path, help="default: that of the newest quickstart run")
    parser.add_argument("--reviews", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--probe", type=int, default=128, help="reviews for finding a batch size")
    parser.add_argument("--out", type=Path, default=RESULTS / "scoring.json")
    args = parser.parse_args()
    if args.short:
        args.reviews, args.rounds, args.probe = min(args.reviews, 48), 2, 16
    document = Document(None if args.short else args.out, QUESTION)
    with tempfile.TemporaryDirectory() as work:
        measure(args, Path(work), document)


if __name__ == "__main__":
    main()
