"""A tiny model exported: the same answers, or nothing."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plaudit import artifact, run
from plaudit.config import TextConfig, load
from plaudit.errors import ArtifactError, ConfigError, DataError, ExportError, MissingExtra
from plaudit.evaluate.decide import Answers, answer
from plaudit.export import export, gate, graph, lines
from plaudit.export.gate import Texts
from plaudit.model.device import Compute, plan
from plaudit.predict import Classifier
from tests.conftest import save_encoder
from tests.test_artifact import make

onnx = pytest.importorskip("onnx")

TEXTS = [
    f"{'the film was good and ' * (n % 9)}{'awful' if n % 2 else 'lovely'} plot {'!' * (n % 4)}"
    for n in range(40)
]


def answers(folder: Path, **how: Any) -> np.ndarray:
    return Classifier.load(folder).probabilities(TEXTS, **how)


@pytest.mark.parametrize(
    ("family", "pooling"),
    [("bert", "max"), ("distilbert", "cls"), ("roberta", "mean")],
)
def test_fp32_gives_the_same_probabilities(
    family: str, pooling: str, reviews_file: Path, tmp_path: Path
) -> None:
    model = make(tmp_path / "model", save_encoder(tmp_path / "e", family), pooling=pooling)
    done = export(model, "onnx", data=str(reviews_file))
    assert done.folder == tmp_path / "model-onnx"
    expected = answers(model)
    assert np.ptp(expected[:, 0]) > 0.01
    for chunk in (1, 7, 1000):
        np.testing.assert_allclose(answers(done.folder, chunk=chunk), expected, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["electra", "mpnet", "deberta-v2", "modernbert"])
def test_every_other_family_too(family: str, reviews_file: Path, tmp_path: Path) -> None:
    model = make(tmp_path / "model", save_encoder(tmp_path / "e", family), pooling="mean")
    done = export(model, "onnx", data=str(reviews_file))
    np.testing.assert_allclose(answers(done.folder), answers(model), atol=2e-5)


@pytest.fixture(scope="module")
def model(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("m") / "model", tiny_encoder, pooling="mean")


@pytest.fixture(scope="module")
def exported(model: Path, reviews_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "fp32"
    return export(model, "onnx", out, data=str(reviews_file)).folder


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported, tmp_path / "copy"))


@pytest.mark.parametrize("how", ["mean", "max"])
def test_windows_are_combined_as_before(how: Any, exported: Path, model: Path) -> None:
    """The graph knows nothing of windows: one graph serves any long-text policy."""
    text = TextConfig(max_tokens=9, policy="windows", stride=3, window_pooling=how)
    found = []
    for folder in (model, exported):
        loaded = artifact.load(folder)
        inner = loaded.model
        own = (
            type(inner)(inner.session, inner.classes, how)
            if folder == exported
            else type(inner)(inner.stock, inner.pooling, how)
        )
        spec = loaded.spec.model_copy(update={"text": text})
        again = artifact.Loaded(own, loaded.tokenizer, spec, loaded.seen_prints_N)
        classifier = Classifier(again, plan("cpu", "fp32"))
        found.append(classifier.probabilities(TEXTS))
    np.testing.assert_allclose(found[1], found[0], atol=2e-5)
    assert not np.allclose(found[0], answers(model), atol=1e-3)


@pytest.fixture
def written(exported: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Spare torch's translation: what would be written is the graph at hand, changed or not."""

    def instead(change: Any = lambda graph: None) -> None:
        def write(_: Any, path: Path, *, pairs: bool) -> None:
            assert not pairs
            known = onnx.load(exported / "model.onnx")
            change(known.graph)
            onnx.save(known, path)

        monkeypatch.setattr(graph, "write", write)

    return instead


def scaled(by: float) -> Any:
    """Multiply the logits."""

    def change(known: Any) -> None:
        for node in known.node:
            node.output[:] = ["raw" if name == "logits" else name for name in node.output]
        known.initializer.append(onnx.numpy_helper.from_array(np.float32(by), "by"))
        known.node.append(onnx.helper.make_node("Mul", ["raw", "by"], ["logits"]))

    return change


def size(tensor: Any) -> int:
    return int(onnx.numpy_helper.to_array(tensor).nbytes)


def test_int8_is_smaller_and_close(
    model: Path, exported: Path, reviews_file: Path, tmp_path: Path, written: Any
) -> None:
    written()
    done = export(model, "onnx-int8", tmp_path / "int8", data=str(reviews_file), max_differ=0.1)
    known = onnx.load(done.folder / "model.onnx").graph
    before = onnx.load(exported / "model.onnx").graph
    assert "MatMulInteger" in {node.op_type for node in known.node}
    assert done.bytes == (done.folder / "model.onnx").stat().st_size
    assert sum(map(size, known.initializer)) < sum(map(size, before.initializer)) / 2
    difference = np.abs(answers(done.folder) - answers(model))
    assert 0 < difference.mean() < 0.05
    # One scale serves a whole batch, so an answer must not share its batch with other texts.
    np.testing.assert_array_equal(answers(done.folder, chunk=1), answers(done.folder))
    assert artifact.read_spec(done.folder).weights == "onnx-int8"
    assert [path.name for path in done.folder.iterdir() if path.is_dir()] == []


