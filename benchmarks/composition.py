"""What do the options that help give together, and which gave how much of it?

Each arm is trained with the same seeds on the same rows and answers the same held-out reviews:
``plain`` is the recipe imdb-minilm (256 tokens, two epochs); ``guessed`` starts from an encoder
that has guessed the training reviews' hidden words for 20 epochs, and reads 512 tokens at twice the
rate; ``taught`` is imdb-minilm-distilled, a student of imdb-mpnet, with 512 tokens and four epochs;
``both`` is that student from that encoder; ``teacher`` is imdb-mpnet itself. So an arm is a whole
recipe, and its gain that of all that it changes. Guessing and the first teacher are trained once,
with seed 0, on the training rows alone. Differences are paired: over rows, of the means over the
seeds that both arms have. It is work for a GPU: some 300 million tokens. Runs that
are in the folder already are taken as they are, so that it goes on where it was ended, and so that
their seconds may come from a card that others used as well.

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
    """Train, or go on where the run was ended; what has a model is left as it is."""
    folder = Path(config.out) / config.name
    if (folder / "model" / "report.json").is_file():
        say(f"{folder}: trained before")
        return folder
    if (folder / "config.toml").is_file():
        return run.resume(folder).folder
    if folder.exists():
        raise SystemExit(f"{folder} is no whole run; remove it, and do this again")
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
    right: dict[str, dict[str, np.ndarray]] = {arm: {} for arm in ARMS}
    for name, each in runs.items():
        arm, _, seed = name.rpartition("-")
        right[arm][seed] = np.array([c == "1" for c in each["right"]], dtype=float)
    (rows,) = {len(right_N) for arm in right.values() for right_N in arm.values()}
    drawn = np.random.default_rng(0).integers(0, rows, (RESAMPLES, rows))
    found: dict[str, dict[str, Any]] = {}
    for arm, by_seed in right.items():
        if not by_seed:
            continue
        found[arm] = {
            "seeds": [round(100 * float(right_N.mean()), 2) for right_N in by_seed.values()],
            "accuracy": interval(np.mean(list(by_seed.values()), axis=0), drawn),
        }
        for other in ("plain", "guessed"):
            # Of the seeds that both have: others would be other runs, and no comparison.
            both = [seed for seed in by_seed if seed in right[other]]
            if both and other in found and other != arm:
                gained_SN = [by_seed[seed] - right[other][seed] for seed in both]
                found[arm][f"over_{other}"] = interval(np.mean(gained_SN, axis=0), drawn)
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
