"""A model of words beside the encoder: every verb answers by both, and says so."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from plaudit import artifact, ngrams, run
from plaudit.ablate.trial import Bench
from plaudit.config import check, load
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprint
from plaudit.errors import ArtifactError, ConfigError
from plaudit.evaluate import mix
from plaudit.evaluate.cascade import Cascade
from plaudit.evaluate.predictions import PREDICTIONS, read
from plaudit.explain import explain
from plaudit.predict import Classifier
from plaudit.run import consulting
from plaudit.run.watching import Silent
from tests.run.test_training import Notes, configured

FIT = "ngrams.weight=fit"
OTHER_WORDS = (
    ("ngram_weight", 9.0),
    ("ngram_cascade", {"lead": 1.0, "known": 3, "scale": 2.0}),
    (artifact.NGRAMS, "0" * 64),
)


@pytest.fixture(scope="module")
def made(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[run.Run, list[str]]:
    out = tmp_path_factory.mktemp("runs")
    notes = Notes()
    config = configured(
        reviews_file, tiny_encoder, out, FIT, "train.epochs=1", "evaluate.baseline=false"
    )
    with pytest.MonkeyPatch.context() as patch:
        for page in ("plaudit.report.html.render", "plaudit.report.card.render"):
            patch.setattr(page, lambda document: "")
        return run.train(config, watcher=notes), notes.lines


def texts_of(file: Path) -> list[str]:
    return [json.loads(line)["text"] for line in file.read_text().splitlines()]


def test_the_saved_model_answers_by_both(made: tuple[run.Run, list[str]], reviews_file: Path):
    done, _ = made
    about, classifier = done.report["ngrams"], Classifier.load(done.model)
    texts = [clean(text) for text in texts_of(reviews_file)[:30]]
    words = ngrams.NgramModel.load(done.model / artifact.NGRAMS, 2)
    encoded = classifier.encoder.encode(texts)
    alone_NC = classifier.engine.logits(encoded, pad_id=classifier.encoder.pad_id)
    both_NC = alone_NC + about["weight"] * words.logits(texts)
    assert about["weight"] > 0.1
    assert classifier.logits(texts) == pytest.approx(both_NC, abs=1e-5)
    assert classifier.probabilities(texts) == pytest.approx(classifier.calibrated(both_NC))
    assert not np.allclose(classifier.probabilities(texts), classifier.calibrated(alone_NC))


def test_words_are_learnt_from_training_rows_alone(
    made: tuple[run.Run, list[str]], reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    done, _ = made
    config = configured(reviews_file, tiny_encoder, tmp_path, FIT)
    prepared = Bench(tmp_path, Silent()).prepared(config)
    train = prepared.train
    again = ngrams.fit(train.texts, train.targets_N, 2)
    assert (again.logits(train.texts) == words_of(done).logits(train.texts)).all()


def words_of(done: run.Run) -> ngrams.NgramModel:
    return ngrams.NgramModel.load(done.model / artifact.NGRAMS, 2)


def test_the_report_says_what_each_part_and_both_are_worth(
    made: tuple[run.Run, list[str]],
) -> None:
    done, lines = made
    about = done.report["ngrams"]
    assert about["fitted"] is True
    assert about["rows"] == done.report["data"]["rows"]["validation"]
    assert about["features"] == len(words_of(done).columns_F)
    encoder, both = (about["validation"][name] for name in ("encoder", "both"))
    assert both["log_loss"] < encoder["log_loss"]
    assert set(about["validation"]) == {"encoder", "ngrams", "both"}
    # Calibration and decision are fitted on both together.
    fitted = done.report["calibration"]["validation"]["after"]["log_loss"]
    assert fitted == pytest.approx(both["log_loss"], abs=1e-9)
    assert any("A model of words counts beside the encoder" in line for line in lines)
    explained = done.report["explanation"]
    assert explained["failed"] is None
    assert explained["faithfulness"]["below_reverse"]["value"] > 0
    assert "a model of words answers" in done.report["model"]["pipeline_note"]


def test_evaluate_and_predict_answer_as_the_run_did(
    made: tuple[run.Run, list[str]], reviews_file: Path
) -> None:
    done, _ = made
    result = run.evaluate(done.model, str(reviews_file))
    assert result["confusion"] == done.report["test"]["confusion"]
    rows = {fingerprint(clean(text)): text for text in texts_of(reviews_file)}
    kept = read(done.folder / PREDICTIONS)
    found = Classifier.load(done.model).predict([rows[int(each)] for each in kept.prints_N])
    labels = [kept.labels.index(each.label) for each in found]
    assert labels == kept.predicted_N.tolist()


def test_an_explanation_is_of_both_and_of_the_whole_text(
    made: tuple[run.Run, list[str]], reviews_file: Path
) -> None:
    done, _ = made
    classifier, words = Classifier.load(done.model), words_of(done)
    text = " ".join(texts_of(reviews_file)[:12])  # more than the encoder reads
    [found] = explain(classifier, [text], method="integrated-gradients")
    assert found.delta is not None
    assert abs(found.delta) < 0.05
    assert found.probability == pytest.approx(classifier.predict([text])[0].probability, abs=1e-3)
    assert all(word.score is not None for word in found.words)
    alone = Classifier.load(done.model)
    alone._ngrams = None
    [encoder] = explain(alone, [text], target=found.target)
    [both] = explain(classifier, [text])
    unread = [n for n, word in enumerate(encoder.words) if word.score is None]
    assert unread
    spans_T2, adds_TC = words.pushes(found.text)
    way = 1 if found.target == classifier.labels[1] else -1
    for n, (mine, its) in enumerate(zip(both.words, encoder.words, strict=True)):
        within_T = (spans_T2[:, 0] >= mine.start) & (spans_T2[:, 1] <= mine.end)
        adds = way * (adds_TC[within_T, 1] - adds_TC[within_T, 0]).sum()
        wanted = (its.score or 0.0) + done.report["ngrams"]["weight"] * adds
        assert mine.score == pytest.approx(wanted, abs=1e-4), n


@pytest.fixture(scope="module")
def quick(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[run.Run, list[str]]:
    """Words that do not count beside the encoder, and answer in its place."""
    out, notes = tmp_path_factory.mktemp("runs"), Notes()
    settings = ("ngrams.cascade=0.05", "train.epochs=1", "evaluate.baseline=false")
    config = configured(reviews_file, tiny_encoder, out, *settings)
    return run.train(config, watcher=notes), notes.lines


def test_the_encoder_is_not_asked_where_words_are_sure(
    quick: tuple[run.Run, list[str]], reviews_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, _ = quick
    classifier, words = Classifier.load(done.model), words_of(done)
    texts = [clean(text) for text in texts_of(reviews_file)]
    encoder = classifier.encoder
    own_NC = classifier.engine.logits(encoder.encode(texts), pad_id=encoder.pad_id)
    words_NC, known_N = words.read(texts)
    cascade = classifier.spec.ngram_cascade
    assert cascade is not None
    sure_N = (abs(words_NC[:, 1] - words_NC[:, 0]) >= cascade.lead) & (known_N >= cascade.known)
    assert 0 < sure_N.sum() < len(texts)
    assert classifier.answered_by_words(texts).tolist() == sure_N.tolist()
    wanted_NC = np.where(sure_N[:, None], cascade.scale * words_NC, own_NC)
    asked: list[int] = []

    class Counting:
        pad_id = encoder.pad_id

        def encode(self, given: list[str]) -> object:
            asked.append(len(given))
            return encoder.encode(given)

    monkeypatch.setattr(classifier, "_encoder", Counting())
    assert classifier.logits(texts) == pytest.approx(wanted_NC, abs=1e-5)
    assert asked == [int((~sure_N).sum())]
    sure = [text for text, own in zip(texts, sure_N, strict=True) if own]
    assert len(classifier.predict(sure)) == len(sure)
    assert len(asked) == 1, "and where all are sure, of nothing"
    assert classifier.in_full().logits(texts) == pytest.approx(own_NC, abs=1e-5)


def test_the_report_says_how_often_words_answer_alone(
    quick: tuple[run.Run, list[str]], tmp_path: Path
) -> None:
    done, lines = quick
    about, classifier = done.report["ngrams"], Classifier.load(done.model)
    config = load(str(done.folder / "config.toml"))
    validation = Bench(tmp_path, Silent()).prepared(config).validation
    sure_N = classifier.answered_by_words(validation.texts)
    assert about["weight"] == 0.0
    cascade = about["cascade"]
    assert cascade["share"] == pytest.approx(sure_N.mean())
    always_N = classifier.in_full().logits(validation.texts).argmax(axis=1)
    changed_N = words_of(done).logits(validation.texts).argmax(axis=1) != always_N
    assert cascade["changed"] == pytest.approx((changed_N & sure_N).mean())
    assert cascade["changed"] <= 0.05
    fitted = classifier.spec.ngram_cascade.model_dump()
    assert cascade == fitted | {name: cascade[name] for name in ("share", "changed")}
    share = f"{sure_N.mean():.1%}"
    [line] = [each for each in lines if each.startswith("A model of words")]
    assert line.startswith(
        f"A model of words answers in the encoder's place where it is sure ({share}"
    )
    assert "accuracy" in line
    for page in ("report.html", "README.md"):
        told = (done.model / page).read_text(encoding="utf-8")
        assert "in the encoder's place" in told.replace("&#39;", "'").replace("In the", "in the")
        assert share in told
    assert done.report["model"]["transformers"] is False
    assert "a model of words" in done.report["model"]["pipeline_note"]
    fitted = done.report["calibration"]["validation"]["after"]["log_loss"]
    assert fitted == pytest.approx(about["validation"]["both"]["log_loss"], abs=1e-9)


def test_a_teacher_is_asked_in_full(quick: tuple[run.Run, list[str]], reviews_file: Path) -> None:
    """Its words have learnt the texts that its student learns from, and would answer them all."""
    done, _ = quick
    config = load(None, [f"distill.teacher={done.model}", "distill.temperature=1"])
    asked, _ = consulting._asked(
        config, "distill.teacher", str(done.model), Classifier.load(done.model).labels
    )
    texts = [clean(text) for text in texts_of(reviews_file)]
    encoded = asked.encoder.encode(texts)
    wanted_NC = asked.engine.logits(encoded, pad_id=asked.encoder.pad_id)
    assert asked.logits(texts) == pytest.approx(wanted_NC, abs=1e-5)


def test_words_that_are_nowhere_sure_leave_no_trace_in_the_model(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mix, "fit_cascade", lambda *given: None)
    notes, settings = Notes(), ("ngrams.cascade=0.05", "train.epochs=1", "report.explain=false")
    done = run.train(configured(reviews_file, tiny_encoder, tmp_path, *settings), watcher=notes)
    assert any("Words are nowhere sure enough to answer" in line for line in notes.lines)
    assert done.report["ngrams"]["cascade"] is None
    assert done.report["model"]["transformers"] is True
    assert "words" not in done.report["model"]["pipeline_note"]
    assert not (done.model / artifact.NGRAMS).exists()


def test_few_validation_texts_give_no_cascade_and_a_line(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, unrendered: None
) -> None:
    notes, settings = (
        Notes(),
        (FIT, "ngrams.cascade=0.02", "train.epochs=1", "report.explain=false"),
    )
    done = run.train(configured(reviews_file, tiny_encoder, tmp_path, *settings), watcher=notes)
    assert done.report["ngrams"]["cascade"] is None
    assert any("40 validation texts are too few to show so small" in line for line in notes.lines)


def test_a_comparison_whose_halves_cannot_show_a_cascade_is_refused(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    settings = ("ngrams.cascade=0.03", "train.epochs=1")
    config = configured(reviews_file, tiny_encoder, tmp_path, *settings)
    bench = Bench(tmp_path, Silent())
    with pytest.raises(ConfigError, match=r"half of 40 cannot .* in 33.*validation_size to 67"):
        bench.train(config, 0, tmp_path / "trial", None)


def test_a_threshold_and_a_cascade_are_refused_together() -> None:
    with pytest.raises(ConfigError, match=r"ngrams\.cascade keeps the likeliest labels"):
        check(load(None, ["ngrams.cascade=0.01", "decide.threshold=f1"]))


def test_a_column_that_is_called_as_the_parts_are_is_refused(
    quick: tuple[run.Run, list[str]], reviews_file: Path
) -> None:
    with pytest.raises(ConfigError, match=r"'answered by'.*Name the column otherwise"):
        run.evaluate(quick[0].model, str(reviews_file), by=["answered by"])


def test_bench_tells_of_texts_that_no_encoder_reads(
    quick: tuple[run.Run, list[str]], reviews_file: Path
) -> None:
    from plaudit.bench.compare import bench
    from plaudit.bench.table import table

    document = bench(quick[0].model, data=str(reviews_file), rows=40, rounds=1)
    [row] = document["models"]
    classifier = Classifier.load(quick[0].model)
    for name in ("short", "long"):
        found = row["throughput"][name]
        assert 0.0 < found["by_words"] <= 1.0
        assert (found["tokens"] == 0) == (found["by_words"] == 1.0)
    names = [line[0] for line in table(document)[1]]
    assert names.count("  of them by words") == 2
    assert classifier.spec.ngram_cascade is not None


def test_the_graph_of_an_export_is_compared_where_words_answer_too(
    quick: tuple[run.Run, list[str]], reviews_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    from plaudit.errors import ExportError
    from plaudit.export import export
    from plaudit.model.onnx import OnnxModel

    honest = OnnxModel.logits
    wrong = lambda self, encoded, *, pad_id: -honest(self, encoded, pad_id=pad_id)  # noqa: E731
    monkeypatch.setattr(OnnxModel, "logits", wrong)
    monkeypatch.setattr(Cascade, "sure", lambda self, quick_NC, known_N: known_N >= 0)
    with pytest.raises(ExportError, match="differ"):
        export(quick[0].model, "onnx", data=str(reviews_file))


def test_what_answers_quickly_answers_alike_everywhere(
    quick: tuple[run.Run, list[str]], reviews_file: Path
) -> None:
    pytest.importorskip("onnxruntime")
    from plaudit.export import export

    done, _ = quick
    result = run.evaluate(done.model, str(reviews_file))
    assert result["confusion"] == done.report["test"]["confusion"]
    [of_run], [own] = (
        [each["groups"] for each in found["slices"] if each["by"] == "answered by"]
        for found in (done.report, result)
    )
    assert own == of_run
    kept = read(done.folder / PREDICTIONS)
    rows = {fingerprint(clean(text)): clean(text) for text in texts_of(reviews_file)}
    alone_N = Classifier.load(done.model).answered_by_words(
        [rows[int(each)] for each in kept.prints_N]
    )
    assert {each["value"]: each["rows"] for each in own} == {
        "words alone": alone_N.sum(), "encoder": (~alone_N).sum()
    }  # fmt: skip
    texts = texts_of(reviews_file)
    exported = export(done.model, "onnx", data=str(reviews_file))
    first, second = (Classifier.load(each) for each in (done.model, exported.folder))
    assert second.answered_by_words(texts).tolist() == first.answered_by_words(texts).tolist()
    answers = first.predict(texts)
    assert [each.probability for each in answers] == pytest.approx(
        [each.probability for each in second.predict(texts)], abs=1e-4
    )
    for answer, found in zip(answers[:12], explain(first, texts[:12]), strict=True):
        assert found.probability == pytest.approx(answer.probability, abs=1e-3)


def test_plain_transformers_refuses_it(made: tuple[run.Run, list[str]]) -> None:
    import transformers

    with pytest.raises(OSError, match="no file named"):
        transformers.AutoModelForSequenceClassification.from_pretrained(made[0].model)


def test_an_export_answers_by_both(made: tuple[run.Run, list[str]], reviews_file: Path) -> None:
    pytest.importorskip("onnxruntime")
    from plaudit.export import export

    exported = export(made[0].model, "onnx", data=str(reviews_file))
    texts = texts_of(reviews_file)[:40]
    first, second = (
        Classifier.load(each).predict(texts) for each in (made[0].model, exported.folder)
    )
    assert [each.probability for each in first] == pytest.approx(
        [each.probability for each in second], abs=1e-4
    )
    assert (exported.folder / artifact.NGRAMS).is_file()
    with pytest.raises(ConfigError, match="has no gradients"):
        explain(exported.folder, ["a good film"])


def test_a_changed_or_missing_file_of_words_is_named(
    made: tuple[run.Run, list[str]], tmp_path: Path
) -> None:
    for n, spoil in enumerate((Path.unlink, lambda path: path.write_bytes(b"other"))):
        copy = tmp_path / str(n)
        shutil.copytree(made[0].model, copy)
        spoil(copy / artifact.NGRAMS)
        with pytest.raises(ArtifactError, match=r"ngrams\.safetensors (is missing|was changed)"):
            artifact.load(copy)
    manifest = json.loads((made[0].model / artifact.MANIFEST).read_text())
    del manifest["files"][artifact.NGRAMS]
    (copy / artifact.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"ngrams\.safetensors is not in the manifest"):
        artifact.load(copy)


def test_a_model_with_other_words_is_another_model(
    made: tuple[run.Run, list[str]], tmp_path: Path
) -> None:
    """As a teacher whose answers are kept, or as what a run that is resumed was started with."""
    own = artifact.weights_sha256(made[0].model)
    for n, (what, value) in enumerate(OTHER_WORDS):
        copy = tmp_path / str(n)
        shutil.copytree(made[0].model, copy)
        manifest = json.loads((copy / artifact.MANIFEST).read_text())
        (manifest["files"] if what == artifact.NGRAMS else manifest)[what] = value
        (copy / artifact.MANIFEST).write_text(json.dumps(manifest))
        assert artifact.weights_sha256(copy) != own


@pytest.mark.parametrize("asked", ["fit", "0.5", "0"])
def test_a_comparison_does_not_judge_rows_by_a_weight_of_their_own(
    asked: str, reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    settings = (f"ngrams.weight={asked}", "train.epochs=1", "evaluate.baseline=false")
    config = configured(reviews_file, tiny_encoder, tmp_path, *settings)
    bench = Bench(tmp_path, Silent())
    made = bench.train(config, 0, tmp_path / "trial", None)
    data, _ = bench.data(config)
    plain = config.model_copy(update={"ngrams": load(None, []).ngrams})
    alone = bench.train(plain, 0, tmp_path / "plain", None).answers
    validation = data.prepared.validation
    logits_NC = np.log(alone.probabilities_NC)
    words_NC, known_N = data.ngrams.read(validation.texts)
    wanted_NC = {
        "fit": lambda: mix.crossed(
            logits_NC, (words_NC, known_N), validation.targets_N, weight="fit", most=0.0
        ),
        "0.5": lambda: logits_NC + 0.5 * words_NC,
        "0": lambda: logits_NC,
    }[asked]()
    exp_NC = np.exp(wanted_NC)
    wanted_NC = exp_NC / exp_NC.sum(axis=1, keepdims=True)
    assert made.answers.probabilities_NC == pytest.approx(wanted_NC, abs=2e-3)


def test_without_validation_the_weight_must_be_given(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    blind = ["split.validation_size=0", "train.epochs=1", "evaluate.baseline=false"]
    with pytest.raises(ConfigError, match=r"ngrams\.weight is fit, but there is no validation"):
        check(configured(reviews_file, tiny_encoder, tmp_path, FIT, *blind))
    with pytest.raises(ConfigError, match=r"ngrams\.cascade is 0.1, but there is no validation"):
        check(configured(reviews_file, tiny_encoder, tmp_path, "ngrams.cascade=0.1", *blind))
    for asked in (FIT, "ngrams.cascade=0.1"):
        with pytest.raises(ConfigError, match=r"ngrams\.\w+ works on one label"):
            load(None, ["data.multilabel=true", asked])
    given = configured(reviews_file, tiny_encoder, tmp_path, "ngrams.weight=0.4", *blind)
    done = run.train(given)
    assert done.report["ngrams"]["validation"] is None
    assert artifact.read_spec(done.model).ngram_weight == 0.4
    assert Classifier.load(done.model).predict(["a good film"])


def test_words_that_validation_gives_no_weight_leave_no_trace_in_the_model(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mix, "fit_weight", lambda *logits: 0.0)
    settings = (FIT, "train.epochs=1", "evaluate.baseline=false", "report.explain=false")
    done = run.train(configured(reviews_file, tiny_encoder, tmp_path, *settings))
    assert done.report["ngrams"]["weight"] == 0.0
    assert done.report["model"]["transformers"] is True
    assert not (done.model / artifact.NGRAMS).exists()
    assert (done.model / artifact.WEIGHTS).is_file()
    assert Classifier.load(done.model).predict(["a good film"])