def test_int8_products_cannot_overflow_anywhere(exported: Path, tmp_path: Path) -> None:
    """Two of 8 bits exceed the 16 in which a processor without VNNI adds them."""
    graph.quantise(exported / "model.onnx", tmp_path / "int8.onnx")
    known = onnx.load(tmp_path / "int8.onnx").graph
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in known.initializer}
    matrices = [node.input[1] for node in known.node if node.op_type == "MatMulInteger"]
    assert len(matrices) >= 12  # six a layer
    assert max(np.abs(weights[name].astype(int)).max() for name in matrices) <= 64


@pytest.mark.slow
def test_large_weights_get_a_file_of_their_own(
    model: Path, reviews_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for models beyond the 2 GB of protobuf; it is verified as all others."""
    monkeypatch.setattr(graph, "ONE_FILE_BYTES", 0)
    for weights in ("onnx", "onnx-int8"):
        out = tmp_path / weights
        done = export(model, weights, out, data=str(reviews_file), max_differ=0.1)
        np.testing.assert_allclose(answers(out), answers(model), atol=0.1)
    assert done.bytes == (out / "model.onnx").stat().st_size  # int8 is small enough for one file
    with (tmp_path / "onnx" / "model.onnx.data").open("r+b") as file:
        file.write(b"\1")
    with pytest.raises(ArtifactError, match=r"model\.onnx\.data was changed"):
        Classifier.load(tmp_path / "onnx")


def test_a_model_that_answers_otherwise_leaves_nothing(
    model: Path, reviews_file: Path, tmp_path: Path, written: Any
) -> None:
    written(scaled(-1))
    with pytest.raises(ExportError, match=r"labels differ .*allowed 0\.10%.*Nothing was kept"):
        export(model, "onnx", tmp_path / "out", data=str(reviews_file))
    assert list(tmp_path.iterdir()) == []
    assert ExportError.exit_code == 1


def test_fp32_with_the_same_labels_and_other_probabilities_is_refused(
    model: Path, reviews_file: Path, tmp_path: Path, written: Any
) -> None:
    written(scaled(2))
    with pytest.raises(ExportError, match=r" 0 of .* answers labels differ .*should be the same"):
        export(model, "onnx", tmp_path / "out", data=str(reviews_file))
    assert list(tmp_path.iterdir()) == []


def test_what_torch_cannot_write_is_said_in_one_line(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any, input_ids: Any, attention_mask: Any) -> None:
        raise RuntimeError("no such operator\nand much more")

    monkeypatch.setattr(graph.Pieces, "forward", refuse)
    with pytest.raises(
        ExportError, match=r"this bert model as ONNX: RuntimeError: no such op"
    ) as e:
        graph.write(artifact.load(model).model, tmp_path / "model.onnx")
    assert "much more" not in str(e.value)


class Fake:
    """Answers each text as told, and remembers how it was asked."""

    def __init__(self, probability: Any) -> None:
        self.probability = probability
        self.asked: list[tuple[int, int]] = []

    def probabilities(self, cleaned: list[str], *, chunk: int = 2048) -> np.ndarray:
        self.asked.append((len(cleaned), chunk))
        first_N = np.array([self.probability(text, chunk) for text in cleaned])
        return np.stack([first_N, 1 - first_N], axis=1)

    def answers(self, probabilities_NC: np.ndarray) -> Answers:
        return answer(probabilities_NC, None)


def compared(original: Any, exported: Any, limit: float = 0.0) -> artifact.Gate:
    chosen = Texts([str(n) for n in range(64)], "numbers.")
    return gate.compare(Fake(original), Fake(exported), chosen, limit)  # type: ignore[arg-type]


def test_the_comparison_counts_labels_and_measures_probabilities() -> None:
    found = compared(lambda text, _: 0.75, lambda text, _: 0.25 if text == "1" else 0.75)
    assert (found.texts, found.answers) == (64, 64 + 4 + 16)
    assert found.differ == pytest.approx(1 / 84)
    assert found.max_difference == pytest.approx(0.5)
    assert found.mean_difference == pytest.approx(0.5 / 84)


@pytest.mark.parametrize("size", [1, 8])
def test_a_fault_of_single_texts_or_of_mixed_batches_is_found(size: int) -> None:
    found = compared(lambda *_: 0.75, lambda text, chunk: 0.25 if chunk == size else 0.75)
    assert found.differ > 0


def test_answers_that_are_no_numbers_never_pass() -> None:
    with pytest.raises(ExportError, match="no numbers"):
        compared(lambda *_: 0.75, lambda *_: float("nan"), limit=1.0)


def test_the_limit_itself_passes() -> None:
    found = compared(lambda *_: 0.75, lambda *_: 0.25, limit=1.0)
    gate.check(found, Path("m"), "onnx-int8")
    with pytest.raises(ExportError, match=r"in 84 of 84 answers .* 64 texts, some"):
        gate.check(found.model_copy(update={"limit": 0.99}), Path("m"), "onnx-int8")


def test_an_existing_folder_is_never_overwritten(model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("mine", "link"):
        with pytest.raises(ConfigError, match=f"{name} exists and is never overwritten"):
            export(model, "onnx", tmp_path / name)
    with pytest.raises(ConfigError, match=r"there is no folder .*/not"):
        export(model, "onnx", tmp_path / "not" / "there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "mine"]


def test_mistakes_are_found_before_anything_is_computed(model: Path, exported: Path) -> None:
    with pytest.raises(ConfigError, match="'onnx8' is not one of 'onnx', 'onnx-int8'"):
        export(model, "onnx8")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="max_differ = 5 is not a share"):
        export(model, "onnx", max_differ=5)
    with pytest.raises(ConfigError, match="was exported already, as onnx"):
        export(exported, "onnx-int8")
    with pytest.raises(ArtifactError, match="is not there"):
        export(model / "nothing", "onnx")


@pytest.mark.parametrize("missing", ["onnxruntime", "onnxscript"])
def test_a_missing_extra_is_named(
    missing: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=r"pip install 'plaudit\[onnx\]'"):
        export(model, "onnx", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_graph_is_found_and_named(copy: Path) -> None:
    raw = bytearray((copy / "model.onnx").read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / "model.onnx").write_bytes(raw)
    with pytest.raises(ArtifactError, match=r"model\.onnx was changed since it was saved"):
        Classifier.load(copy)


def test_a_graph_that_is_not_in_the_manifest_is_not_run(copy: Path) -> None:
    manifest = json.loads((copy / "plaudit.json").read_text())
    del manifest["files"]["model.onnx"]
    (copy / "plaudit.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"model\.onnx is not in the manifest"):
        Classifier.load(copy)


def test_a_manifest_cannot_name_files_outside(copy: Path) -> None:
    manifest = json.loads((copy / "plaudit.json").read_text())
    manifest["files"]["../elsewhere"] = "0"
    (copy / "plaudit.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"\.\./elsewhere is not a file of this folder"):
        Classifier.load(copy)


def test_a_folder_from_before_there_were_exports_still_loads(model: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(model, tmp_path / "old"))
    manifest = json.loads((old / "plaudit.json").read_text())
    for key in ("weights", "exported"):
        del manifest[key]
    (old / "plaudit.json").write_text(json.dumps(manifest))
    assert Classifier.load(old).spec.weights == "torch"


def test_the_manifest_says_what_it_came_from(model: Path, exported: Path) -> None:
    spec, own = artifact.verify(exported), json.loads((model / "plaudit.json").read_text())
    assert spec.weights == "onnx"
    assert spec.exported is not None
    assert spec.exported.weights_sha256 == own["files"]["model.safetensors"]
    assert spec.exported.gate is not None
    assert (spec.exported.gate.differ, spec.exported.gate.limit) == (0.0, 0.001)
    assert artifact.load(exported).seen_prints_N.tolist() == [3, 5]
    assert (exported.stat().st_mode & 0o777) == 0o755
    config = json.loads((exported / "config.json").read_text())
    assert config["num_hidden_layers"] == 2  # the saved form of mean pooling has one more


def test_no_file_of_an_export_is_a_pickle(exported: Path) -> None:
    assert {p.suffix for p in exported.iterdir()} <= {".json", ".npy", ".onnx"}


@pytest.mark.parametrize("report", ["{", "[]", '{"schema": 0}', '{"model": {"encoder": "x"}}'])
def test_a_report_that_cannot_be_shown_does_not_stop_the_export(
    report: str, model: Path, reviews_file: Path, tmp_path: Path, written: Any
) -> None:
    """It is for people, and theirs to edit."""
    written()
    edited = Path(shutil.copytree(model, tmp_path / "model"))
    (edited / "report.json").write_text(report)
    said: list[str] = []
    done = export(edited, "onnx", data=str(reviews_file), say=said.append)
    assert any("no report is copied" in line for line in said)
    assert not (done.folder / "report.json").exists()
    artifact.verify(done.folder)


@pytest.fixture(scope="module")
def finished(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> run.Run:
    config = load(
        None,
        ["name=tiny", "text.max_tokens=32", "train.batch_tokens=256", "optim.lr=5e-3",
         "train.epochs=1", "split.validation_size=40", "split.test_size=60",
         "evaluate.bootstrap=100", f"data.train={reviews_file}", f"model.encoder={tiny_encoder}",
         f"out={tmp_path_factory.mktemp('runs')}"],
    )  # fmt: skip
    return run.train(config)


def test_where_the_original_answers_in_bf16_that_is_compared_too_and_refuses_nothing(
    finished: run.Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def compared(original: Any, exported: Any, chosen: gate.Texts, limit: float) -> artifact.Gate:
        asked.append(original.engine.compute.precision)
        found = own(original, exported, chosen, limit)
        far = {"differ": 0.5, "max_difference": 0.25, "mean_difference": 0.125}
        return found if asked[-1] == "fp32" else found.model_copy(update=far)

    own = gate.compare
    monkeypatch.setattr(gate, "compare", compared)
    for precision in ("bf16", "fp32"):
        compute = Compute("cpu", precision, "test")
        monkeypatch.setattr(artifact.Loaded, "compute", lambda *_, compute=compute, **__: compute)
        done = export(finished.model, "onnx", tmp_path / precision)
        document = json.loads(json.dumps(done.to_dict()))
        said = [line for line in lines(done) if "in bf16 on this machine" in line]
        if precision == "fp32":
            assert document["in_bf16"] is None
            assert not said
            continue
        assert document["in_bf16"]["differ"] == 0.5
        assert document["gate"]["differ"] == 0.0
        count = round(0.5 * done.gate.answers)
        assert f"labels of {count} differ, probabilities by 0.25 at most" in said[0]
    assert asked == ["fp32", "bf16", "fp32"]


def test_a_run_s_model_is_compared_on_what_was_held_out(finished: run.Run) -> None:
    said: list[str] = []
    done = export(finished.model, "onnx", say=said.append)
    assert done.folder == finished.folder / "model-onnx"
    assert "held out before training" in done.gate.data
    assert done.gate.texts >= 60
    assert any("held out before training" in line for line in said)
    assert any(
        line.startswith("labels that differ from the original in fp32: in 0 of ")
        for line in lines(done)
    )
    assert json.loads(json.dumps(done.to_dict()))["gate"]["differ"] == 0.0

    data = finished.report["data"]["asked"]
    before, after = run.evaluate(finished.model, data), run.evaluate(done.folder, data)
    assert after["split"] == "test"
    assert after["metrics"]["accuracy"] == before["metrics"]["accuracy"]
    assert after["overlap"] == before["overlap"]
    whole = run.evaluate(done.folder, data, split="all")
    assert whole["overlap"]["rows"] == 180

    report = json.loads((done.folder / "report.json").read_text())
    assert report["test"] == finished.report["test"]
    assert report["exported"]["format"] == "onnx"
    for name in ("README.md", "report.html"):
        assert "exported as onnx" in (done.folder / name).read_text()
    run.rebuild_report(done.folder)
    artifact.verify(done.folder)


class AskedError(Exception):
    """The network was asked."""


def test_the_network_is_never_asked(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reachable(*_: Any, **__: Any) -> None:
        raise AskedError

    def nothing(*_: Any) -> None:
        raise DataError("no bundled reviews here")

    for name in ("PLAUDIT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("plaudit.data.imdb.reachable", reachable)
    monkeypatch.setattr("plaudit.data.network.reachable", reachable)
    monkeypatch.setattr("plaudit.data.places.of_bundled", nothing)
    spec = artifact.read_spec(model)
    for data in ("imdb", "hub:stanfordnlp/imdb"):
        with pytest.raises(DataError, match="Name some with --data"):
            gate.texts(spec.model_copy(update={"data": data}), None, lambda _: None)
        with pytest.raises(DataError, match="uses no network"):
            gate.texts(spec, data, lambda _: None)
    assert "PLAUDIT_OFFLINE" not in os.environ


def test_texts_of_all_lengths_are_taken(model: Path, tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    with file.open("w") as stream:
        for n in range(1000):
            row = {"text": "film " * (20 + n), "label": ("negative", "positive")[n % 2]}
            stream.write(json.dumps(row) + "\n")
    chosen = gate.texts(artifact.read_spec(model), str(file), lambda _: None).texts
    words = sorted(len(text.split()) for text in chosen)
    assert len(chosen) == 256 + 32
    assert words[:32] == [8] * 32
    assert (words[32], words[-1]) == (20, 1019)
    halves = [np.mean([len(t) for t in chosen[i::2]]) for i in (0, 1)]
    assert 0.7 < halves[0] / halves[1] < 1.4
    first, second = chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]
    assert 0.7 < np.mean([*map(len, first)]) / np.mean([*map(len, second)]) < 1.4
