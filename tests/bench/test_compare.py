"""Models side by side: what is in the document, what is said of it, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import plaudit
from plaudit import artifact
from plaudit.bench import compare, contenders
from plaudit.bench.memory import Memory
from plaudit.bench.table import short_names, table
from plaudit.cli import app
from plaudit.errors import ArtifactError, ConfigError, DataError, MissingExtra
from plaudit.model.device import Compute, plan
from plaudit.predict import Classifier
from tests.run.test_training import configured
from tests.test_artifact import make


@pytest.fixture(scope="module")
def trained(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("runs")
    return plaudit.train(configured(reviews_file, tiny_encoder, out)).model


@pytest.fixture(scope="module")
def flipped(trained: Path) -> Path:
    """The same model with its answers turned round for what it calls positive: all negative."""
    folder = trained.parent / "flipped"
    loaded = artifact.load(trained)
    with torch.no_grad():
        loaded.model.stock.classifier.weight.neg_()
        loaded.model.stock.classifier.bias.neg_()
    artifact.save(folder, loaded.model, loaded.tokenizer, loaded.spec, loaded.seen_prints_N)
    return folder


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Measure no memory: that starts a process."""
    asked: list[tuple[Any, ...]] = []

    def measure(*args: Any) -> Memory:
        asked.append(args)
        return Memory(10.0, 30.5, None)

    monkeypatch.setattr(compare, "measure", measure)
    return asked


