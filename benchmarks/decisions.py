"""Do calibrated probabilities and conformal sets hold, on many more rows than a test block?

A quickstart model answers every bundled review that it has not seen in training or selection. Some
of these rows then play the validation part, on which a temperature and a conformal limit are fitted
by the very code that a run uses; the others are the test. Drawn many times at random, which is what
conformal coverage is promised for, and once with a block of each label as the validation part, as
plaudit's splits have it, whose films are then not those of the test.

``ece_by_chance`` is what probabilities that hold exactly would show on so many rows. Nothing is
timed. Takes some 15 minutes on two cores, nearly all for the answers; --short (64 reviews, an
untrained head where there is no model, no file) a few seconds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from common import reviews, scorers
from common.side_by_side import RESULTS, Document, say
from plaudit.config import DecideConfig
from plaudit.data.fingerprint import fingerprints
from plaudit.evaluate.calibrate import quality, temper
from plaudit.evaluate.settle import settle
from plaudit.model.device import plan
from plaudit.predict import Classifier

QUESTION = "Do probabilities and conformal sets hold on reviews that the model has not seen?"
COVERAGE = 0.9
SIZES = (200, 500, 1000, 2500)
"""Rows of the validation part."""


def unseen(
    folder: Path | None, count: int | None, work: Path
) -> tuple[str, np.ndarray, np.ndarray]:
    """Return a model's name, its logits of reviews that it has not seen, and their labels."""
    source = folder or scorers.newest()
    if source is None:
        source = scorers.prepare(None, work, plan("auto")).folder
    classifier = Classifier.load(source)
    found = reviews.bundled(count)
    fresh = np.flatnonzero(~np.isin(fingerprints(found.texts), classifier.seen_prints_N))
    found = found.take(fresh)
    say(f"{source}: {len(found):,} reviews that it has not seen")
    # Its own temperature is taken back: each draw fits one anew.
    warmed_NC = classifier.probabilities(found.texts)
    decision = classifier.spec.decision
    plain_NC = temper(warmed_NC, 1.0 / decision.temperature) if decision else warmed_NC
    return str(source), np.log(np.clip(plain_NC, 1e-12, None)), found.labels_N


def held(logits_NC: np.ndarray, labels_N: np.ndarray, fitted: np.ndarray) -> dict[str, float]:
    """Fit on some rows as a run does, and measure on the others."""
    config = DecideConfig(abstain="conformal", coverage=COVERAGE)
    test = np.setdiff1d(np.arange(len(labels_N)), fitted)
    decision = settle(config, scorers.LABELS, logits_NC[fitted], labels_N[fitted]).decision
    after_NC = temper(np.exp(logits_NC[test]), decision.temperature)
    true_N = after_NC[np.arange(len(test)), labels_N[test]]
    figures = quality(after_NC, labels_N[test])
    return {
        "temperature": decision.temperature,
        "ece": figures["ece"],
        "ece_by_chance": figures["ece_by_chance"],
        "coverage": float((true_N >= decision.least).mean()),
        "test_rows": len(test),
    }


def block(labels_N: np.ndarray, rows: int) -> np.ndarray:
    """Return the last rows of each label, in all so many."""
    return np.concatenate(
        [np.flatnonzero(labels_N == label)[-(rows // 2) :] for label in np.unique(labels_N)]
    )


def summed(found: list[dict[str, float]]) -> dict[str, Any]:
    """Return each figure's mean and its 5% and 95% quantiles over draws."""
    return {
        name: {
            "mean": float(np.mean(values := [each[name] for each in found])),
            "p5": float(np.quantile(values, 0.05)),
            "p95": float(np.quantile(values, 0.95)),
        }
        for name in found[0]
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="64 reviews; writes no file")
    parser.add_argument("--model", type=Path, help="default: that of the newest quickstart run")
    parser.add_argument("--reviews", type=int, help="evenly spaced; all by default")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--out", type=Path, default=RESULTS / "decisions.json")
    args = parser.parse_args()
    count, sizes = (64, (20,)) if args.short else (args.reviews, SIZES)
    document = Document(None if args.short else args.out, QUESTION)
    with tempfile.TemporaryDirectory() as work:
        name, logits_NC, labels_N = unseen(args.model, count, Path(work))
    rng = np.random.default_rng(0)
    plain = quality(np.exp(logits_NC), labels_N)
    accuracy = float((logits_NC.argmax(1) == labels_N).mean())
    say(f"accuracy {accuracy:.3f}, ECE before any temperature {plain['ece']:.4f}")
    rows = []
    for size in sizes:
        drawn = [
            held(logits_NC, labels_N, rng.choice(len(labels_N), size, replace=False))
            for _ in range(args.draws if not args.short else 3)
        ]
        whole = held(logits_NC, labels_N, block(labels_N, size))
        rows.append({"validation_rows": size, "random": summed(drawn), "block": whole})
        ece, coverage = rows[-1]["random"]["ece"], rows[-1]["random"]["coverage"]
        say(
            f"{size:,} validation rows: "
            f"ECE {ece['mean']:.4f} ({ece['p5']:.4f} to {ece['p95']:.4f}), "
            f"coverage {coverage['mean']:.3f} ({coverage['p5']:.3f} to {coverage['p95']:.3f}); "
            f"a block: ECE {whole['ece']:.4f}, coverage {whole['coverage']:.3f}"
        )
    about = {"model": name, "reviews": len(labels_N), "accuracy": accuracy, "wanted": COVERAGE}
    document.put("decisions", about | {"before": plain, "draws": args.draws, "rows": rows})


if __name__ == "__main__":
    main()
