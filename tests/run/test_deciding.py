"""A run with a threshold and abstention: every verb decides alike, on the calibrated model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plaudit import artifact, run
from plaudit.cli.lines import scores
from plaudit.config import DecideConfig
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprint
from plaudit.errors import ConfigError, TrainingError
from plaudit.evaluate import calibrate
from plaudit.evaluate.baseline import Baseline
from plaudit.evaluate.predictions import PREDICTIONS, read
from plaudit.model.device import Compute
from plaudit.model.infer import logits
from plaudit.predict import Classifier
from plaudit.run import learning, testing
from tests.run.test_training import Notes, configured

RULE = ["decide.threshold=recall", "decide.target=1.0", "decide.label=negative"]
SETS = ["decide.abstain=conformal", "decide.coverage=0.85"]


@pytest.fixture(scope="module")
def done(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> run.Run:
    out = tmp_path_factory.mktemp("runs")
    # Too short to be sure: a model without mistakes has nothing to decide.
    config = configured(
        reviews_file, tiny_encoder, out, *RULE, *SETS, "train.epochs=1", "evaluate.baseline=false"
    )
    with pytest.MonkeyPatch.context() as patch:
        for page in ("plaudit.report.html.render", "plaudit.report.card.render"):
            patch.setattr(page, lambda document: "")
        return run.train(config)


def test_the_report_says_what_was_fitted_and_what_it_does_on_test(done: run.Run) -> None:
    calibration, decision = done.report["calibration"], done.report["decision"]
    assert calibration["rows"] == 40
    validation = calibration["validation"]
    assert validation["after"]["log_loss"] <= validation["before"]["log_loss"]
    assert sum(each["rows"] for each in calibration["test"]["after"]["bins"]) == 60
    assert calibration["test"]["before"] != calibration["test"]["after"]
    for name in ("ece", "brier", "log_loss"):
        headline = done.report["test"]["metrics"][name]["value"]
        assert headline == pytest.approx(calibration["test"]["after"][name])
    assert decision["threshold"]["label"] == "negative"
    assert decision["threshold"]["validation"]["after"] == 1.0
    assert decision["threshold"]["probability"] > 0.0
    assert decision["abstain"]["promised"] == pytest.approx(35 / 41)
    assert decision["test"]["rows"] == 60
    assert sum(decision["test"]["sets"]["sizes"].values()) == 60
    json.dumps(done.report, allow_nan=False)


def test_predict_and_evaluate_decide_as_the_run_did(done: run.Run, reviews_file: Path) -> None:
    rows = {
        fingerprint(clean(json.loads(line)["text"])): json.loads(line)["text"]
        for line in reviews_file.read_text().splitlines()
    }
    kept = read(done.folder / PREDICTIONS)
    classifier = Classifier.load(done.model)
    found = classifier.predict([rows[int(each)] for each in kept.prints_N])
    assert [classifier.labels.index(each.label) for each in found] == kept.predicted_N.tolist()
    likeliest_N = kept.probabilities_NC.argmax(axis=1)
    assert (likeliest_N != kept.predicted_N).any(), "or the threshold was not put to a test"
    sure = [each for each in found if not each.unsure]
    assert 0 < len(sure) < len(found)
    assert all(each.possible == (each.label,) for each in sure)
    result = run.evaluate(done.model, str(reviews_file))
    assert result["decision"]["test"] == done.report["decision"]["test"]
    assert result["confusion"] == done.report["test"]["confusion"]
    assert result["decision"]["test"]["answered"] == len(sure)
    assert any(f"{len(sure)} of 60 for sure" in line for line in scores(result))


def test_an_export_decides_alike(done: run.Run, reviews_file: Path) -> None:
    pytest.importorskip("onnxruntime")
    from plaudit.export import export

    exported = export(done.model, "onnx", data=str(reviews_file))
    assert exported.gate.differ == 0.0
    texts = [json.loads(line)["text"] for line in reviews_file.read_text().splitlines()[:60]]
    first, second = (Classifier.load(each).predict(texts) for each in (done.model, exported.folder))
    assert [(e.label, e.unsure, e.possible) for e in first] == [
        (e.label, e.unsure, e.possible) for e in second
    ]
    assert any(each.unsure for each in first)


def test_probabilities_are_softmax_of_logits_over_the_temperature(done: run.Run) -> None:
    loaded = artifact.load(done.model)
    assert loaded.spec.decision is not None
    temperature = loaded.spec.decision.temperature
    assert temperature == done.report["calibration"]["temperature"] != 1.0
    classifier = Classifier.load(done.model, device="cpu")
    texts = ["a good film", "awful plot and dull"]
    encoded = classifier._encoder.encode(texts)
    expected = calibrate.softmax(
        logits(loaded.model, encoded, classifier._engine.compute) / temperature
    )
    np.testing.assert_allclose(classifier.probabilities(texts), expected, atol=1e-6)


def test_an_artefact_from_before_there_were_decisions_answers_the_likeliest(done: run.Run) -> None:
    path = done.model / artifact.MANIFEST
    values = json.loads(path.read_text())
    before = dict(values)
    before.pop("decision")
    path.write_text(json.dumps(before))
    try:
        found = Classifier.load(done.model).predict(["a film", "good good", "bad bad"])
    finally:
        path.write_text(json.dumps(values))
    for each in found:
        assert each.probability == max(each.probabilities.values())
        assert not each.unsure
        assert each.possible is None


def test_logits_at_hand_are_those_of_the_saved_model_and_spare_the_encoder(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, unrendered: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[int] = []
    kept: list[np.ndarray] = []
    own, final = learning.logits, learning.Lesson.final_logits

    def counting(model, encoded, *args, **kwargs):
        asked.append(len(encoded))
        return own(model, encoded, *args, **kwargs)

    def keeping(self):
        asked.clear()
        kept.append(final(self))
        return kept[-1]

    monkeypatch.setattr(learning, "logits", counting)
    monkeypatch.setattr(learning.Lesson, "final_logits", keeping)
    config = configured(
        reviews_file, tiny_encoder, tmp_path, "train.epochs=2", "optim.lr=3e-2",
        "train.select=log_loss", "evaluate.baseline=false",
    )  # fmt: skip
    finished = run.train(config)
    assert asked == []
    targets = np.zeros(len(kept[0]), dtype=int)
    loaded = artifact.load(finished.model)
    assert loaded.spec.decision is not None
    assert loaded.spec.decision.rows == len(kept[0]) == len(targets) == 40
    chosen = [r for r in finished.report["training"]["history"]
              if r["step"] == finished.report["training"]["best_step"]]  # fmt: skip
    before = finished.report["calibration"]["validation"]["before"]["log_loss"]
    assert before == pytest.approx(chosen[0]["validation"]["log_loss"], abs=1e-6)


def test_without_validation_data_nothing_is_calibrated_and_one_line_says_so(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, unrendered: None
) -> None:
    notes = Notes()
    config = configured(
        reviews_file, tiny_encoder, tmp_path, "split.validation_size=0", "train.max_steps=1",
        "evaluate.baseline=true", "decide.threshold=cost",
        'decide.costs={"negative" = {"positive" = 0}}',
    )  # fmt: skip
    finished = run.train(config, watcher=notes)
    assert [line for line in notes.lines if "Not calibrated" in line] == [
        "Not calibrated: there is no validation data to fit a temperature on."
    ]
    assert finished.report["calibration"]["temperature"] is None
    # Calling all positive costs nothing; so that is the answer, whatever the probabilities.
    assert {e.label for e in Classifier.load(finished.model).predict(["awful", "good"])} == {
        "positive"
    }
    assert finished.report["decision"]["test"]["mean_cost"] == 0.0
    assert [row[0] for row in finished.report["baseline"]["scores"]["confusion"]] == [0, 0]


@pytest.mark.parametrize("threshold", ["none", "recall"])
def test_the_baseline_answers_by_the_same_rule_fitted_on_the_same_rows(threshold: str) -> None:
    rng = np.random.default_rng(3)
    positive_N = rng.beta(2, 2, 4_000)
    targets_N = (rng.random(4_000) < positive_N).astype(int)
    both_NC = np.stack([1 - positive_N, positive_N], axis=1)
    fit, rest = slice(0, 2_000), slice(2_000, None)
    simple = Baseline("simple", both_NC[rest], 0.0, 0.0, both_NC[fit])
    prepared = SimpleNamespace(
        labels=("no", "yes"), validation=SimpleNamespace(targets_N=targets_N[fit])
    )
    config = DecideConfig(threshold=threshold, target=0.9, abstain="error")
    answers = testing._decided(simple, prepared, config)
    recall = answers.chosen_N[targets_N[rest] == 1].mean()
    plain = (positive_N[rest] > 0.5)[targets_N[rest] == 1].mean()
    assert plain < 0.8
    assert recall == pytest.approx(0.9 if threshold == "recall" else plain, abs=0.05)
    assert not answers.unsure_N.any()


def test_a_label_that_the_data_does_not_have_is_found_before_training(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    config = configured(
        reviews_file, tiny_encoder, tmp_path / "runs", "decide.threshold=f1", "decide.label=postive"
    )
    with pytest.raises(ConfigError, match=r"decide\.label: there is no label 'postive'"):
        run.train(config)
    assert not (tmp_path / "runs").exists()


def test_score_marks_the_rows_of_which_predict_is_unsure(
    done: run.Run, reviews_file: Path, tmp_path: Path
) -> None:
    from plaudit.score import score

    out = tmp_path / "out.jsonl"
    scored = score(done.model, reviews_file, out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    found = Classifier.load(done.model).predict([line["text"] for line in lines])
    assert scored.added == ("predicted_label", "predicted_probability", "predicted_unsure")
    assert [line["predicted_unsure"] for line in lines] == [each.unsure for each in found]
    assert 0 < scored.unsure == sum(each.unsure for each in found) < len(found)


@pytest.mark.parametrize("targets", [np.zeros(4, dtype=int), np.zeros((4, 2), dtype=int)])
def test_weights_that_broke_with_the_last_step_end_training_and_not_the_program(
    targets: np.ndarray,
) -> None:
    class Broken(learning.Lesson):
        def _logits(self, texts: Any) -> np.ndarray:
            return np.array([[0.0, np.nan]] * 4)

    rows = SimpleNamespace(targets_N=targets)
    data = SimpleNamespace(validation=[], prepared=SimpleNamespace(validation=rows))
    compute = Compute("cpu", "fp32", "test")
    lesson = Broken(None, data, compute, None, None, None)  # type: ignore[arg-type]
    with pytest.raises(TrainingError, match=r"no numbers any more.*optim\.lr"):
        lesson.validate()
    assert not lesson.validated
