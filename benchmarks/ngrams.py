"""What does a model of words add to a run's encoder, on the rows that were held out?

For each run folder: the words are learnt from its training rows, weighed on its validation rows and
judged on its held-out ones, by the code that ``ngrams.weight=fit`` uses. The encoder is the run's
own, as it was saved, so both sides of a comparison have the very same one. Then how many texts
words answer in its place, and how well, by the share of validation labels that may change for it
(``ngrams.cascade``). Nothing is timed but learning and counting. --short trains a quickstart for
four steps, and writes no file.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from common.side_by_side import RESULTS, Document, say
from plaudit import ngrams, run
from plaudit.config import Config, load
from plaudit.data.cleaned import Rows
from plaudit.data.prepare import prepare
from plaudit.evaluate import mix
from plaudit.evaluate.calibrate import fit_temperature, log_loss, softmax
from plaudit.evaluate.decide import answer
from plaudit.evaluate.paired import differences, mcnemar
from plaudit.evaluate.predictions import Predictions, of_rows
from plaudit.ngrams import NgramModel
from plaudit.predict import Classifier

QUESTION = "What does a model of words add to a run's encoder, on the rows that were held out?"
MOST = (0.0, 0.0025, 0.005, 0.01, 0.02)
"""Shares of validation labels that may change where words answer in its place; 0: never."""
SHORT = [
    "split.train_size=200", "split.validation_size=60", "split.test_size=60", "train.max_steps=4",
    "train.max_seconds=60", "evaluate.baseline=false", "report.explain=false", "report.audit=false",
]  # fmt: skip


def measured(folder: Path) -> dict[str, Any]:
    """Return what encoder, words and both are worth on a run's held-out rows."""
    config = load(str(folder / "config.toml"))
    prepared, classifier = prepare(config, say), Classifier.load(folder / "model")
    train, validation = prepared.train, prepared.validation
    started = time.perf_counter()
    words = ngrams.fit(train.texts, train.targets_N, len(prepared.labels))
    fit_s = time.perf_counter() - started
    own_NC, read = encoder(classifier, validation.texts), words.read(validation.texts)
    targets_N = validation.targets_N
    mixtures = {
        most: mix.fit_mixture(own_NC, read, targets_N, weight="fit", most=most) for most in MOST
    }
    weight = mixtures[0.0].weight
    validated = {"encoder": own_NC, "words": read[0], "both": mixtures[0.0].logits(own_NC, read)}
    heat = {name: fit_temperature(each, targets_N) for name, each in validated.items()}
    assert prepared.test is not None, f"{folder}: nothing was held out"
    prepared.test.release()
    test = prepared.test.open()
    return {
        "settings": settings(config),
        "weight": weight,
        "features": len(words.columns_F),
        "fit_s": fit_s,
        "rows": {"train": len(train), "validation": len(validation), "test": len(test)},
        **judged(classifier, words, mixtures, heat, test),
    }


def judged(
    classifier: Classifier,
    words: NgramModel,
    mixtures: dict[float, mix.Mixture],
    heat: dict[str, float],
    test: Rows,
) -> dict[str, Any]:
    """Measure each part and both on the held-out rows, at the temperatures that validation gave."""
    started = time.perf_counter()
    read = words.read(test.texts)
    count_s = (time.perf_counter() - started) / len(test)
    tested = {"words": read[0], "encoder": encoder(classifier, test.texts)}
    tested["both"] = mixtures[0.0].logits(tested["encoder"], read)
    answered = {
        name: of_rows(test, answer(softmax(each), None), classifier.labels)
        for name, each in tested.items()
    }
    return {
        "count_ms_a_text": 1000 * count_s,
        "test": {
            name: {
                "accuracy": float((tested[name].argmax(1) == test.targets_N).mean()),
                "log_loss": log_loss(tested[name] / heat[name], test.targets_N),
            }
            for name in ("encoder", "words", "both")
        },
        "both_over_encoder": paired(answered["encoder"], answered["both"]),
        "cascade": [
            cascade(most, mixture, read, tested, test) for most, mixture in mixtures.items() if most
        ],
    }


def cascade(
    most: float,
    mixture: mix.Mixture,
    read: mix.Second,
    tested: dict[str, np.ndarray],
    test: Rows,
) -> dict[str, Any]:
    """Measure what becomes of the answers where words are not asked beside but in place."""
    sure_N, answered_NC = mixture.sure(read), mixture.logits(tested["encoder"], read)
    right_N = answered_NC.argmax(1) == test.targets_N
    return {
        "most": most,
        "fitted": mixture.cascade.model_dump() if mixture.cascade else None,
        "share": float(sure_N.mean()),
        "changed": float((answered_NC.argmax(1) != tested["both"].argmax(1)).mean()),
        "accuracy": float(right_N.mean()),
        "accuracy_where_sure": float(right_N[sure_N].mean()) if sure_N.any() else None,
    }


def encoder(classifier: Classifier, texts: list[str]) -> np.ndarray:
    """Return the logits of the encoder alone."""
    encoded = classifier.encoder.encode(texts)
    return np.asarray(classifier.engine.logits(encoded, pad_id=classifier.encoder.pad_id))


def settings(config: Config) -> dict[str, Any]:
    """Return what of the configuration tells one encoder from another."""
    return {
        "seed": config.seed,
        "epochs": config.train.epochs,
        "pretrain_epochs": config.pretrain.epochs,
        "lr": config.optim.lr,
        "max_tokens": config.text.max_tokens,
    }


def paired(first: Predictions, second: Predictions) -> dict[str, Any]:
    """Compare two sets of answers row by row."""
    right = [each.predicted_N == each.targets_N for each in (first, second)]
    found = mcnemar(int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum()))
    gain = differences(second, first, resamples=2000, confidence=0.95)["accuracy"]
    return {
        "accuracy": asdict(gain),
        "only_encoder": found.only_first,
        "only_both": found.only_second,
        "mcnemar_p": found.p,
    }


def short(work: Path) -> Path:
    """Train a model that knows nothing yet, in seconds."""
    return run.train(load("quickstart", [*SHORT, f"out={work}"])).folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="*", type=Path, help="run folders, such as runs/imdb-minilm")
    parser.add_argument("--short", action="store_true", help="a few steps; writes no file")
    parser.add_argument("--out", type=Path, default=RESULTS / "ngrams.json")
    args = parser.parse_args()
    if not args.short and not args.runs:
        parser.error("name a run folder, or give --short")
    document = Document(None if args.short else args.out, QUESTION)
    with tempfile.TemporaryDirectory() as work:
        for folder in [short(Path(work))] if args.short else args.runs:
            found = measured(folder)
            told, gain = found["test"], found["both_over_encoder"]["accuracy"]
            parts = ", ".join(
                f"{name} {each['accuracy']:.2%} (log loss {each['log_loss']:.3f})"
                for name, each in told.items()
            )
            say(
                f"{folder.name}: {parts}; both over encoder {100 * gain['value']:+.2f} points "
                f"({100 * gain['low']:+.2f} to {100 * gain['high']:+.2f})"
            )
            for each in found["cascade"]:
                say(
                    f"  cascade, {each['most']:.2%} may change: {each['share']:.1%} of the held-"
                    f"out texts, {each['changed']:.2%} change, accuracy {each['accuracy']:.2%}"
                )
            document.put(folder.name, found)


if __name__ == "__main__":
    main()
