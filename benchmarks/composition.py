"""What do the options that help give together, and which gave how much of it?

Each arm is trained with the same seeds on the same rows and answers the same held-out reviews:
``plain`` is the recipe imdb-minilm; ``guessed`` reads 512 tokens, from an encoder that has guessed
the training reviews' hidden words for 20 epochs; ``taught`` is imdb-minilm-distilled, a student of
imdb-mpnet; ``both`` is that student from that encoder; ``teacher`` is imdb-mpnet itself. Guessing
and the first teacher are trained once, with seed 0, on the training rows alone. Differences are
paired, over rows, of the means over seeds. It is work for a GPU: minutes there, days without. Runs
that are in the folder already are taken as they are, so that it goes on where it was ended, and so
that their seconds may come from a card that others used as well.

--short trains every arm for three steps with the bundled encoder as its own teacher, and writes no
file; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from common.side_by_side import RESULTS, Document, say
from plaudit import run
from plaudit.config import Config, load

QUESTION = "What do the options that help give together, and which gave how much of it?"
ARMS = {
    "plain": "`imdb-minilm`",
    "guessed": "512 tokens, from an encoder that has guessed hidden words",
    "taught": "`imdb-minilm-distilled`, a student of `imdb-mpnet`",
    "both": "`imdb-minilm-distilled` from that encoder",
    "teacher": "`imdb-mpnet`, five times the size",
}
GUESSING = [
    "text.max_tokens=512", "train.batch_tokens=16384", "pretrain.epochs=20", "pretrain.lr=5e-4",
    "train.max_steps=4",
]  # fmt: skip
GUESSED = [
    "text.max_tokens=512", "train.batch_tokens=8192", "optim.lr=2e-4", "train.epochs=2",
    "train.evaluations=1",
]  # fmt: skip
SHARED = [
    "data.train=bundled", "split.seed=0", "evaluate.baseline=false", "report.explain=false",
    "report.audit=false",
]  # fmt: skip
SHORT = [
    "split.train_size=120", "split.validation_size=40", "split.test_size=40", "train.max_steps=3",
    "text.max_tokens=48", "train.batch_tokens=2048",
]  # fmt: skip
RESAMPLES = 5000


def setting(arm: str, seed: int, work: Path, more: list[str]) -> Config:
    """Return the settings of one run."""
    encoder, teacher = work / "guessing-0" / "encoder", work / "teacher-0" / "model"
    recipe, own = {
        "plain": ("imdb-minilm", []),
        "guessing": ("imdb-minilm", GUESSING),
        "guessed": ("imdb-minilm", [*GUESSED, f"model.encoder={encoder}"]),
        "taught": ("imdb-minilm-distilled", [f"distill.teacher={teacher}"]),
        "both": (
            "imdb-minilm-distilled",
            [f"distill.teacher={teacher}", f"model.encoder={encoder}"],
        ),
        "teacher": ("imdb-mpnet", []),
    }[arm]
    return load(recipe, [*SHARED, *own, f"out={work}", f"name={arm}-{seed}", f"seed={seed}", *more])


def trained(config: Config) -> Path:
    """Train, unless the run is there and has a model."""
    folder = Path(config.out) / config.name
    if (folder / "model" / "report.json").is_file():
        say(f"{folder}: trained before")
        return folder
    return run.train(config).folder


def measured(folder: Path) -> dict[str, Any]:
    """Return what a run gave, and of each held-out row whether it was right."""
    report = json.loads((folder / "model" / "report.json").read_text(encoding="utf-8"))
    rows = pq.read_table(folder / "predictions.parquet", columns=["truth", "predicted"])
    given, said = (rows[name].to_pylist() for name in ("truth", "predicted"))
    right = [a == b for a, b in zip(given, said, strict=True)]
    return told(report) | {"right": "".join(str(int(each)) for each in right)}


def told(report: dict[str, Any]) -> dict[str, Any]:
    """Return what of a report counts here."""
    test, training = report["test"]["metrics"], report["training"]
    return {
        "test": {name: test[name] for name in ("accuracy", "log_loss", "ece")},
        "rows": report["test"]["rows"],
        "training": {name: training[name] for name in ("steps", "seconds", "tokens", "best_step")},
        "machine": report["machine"] | {"compute": training["precision_reason"]},
        "commit": report["commit"],
    }


def compared(runs: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each arm's mean over seeds with an interval over rows, and what it gains on plain."""
    right = {
        arm: np.array([[c == "1" for c in each["right"]] for name, each in runs.items()
                       if name.rpartition("-")[0] == arm])
        for arm in ARMS
    }  # fmt: skip
    random = np.random.default_rng(0)
    arms = {arm: each_SN.mean(axis=0) for arm, each_SN in right.items() if len(each_SN)}
    (rows,) = {len(mean_N) for mean_N in arms.values()}
    drawn = random.integers(0, rows, (RESAMPLES, rows))
    found = {}
    for arm, mean_N in arms.items():
        found[arm] = {
            "seeds": [round(100 * float(value), 2) for value in right[arm].mean(axis=1)],
            "accuracy": interval(mean_N, drawn),
        }
        if arm != "plain" and "plain" in arms:
            found[arm]["over_plain"] = interval(mean_N - arms["plain"], drawn)
    return found


def interval(values_N: np.ndarray, drawn_RN: np.ndarray) -> dict[str, float]:
    """Return the mean in points, with a 95% interval over rows."""
    low, high = np.percentile(100 * values_N[drawn_RN].mean(axis=1), [2.5, 97.5])
    mean = 100 * float(values_N.mean())
    return {"value": round(mean, 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def show(arms: dict[str, dict[str, Any]]) -> None:
    """Print a line an arm."""
    for arm, found in arms.items():
        seeds, all_ = ", ".join(f"{value:.1f}" for value in found["seeds"]), found["accuracy"]
        line = f"{arm:8} {all_['value']:.1f} ({all_['low']:.1f} to {all_['high']:.1f}); {seeds}"
        if gain := found.get("over_plain"):
            line += f"; {gain['value']:+.1f} ({gain['low']:+.1f} to {gain['high']:+.1f}) over plain"
        say(line)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="three steps an arm; writes no file")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--encoder", help="the teacher's: a model folder in the hub's place")
    parser.add_argument("--work", type=Path, default=Path("runs/composition"))
    parser.add_argument("--out", type=Path, default=RESULTS / "composition.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) if args.short else args.work
        more, encoder = (SHORT, "bundled") if args.short else ([], args.encoder)
        teaching = [f"model.encoder={encoder}"] if encoder else []
        document = Document(None if args.short else args.out, QUESTION)
        if {"guessed", "both"} & set(args.arms):
            epochs = ["pretrain.epochs=0.5"] if args.short else []
            trained(setting("guessing", 0, work, [*more, *epochs]))
        if {"taught", "both"} & set(args.arms):
            trained(setting("teacher", 0, work, [*more, *teaching]))
        runs = dict(document.content.get("runs", {}))
        runs.pop("machine", None)  # of the last writing; each run has its own
        for arm in args.arms:
            for seed in [0] if args.short else args.seeds:
                own = [*more, *teaching] if arm == "teacher" else more
                runs[f"{arm}-{seed}"] = measured(trained(setting(arm, seed, work, own)))
                document.put("runs", runs)
        arms = compared(runs)
        document.put("arms", arms)
        show(arms)


if __name__ == "__main__":
    main()
