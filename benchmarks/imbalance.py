"""What each answer to unequal classes gives: IMDB with its positive reviews cut to 1:4, 1:10, 1:50.

Question: does weighting, focal loss or resampling find more of the rare class than doing nothing?

Data: the bundled reviews. They stand film by film within a label, so a block of each label is held
out, as plaudit's splits do it. From the *training* part alone, positive reviews are dropped, evenly
spaced, until the ratio is reached. Every method then trains the same steps, from the same weights
and with the same seeds.

Selection: none. The last state is measured, so that no method gains by what a metric of selection
happens to favour, and what is held out is used for nothing else.

Held out: measured twice. ``natural`` has the ratio of training, for deployment as it is;
``balanced`` is all of it, 1:1, so that the rare class is measured on many rows. Balanced accuracy
is the same in expectation on both; the rare class's F1 and the calibration error are not, and
``natural`` is the one to report for them. Probabilities of methods that hide the real shares can be
right on ``natural`` only with ``imbalance.prior_correction``; both forms are measured.

Raw answers: one row a ratio, method and seed; the mean and the range over seeds beside them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from common.side_by_side import machine
from plaudit.ablate.resampled import sample
from plaudit.config import Config, load
from plaudit.data.cleaned import Rows
from plaudit.data.prepare import Prepared, prepare
from plaudit.evaluate import predictions
from plaudit.evaluate.calibrate import softmax
from plaudit.evaluate.decide import answer
from plaudit.model.build import load_tokenizer
from plaudit.model.device import plan
from plaudit.model.infer import logits
from plaudit.run.learning import learn, lesson, new_model
from plaudit.run.material import encoded
from plaudit.run.watching import Silent
from plaudit.text.encode import TextEncoder
from plaudit.train.keep import Keeper

RESULT = Path(__file__).parent / "results" / "imbalance.json"
METHODS = {
    "none": [],
    "weights": ["imbalance.method=weights"],
    "weights, corrected": ["imbalance.method=weights", "imbalance.prior_correction=true"],
    "weights, beta 0.999": ["imbalance.method=weights", "imbalance.beta=0.999"],
    "focal": ["imbalance.method=focal"],
    "oversample": ["imbalance.method=oversample"],
    "oversample, corrected": ["imbalance.method=oversample", "imbalance.prior_correction=true"],
    "undersample": ["imbalance.method=undersample"],
    "undersample, corrected": ["imbalance.method=undersample", "imbalance.prior_correction=true"],
}
RARE = 1
SHOWN = ("minority_f1", "balanced_accuracy", "ece", "log_loss", "accuracy")


@dataclass(frozen=True, slots=True)
class Setting:
    """One cell of the benchmark."""

    ratio: int
    method: str
    seed: int


def cut(rows: Rows, ratio: int) -> np.ndarray:
    """Return the rows that are left where rare ones are dropped, evenly spaced, to this ratio."""
    rare, others = (np.flatnonzero(match) for match in _split(rows.targets_N))
    wanted = max(1, round(len(others) / ratio))
    kept = rare[np.linspace(0, len(rare) - 1, min(wanted, len(rare))).round().astype(int)]
    return np.sort(np.concatenate([others, kept]))


def _split(targets_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return targets_N == RARE, targets_N != RARE


def settings_of(args: argparse.Namespace) -> list[str]:
    """What all methods share: the quickstart recipe, a fixed number of steps, no selection."""
    return [
        f"train.max_steps={args.steps}", "train.max_seconds=none", "train.evaluations=1",
        "split.test_size=0", f"split.validation_size={args.held_out}",
        f"split.train_size={args.rows}", "evaluate.baseline=false",
    ]  # fmt: skip


def measure(
    config: Config, prepared: Prepared, ratio: int, folder: Path
) -> tuple[dict[str, dict[str, float]], list[int]]:
    """Train once; measure the last state on both held-out parts.

    Returns
    -------
    (dict of str to metrics, list of int)
        And the texts of each class in training.
    """
    held_out, none = prepared.validation, np.zeros(0, dtype=np.int64)
    train = prepared.train.take(cut(prepared.train, ratio))
    given = replace(prepared, train=train, validation=held_out.take(none))
    compute = plan(config.train.device, config.train.precision)
    encoder = TextEncoder(load_tokenizer(config.model.encoder), config.text)
    taught = lesson(
        config, new_model(config, given.labels, encoder), encoded(given, encoder), compute
    )
    learn(config, taught, Keeper(folder), Silent())
    texts = encoder.encode_cached(held_out.texts)
    probabilities_NC = softmax(logits(taught.model, texts, compute, pad_id=encoder.pad_id))
    parts = {"balanced": np.arange(len(held_out)), "natural": cut(held_out, ratio)}
    found = {}
    for name, places in parts.items():
        answers = answer(probabilities_NC[places], None)
        kept = predictions.of_rows(held_out.take(places), answers, given.labels)
        found[name] = sample([kept], RARE, 0).values
    return found, np.bincount(given.train.targets_N).tolist()


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and range over the seeds of each ratio and method."""
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["ratio"], row["method"]), []).append(row)
    return [
        {"ratio": ratio, "method": method, "seeds": len(group)}
        | {
            part: {name: _spread([row[part][name] for row in group]) for name in SHOWN}
            for part in ("natural", "balanced")
        }
        for (ratio, method), group in groups.items()
    ]


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "low": min(values), "high": max(values)}


def show(rows: Sequence[dict[str, Any]]) -> None:
    print(f"{'ratio':>6}  {'method':24}" + "".join(f"{name:>19}" for name in SHOWN) + "  (natural)")
    for row in rows:
        values = (f"{row['natural'][name]['mean']:19.3f}" for name in SHOWN)
        print(f"{'1:' + str(row['ratio']):>6}  {row['method']:24}" + "".join(values))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="a minute or two; writes no file")
    parser.add_argument("--recipe", default="quickstart")
    parser.add_argument("--ratios", type=int, nargs="+", default=[4, 10, 50])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rows", type=int, default=10_000, help="training reviews before the cut")
    parser.add_argument("--held-out", type=int, default=4_000)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    overrides, methods = settings_of(args), {name: METHODS[name] for name in args.methods}
    if args.short:
        args.ratios, args.seeds, args.steps, args.rows, args.held_out = [4], 1, 2, 80, 40
        methods = {name: METHODS[name] for name in ("none", "oversample, corrected")}
        overrides = [*settings_of(args), "text.max_tokens=16", "train.batch_examples=8"]
    prepared = prepare(load(args.recipe, overrides), lambda line: None)
    rows = []
    cells = [Setting(r, m, s) for r in args.ratios for m in methods for s in range(args.seeds)]
    for cell in cells:
        config = load(args.recipe, [*overrides, *methods[cell.method], f"seed={cell.seed}"])
        with tempfile.TemporaryDirectory() as folder:
            found, counts = measure(config, prepared, cell.ratio, Path(folder))
        rows.append(
            {"ratio": cell.ratio, "method": cell.method, "seed": cell.seed, "train": counts} | found
        )
        if not args.short:
            document = {
                "question": __doc__, "recipe": args.recipe, "steps": args.steps,
                "commands": [shlex.join(["python", "benchmarks/imbalance.py", *sys.argv[1:]])],
                "summary": summary(rows), "rows": rows, "machine": machine(),
            }  # fmt: skip
            args.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    show(summary(rows))


if __name__ == "__main__":
    main()