@pytest.fixture
def exported(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the model, with what export would make beside it; read like the model itself."""
    for end in ("", "-onnx", "-onnx-int8"):
        shutil.copytree(trained, tmp_path / f"model{end}")
    weights = {"model": "torch", "model-onnx": "onnx", "model-onnx-int8": "onnx-int8"}
    read = artifact.read_spec

    def marked(folder: Path) -> Any:
        return WithWeights(read(folder), weights[folder.name])

    monkeypatch.setattr(artifact, "read_spec", marked)
    return tmp_path / "model"


class WithWeights:
    """A spec that says in which format the weights are."""

    def __init__(self, spec: artifact.Spec, weights: str) -> None:
        self._spec = spec
        self.weights = weights

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec, name)


def quick(*models: Path, **settings: Any) -> dict[str, Any]:
    return compare.bench(list(models), rounds=1, device="cpu", **settings)


def positive(spread: dict[str, float]) -> bool:
    return 0 < spread["low"] <= spread["median"] <= spread["high"]


def test_the_document_has_all_that_was_measured(trained: Path, flipped: Path) -> None:
    document = compare.bench([trained, flipped], rows=40, rounds=2, device="cpu")
    json.dumps(document, allow_nan=False)
    assert document["machine"]["processor"]
    assert document["versions"]["torch"] == torch.__version__
    assert document["threads"] == torch.get_num_threads()
    assert document["rounds"] == 2
    assert {"measured_at", "commit"} <= set(document)
    data = document["data"]
    assert (data["split"], data["rows"], data["rows_there"]) == ("test", 40, 60)
    assert document["short"]["reviews"] == document["long"]["reviews"] == 10
    assert document["short"]["tokens"]["high"] <= document["long"]["tokens"]["low"]
    for row, model in zip(document["models"], (trained, flipped), strict=True):
        assert row["model"] == str(model)
        assert (row["format"], row["device"], row["precision"]) == ("torch fp32", "cpu", "fp32")
        assert row["labels"] == ["negative", "positive"]
        size = (model / "model.safetensors").stat().st_size
        assert row["weights_mb"] * 1e6 == pytest.approx(size)
        for length in ("short", "long"):
            speed, latency = row["throughput"][length], row["latency"][length]
            assert positive(speed["reviews_per_s"])
            assert positive(speed["tokens_per_s"])
            ratio = speed["tokens_per_s"]["median"] / speed["reviews_per_s"]["median"]
            assert ratio == pytest.approx(speed["tokens"] / 10)
            assert 0 < latency["p50_ms"] <= latency["p99_ms"]
            assert latency["calls"] == 2 * compare.CALLS
            assert 2 < latency["tokens"] <= 32
        assert row["memory"]["above_start_mb"] > 50  # torch alone takes more
        assert row["memory"]["start_mb"] < 50
    spread = document["models"][0]["throughput"]["short"]["reviews_per_s"]
    assert spread["median"] == pytest.approx((spread["low"] + spread["high"]) / 2)


def test_accuracy_is_that_of_evaluate_and_agreement_that_of_the_labels(
    trained: Path, flipped: Path, no_child: list[Any]
) -> None:
    first, same, other = quick(trained, trained, flipped, rows=1000)["models"]
    metrics = plaudit.evaluate(trained, plaudit.Classifier.load(trained).spec.data)["metrics"]
    assert first["accuracy"] == metrics["accuracy"]
    assert first["agreement"] == same["agreement"] == 1.0
    assert other["agreement"] == 0.0
    assert other["accuracy"]["value"] == pytest.approx(1 - first["accuracy"]["value"])
    assert first["accuracy"]["low"] < first["accuracy"]["value"]


def test_labels_in_another_order_are_the_same_labels(
    trained: Path, tmp_path: Path, no_child: list[Any]
) -> None:
    loaded = artifact.load(trained)
    stock, names = loaded.model.stock, ("positive", "negative")
    with torch.no_grad():
        for parameter in (stock.classifier.weight, stock.classifier.bias):
            parameter.copy_(parameter.flip(0))
    stock.config.id2label = dict(enumerate(names))
    stock.config.label2id = {name: i for i, name in enumerate(names)}
    spec = loaded.spec.model_copy(update={"labels": names})
    turned = tmp_path / "turned"
    artifact.save(turned, loaded.model, loaded.tokenizer, spec, loaded.seen_prints_N)
    first, other = quick(trained, turned)["models"]
    assert other["labels"] == ["positive", "negative"]
    assert other["agreement"] == 1.0
    assert other["accuracy"] == first["accuracy"]


def test_the_timed_reviews_are_raw_and_of_both_lengths(
    trained: Path, tmp_path: Path, no_child: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cleaned ones would leave the cleaning out of the times."""
    rows = [{"text": "good<br /><br />" * (n + 1), "label": "positive"} for n in range(8)]
    rows[0]["label"] = "negative"
    data = tmp_path / "raw.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    given: list[list[str]] = []
    monkeypatch.setattr(Classifier, "predict", lambda self, texts: given.append(list(texts)))
    document = quick(trained, data=str(data))
    short, long = [rows[n]["text"] for n in (0, 1)], [rows[n]["text"] for n in (6, 7)]
    assert given[:4] == [short, long, [short[1]], [long[1]]]
    assert len(given) == 4 + 2 + 2 * compare.CALLS
    assert document["data"]["split"] == "all"
    # "good" once and twice, each between two special tokens
    assert document["models"][0]["throughput"]["short"]["tokens"] == 3 + 4
    assert document["models"][0]["latency"]["long"]["tokens"] == 10
    (asked,) = no_child
    assert asked == (trained, "cpu", "fp32", [*short, *long])


def test_the_rows_are_a_fair_draw_and_the_same_each_time(
    trained: Path, reviews_file: Path, no_child: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every n-th of a table whose labels alternate would be rows of one label."""
    asked: list[list[str]] = []
    own = Classifier.probabilities

    def spy(self: Classifier, cleaned: Any, **more: Any) -> np.ndarray:
        asked.append(list(cleaned))
        return own(self, cleaned, **more)

    monkeypatch.setattr(Classifier, "probabilities", spy)
    for _ in range(2):
        quick(trained, rows=20)
    assert asked[0] == asked[1]
    lines = [json.loads(line) for line in reviews_file.read_text().splitlines()]
    label = {" ".join(row["text"].split()): row["label"] for row in lines}
    assert {label[text] for text in asked[0]} == {"negative", "positive"}


def test_a_machine_that_is_fast_at_bf16_measures_both(
    trained: Path, no_child: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fast(device: str = "auto", precision: str = "auto") -> Compute:
        return plan("cpu", "bf16" if precision == "auto" else precision)

    monkeypatch.setattr(contenders, "plan", fast)
    rows = quick(trained, rows=20)["models"]
    assert [row["format"] for row in rows] == ["torch fp32", "torch bf16"]
    assert [args[1:3] for args in no_child] == [("cpu", "fp32"), ("cpu", "bf16")]
    assert rows[1]["agreement"] > 0.5


def test_what_was_exported_beside_a_model_is_measured_too(
    exported: Path, no_child: list[Any]
) -> None:
    said: list[str] = []
    rows = quick(exported, rows=20, say=said.append)["models"]
    assert [row["format"] for row in rows] == ["torch fp32", "onnx", "onnx-int8"]
    assert [Path(row["model"]).name for row in rows] == ["model", "model-onnx", "model-onnx-int8"]
    for end in ("-onnx", "-onnx-int8"):
        assert f"{exported}{end} stands beside, and is measured too" in said


def test_only_what_is_named_is_measured_when_more_than_one_is(
    exported: Path, no_child: list[Any]
) -> None:
    names = (exported.with_name("model-onnx-int8"), exported)
    rows = quick(*names, rows=20)["models"]
    assert [row["format"] for row in rows] == ["onnx-int8", "torch fp32"]
    (row,) = quick(names[0], rows=20)["models"]
    assert row["format"] == "onnx-int8"


def test_what_stands_beside_but_cannot_be_used_is_left_out(
    exported: Path, no_child: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Classifier.load

    def load(folder: Path, **more: Any) -> Classifier:
        if folder.name == "model-onnx":
            raise MissingExtra("a model of format onnx", "onnx")
        return own(folder, **more)

    monkeypatch.setattr(Classifier, "load", load)
    spec = json.loads((exported.with_name("model-onnx-int8") / "plaudit.json").read_text())
    other = json.dumps(spec | {"config_digest": "f" * 16})
    (exported.with_name("model-onnx-int8") / "plaudit.json").write_text(other)
    said: list[str] = []
    (row,) = quick(exported, rows=20, say=said.append)["models"]
    assert row["format"] == "torch fp32"
    assert any("pip install 'plaudit[onnx]'" in line for line in said)
    assert any("left out: it is of another run" in line for line in said)
    with pytest.raises(MissingExtra):  # named: then it is what the user wants
        quick(exported.with_name("model-onnx"))


def test_rows_that_were_trained_on_are_counted_and_said(
    trained: Path, reviews_file: Path, tmp_path: Path, no_child: list[Any]
) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_text(reviews_file.read_text() + "\n")
    said: list[str] = []
    document = quick(trained, data=str(copy), rows=1000, say=said.append)
    assert document["models"][0]["seen_rows"] == 180
    assert any(line.startswith("180 of these rows were seen") for line in said)
    assert ["rows it has seen", "180"] in table(document)[1]


def test_memory_that_cannot_be_measured_costs_nothing_else(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "measure", lambda *args: "the process was ended by signal 9")
    said: list[str] = []
    document = quick(trained, rows=20, say=said.append)
    assert document["models"][0]["memory"] is None
    assert table(document)[1][-1] == ["peak memory, MB", "–"]
    assert any("ended by signal 9" in line for line in said)


def test_the_table_has_a_column_a_model(trained: Path, flipped: Path, no_child: list[Any]) -> None:
    document = quick(trained, flipped, rows=20)
    names, rows = table(document)
    assert names == ["", "model", "flipped"]
    assert all(len(row) == 3 for row in rows)
    shown = {row[0].strip(): row[1:] for row in rows}
    assert shown["labels as the first"] == ["100%", "0%"]
    assert shown["peak memory, MB"] == ["20", "20"]
    assert "rows it has seen" not in shown
    value = document["models"][0]["accuracy"]["value"]
    assert shown["accuracy"][0] == f"{100 * value:.1f}%"


def test_names_that_share_no_folder_are_shown_whole() -> None:
    assert short_names(["/a/model", "b/model"]) == ["/a/model", "b/model"]
    assert short_names(["a/model", "b/model"]) == ["a/model", "b/model"]
    assert short_names(["model", "model-onnx"]) == ["model", "model-onnx"]
    assert short_names(["runs/a/model", "runs/a/model/"]) == ["model", "model"]


@pytest.mark.parametrize(("rows", "rounds"), [(0, 1), (1, 0)])
def test_nothing_to_measure_is_refused(trained: Path, rows: int, rounds: int) -> None:
    with pytest.raises(ConfigError, match="must be at least 1"):
        compare.bench([trained], rows=rows, rounds=rounds)


def test_what_cannot_be_compared_is_refused(
    trained: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="bench needs a model"):
        compare.bench([])
    with pytest.raises(ArtifactError, match="is not there"):
        quick(tmp_path / "none")
    loaded = artifact.load(trained)
    loaded.model.stock.config.id2label = {0: "bad", 1: "good"}
    spec = loaded.spec.model_copy(update={"labels": ("bad", "good")})
    other = tmp_path / "other"
    artifact.save(other, loaded.model, loaded.tokenizer, spec, loaded.seen_prints_N)
    with pytest.raises(ConfigError, match=r"other has the labels bad, good, .*negative, positive"):
        quick(trained, other)


def test_data_that_is_gone_or_changed_is_no_test_set(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = make(tmp_path / "model", tiny_encoder)  # trained on reviews.csv
    with pytest.raises(DataError, match=r"trained on 'reviews\.csv': .*--data"):
        quick(model)
    (tmp_path / "reviews.csv").write_text("text,label\ngood,positive\nbad,negative\n")
    with pytest.raises(DataError, match=r"held out cannot be found.*--data"):
        quick(model)


def plaudit_(*args: object) -> Any:
    return CliRunner().invoke(app, [str(arg) for arg in args], prog_name="plaudit")


def test_the_command_prints_a_table_and_names_what_comes_next(
    trained: Path, flipped: Path, no_child: list[Any]
) -> None:
    done = plaudit_("bench", trained, flipped, "--rows", 20, "--rounds", 1, "--device", "cpu")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["model", "flipped"]
    assert lines[1].split() == ["format", "torch", "fp32", "torch", "fp32"]
    assert lines[-2].startswith("20 of 60 rows (test). The part of ")
    assert "round 1 of 1" in done.stderr
    assert done.stderr.splitlines()[-1] == f"next: plaudit export {trained}"


def test_json_is_all_that_is_printed_and_the_file_holds_the_same(
    trained: Path, tmp_path: Path, no_child: list[Any]
) -> None:
    place = tmp_path / "bench.json"
    flags = ("--rows", 20, "--rounds", 1, "--quiet", "--json", "--out", place)
    done = plaudit_("bench", trained, *flags)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["models"][0]["model"] == str(trained)
    assert place.read_text() == done.stdout
    assert done.stderr.splitlines() == [f"next: plaudit export {trained}"]
    before = place.read_bytes()
    again = plaudit_("bench", trained, *flags)
    assert again.exit_code == 2
    assert "exists and is never overwritten" in again.stderr
    assert place.read_bytes() == before
    assert len(no_child) == 1  # refused before anything was measured


def test_a_wrong_folder_or_data_without_labels_is_the_users_mistake(
    trained: Path, tmp_path: Path
) -> None:
    done = plaudit_("bench", tmp_path)
    assert done.exit_code == 2
    assert done.stderr == (
        f"plaudit: {tmp_path} has no plaudit.json, so it is no model of plaudit. "
        "Give the folder runs/<name>/model.\n"
    )
    (tmp_path / "bare.csv").write_text("text\ngood film\nbad film\n")
    done = plaudit_("bench", trained, "--data", tmp_path / "bare.csv")
    assert done.exit_code == 2
    assert "bare.csv" in done.stderr
    assert "label" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
