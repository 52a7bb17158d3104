"""The whole line on a tiny encoder: data, training, artefact, evaluation, report."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit import artifact, run
from plaudit.config import Config, load
from plaudit.data import prepare as preparing
from plaudit.data.clean import clean
from plaudit.data.fingerprint import fingerprint
from plaudit.data.sealed import Sealed
from plaudit.errors import ArtifactError, ConfigError, DataError
from plaudit.model.device import Compute
from plaudit.model.infer import logits
from plaudit.predict import Classifier
from plaudit.text.encode import TextEncoder
from plaudit.text.packing import pack
from plaudit.train.loop import StepRecord

SMALL = [
    "name=tiny", "text.max_tokens=32", "train.batch_tokens=256", "optim.lr=5e-3",
    "train.epochs=3", "split.validation_size=40", "split.test_size=60", "evaluate.bootstrap=100",
]  # fmt: skip


class Notes:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[StepRecord] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def step(self, record: StepRecord) -> None:
        self.steps.append(record)


def configured(data: Path, encoder: Path, out: Path, *more: str) -> Config:
    places = [f"data.train={data}", f"model.encoder={encoder}", f"out={out}"]
    return load(None, [*SMALL, *places, *more])


@pytest.fixture(scope="module")
def done(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[run.Run, Notes]:
    notes = Notes()
    config = configured(reviews_file, tiny_encoder, tmp_path_factory.mktemp("runs"))
    return run.train(config, watcher=notes), notes


def test_it_learns_and_says_how_sure_it_is(done: tuple[run.Run, Notes]) -> None:
    accuracy = done[0].report["test"]["metrics"]["accuracy"]
    assert accuracy["value"] > 0.8
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert done[0].report["test"]["rows"] == 60


def test_the_baseline_stands_beside_it_on_the_same_rows(done: tuple[run.Run, Notes]) -> None:
    baseline = done[0].report["baseline"]
    assert baseline["scores"]["rows"] == 60
    assert baseline["scores"]["metrics"]["accuracy"]["value"] > 0.8
    assert baseline["fit_s"] > 0


def test_the_run_folder_holds_what_made_it(done: tuple[run.Run, Notes]) -> None:
    folder, notes = done[0].folder, done[1]
    config = load(str(folder / "config.toml"))
    assert config.digest() == done[0].report["config_digest"]
    history = (folder / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in history] == [s.step for s in notes.steps]
    names = {path.name for path in done[0].model.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "plaudit.json"} <= names
    assert {"report.json", "report.html", "README.md"} <= names
    assert not list(folder.glob(".*"))


def test_the_artefact_verifies_and_the_report_is_its_own(done: tuple[run.Run, Notes]) -> None:
    spec = artifact.verify(done[0].model)
    assert spec.labels == ("negative", "positive")
    assert json.loads((done[0].model / "report.json").read_text()) == done[0].report


def test_test_was_first_read_after_training_ended(done: tuple[run.Run, Notes]) -> None:
    data = done[0].report["data"]
    assert data["test_first_read"] >= data["training_ended"]


def test_the_test_set_stays_shut_while_training(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row of a test file is read: what stands in it may come when training has ended."""
    events: list[str] = []
    opened = Sealed.open

    def noting(self: Sealed[Any]) -> Any:
        events.append("open")
        return opened(self)

    monkeypatch.setattr(Sealed, "open", noting)
    test_file = tmp_path / "test.jsonl"
    test_file.write_text("no rows yet, and nobody minds")

    class Late(Notes):
        def step(self, record: StepRecord) -> None:
            events.append("step")
            if record.step == record.steps:
                test_file.write_bytes(reviews_file.read_bytes())

    config = configured(
        reviews_file, tiny_encoder, tmp_path / "runs", f"data.test={test_file}", "train.epochs=0.5"
    )
    finished = run.train(config, watcher=Late())
    assert events[-1] == "open"
    assert events.count("open") == 1
    assert finished.report["overlap"] == {"rows": 240, "test_without": None}


def test_a_second_run_does_not_touch_the_first(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    config = configured(reviews_file, tiny_encoder, tmp_path, "train.max_steps=1", "seed=1")
    first, second = run.train(config), run.train(config)
    assert (first.folder.name, second.folder.name) == ("tiny", "tiny-2")


def test_a_run_repeats_exactly(reviews_file: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    config = configured(reviews_file, tiny_encoder, tmp_path, "train.epochs=1", "model.dropout=0.1")
    first, second = run.train(config), run.train(config)
    weights = [r.model / "model.safetensors" for r in (first, second)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_everything_can_be_trained_on(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    """For whoever holds a test set of their own."""
    config = configured(
        reviews_file, tiny_encoder, tmp_path,
        "split.test_size=0", "split.validation_size=0", "train.epochs=1",
    )  # fmt: skip
    finished = run.train(config)
    assert finished.report["data"]["rows"] == {"train": 240, "validation": 0, "test": 0}
    assert finished.report["test"] is None
    assert (finished.model / "report.html").exists()


def test_windows_train_and_predict(reviews_file: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    config = configured(
        reviews_file, tiny_encoder, tmp_path,
        "text.policy=windows", "text.max_tokens=12", "text.stride=2", "text.window_pooling=max",
    )  # fmt: skip
    finished = run.train(config)
    assert finished.report["text"]["tokens_kept"] == finished.report["text"]["tokens_total"]
    assert finished.report["test"]["metrics"]["accuracy"]["value"] > 0.7


def test_many_classes(tiny_encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "stars.csv"
    words = {"1": "awful", "2": "dull", "3": "fine", "4": "great"}
    lines = ["review,stars"]
    for n in range(160):
        stars = str(n % 4 + 1)
        lines.append(f"the film{n} was {' '.join([words[stars]] * 3)},{stars}")
    path.write_text("\n".join(lines) + "\n")
    finished = run.train(configured(path, tiny_encoder, tmp_path / "runs", "train.epochs=6"))
    assert finished.report["data"]["labels"] == ["1", "2", "3", "4"]
    assert finished.report["test"]["metrics"]["macro_f1"]["value"] > 0.8
    assert set(Classifier.load(finished.model).predict(["awful film"])[0].probabilities) == set(
        words
    )


def test_evaluate_on_the_training_table_scores_what_was_held_out(
    done: tuple[run.Run, Notes], reviews_file: Path
) -> None:
    result = run.evaluate(done[0].model, str(reviews_file))
    assert (result["split"], result["rows"], result["overlap"]["rows"]) == ("test", 60, 0)
    assert result["metrics"] == {
        **result["metrics"],
        "accuracy": {**result["metrics"]["accuracy"],
                     "value": done[0].report["test"]["metrics"]["accuracy"]["value"]},
    }  # fmt: skip


def test_evaluate_counts_rows_that_were_trained_on(
    done: tuple[run.Run, Notes], reviews_file: Path
) -> None:
    notes = Notes()
    result = run.evaluate(done[0].model, str(reviews_file), split="all", watcher=notes)
    assert (result["rows"], result["overlap"]["rows"]) == (240, 180)
    assert result["overlap"]["test_without"]["rows"] == 60
    assert any("180 of 240" in line for line in notes.lines)


def test_evaluate_maps_labels_as_training_did(tiny_encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "rated.csv"
    rows = [f"film{n} {'good' if n % 2 else 'bad'},{9 if n % 2 else 2}" for n in range(80)]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    mapping = 'data.labels={"1-4" = "negative", "7-10" = "positive"}'
    finished = run.train(
        configured(path, tiny_encoder, tmp_path / "runs", mapping,
                   "split.validation_size=10", "split.test_size=10")
    )  # fmt: skip
    assert finished.report["data"]["labels"] == ["negative", "positive"]
    other = tmp_path / "other.csv"
    other.write_text("text,label\ngood film,8\nbad film,negative\n")
    assert run.evaluate(finished.model, str(other))["rows"] == 2


def test_a_mapping_onto_names_that_are_also_raw_labels_is_kept(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    """With the labels turned round, accuracy would come out as one minus itself."""
    path = tmp_path / "turned.csv"
    rows = [f"film{n} {'good good' if n % 2 else 'bad bad'},{n % 2}" for n in range(120)]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    finished = run.train(
        configured(path, tiny_encoder, tmp_path / "runs", 'data.labels={"0" = "1", "1" = "0"}')
    )
    accuracy = finished.report["test"]["metrics"]["accuracy"]["value"]
    assert accuracy > 0.9
    again = run.evaluate(finished.model, str(path), split="all")
    assert again["metrics"]["accuracy"]["value"] > 0.9


def test_columns_of_training_are_used_again(tiny_encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"x{n % 3},film{n} {'good' if n % 2 else 'bad'},{n % 2},{n % 2}" for n in range(80)]
    path.write_text("\n".join(["title,body,label,class", *rows]) + "\n")
    finished = run.train(
        configured(path, tiny_encoder, tmp_path / "runs", "data.text=body", "data.label=class",
                   "split.validation_size=10", "split.test_size=10")
    )  # fmt: skip
    assert run.evaluate(finished.model, str(path))["rows"] == 10
    other = tmp_path / "other.csv"
    other.write_text("text,label\ngood film,1\nbad film,0\n")
    assert run.evaluate(finished.model, str(other))["rows"] == 2


def test_nothing_is_called_held_out_that_was_trained_on(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    test_file = tmp_path / "test.jsonl"
    test_file.write_text("\n".join(reviews_file.read_text().splitlines()[:8]) + "\n")
    finished = run.train(
        configured(reviews_file, tiny_encoder, tmp_path, f"data.test={test_file}",
                   "train.max_steps=1")
    )  # fmt: skip
    with pytest.raises(DataError, match="nothing of it was held out"):
        run.evaluate(finished.model, str(reviews_file))


def test_a_test_set_that_is_not_there_is_found_before_training(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    notes = Notes()
    config = configured(reviews_file, tiny_encoder, tmp_path / "r", "data.test=/no/such.csv")
    with pytest.raises(DataError, match=r"such\.csv"):
        run.train(config, watcher=notes)
    assert not notes.steps


def test_a_bad_row_in_the_test_set_does_not_cost_the_model(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    test_file = tmp_path / "test.csv"
    test_file.write_text("text,label\ngood film,positive\nbad film,mixed\n")
    config = configured(
        reviews_file, tiny_encoder, tmp_path / "r", f"data.test={test_file}", "train.max_steps=1"
    )
    with pytest.raises(DataError, match=r"(?s)test\.csv:3.*The model is saved: plaudit evaluate"):
        run.train(config)
    assert len(Classifier.load(tmp_path / "r" / "tiny" / "model").predict(["good"])) == 1


def test_evaluate_refuses_labels_that_the_model_does_not_have(
    done: tuple[run.Run, Notes], tmp_path: Path
) -> None:
    path = tmp_path / "other.csv"
    path.write_text("text,label\ngood film,positive\nbad film,negativ\n")
    with pytest.raises(DataError, match=r"other\.csv:3: .*negativ"):
        run.evaluate(done[0].model, str(path))


def test_another_table_is_all_test(done: tuple[run.Run, Notes], tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("text,label\ngood film,positive\nbad film,negative\n")
    assert run.evaluate(done[0].model, str(path), split="test")["rows"] == 2
    with pytest.raises(DataError, match="Leave --split out"):
        run.evaluate(done[0].model, str(path), split="validation")


def test_the_report_can_be_rendered_again(done: tuple[run.Run, Notes]) -> None:
    page = done[0].model / "report.html"
    before = page.read_text()
    page.write_text("spoilt")
    assert run.rebuild_report(done[0].folder) == page
    assert page.read_text() == before
    artifact.verify(done[0].model)


def test_a_card_that_its_owner_edited_is_not_written_over(
    done: tuple[run.Run, Notes], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(done[0].model, model)
    with (model / "README.md").open("a") as file:
        file.write("## Who made it\n")
    artifact.verify(model)  # it is still the model
    with pytest.raises(ArtifactError, match=r"README\.md was edited.*Move it away"):
        run.rebuild_report(model)
    assert (model / "README.md").read_text().endswith("## Who made it\n")
    (model / "README.md").unlink()
    run.rebuild_report(model)
    assert (model / "README.md").is_file()


@pytest.mark.parametrize("left", ["staged", "pages", "manifest"])
def test_a_write_that_was_cut_off_is_not_taken_for_an_edit(
    left: str, done: tuple[run.Run, Notes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    shutil.copytree(done[0].model, model)
    last = {"staged": "report.json", "pages": "plaudit.json", "manifest": "README.md"}[left]
    replace = Path.replace

    def cut_off(self: Path, target: Path) -> Path:
        if Path(target).name == last:
            raise KeyboardInterrupt
        return replace(self, target)

    pages = {"report.json": "{}", "README.md": "another card"}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", cut_off)
        with pytest.raises(KeyboardInterrupt):
            artifact.add(model, pages)
    artifact.add(model, pages)
    assert (model / "README.md").read_text() == "another card"
    artifact.verify(model)
    artifact.check_unedited(model)
    assert not list(model.glob(".*"))


def test_there_is_no_report_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"report\.json"):
        run.rebuild_report(tmp_path)


def test_a_mistake_leaves_no_folder_behind(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError):
        run.train(configured(reviews_file, tiny_encoder, tmp_path / "runs", "text.max_tokens=70"))
    with pytest.raises(DataError):
        run.train(configured(tmp_path / "none.csv", tiny_encoder, tmp_path / "runs"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("setting", ["craft.pull", "craft.unfreeze_fraction"])
def test_what_could_do_nothing_with_a_frozen_encoder_is_refused_before_there_is_a_folder(
    setting: str, reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    frozen = (f"{setting}=0.5", "model.freeze_layers=2")
    with pytest.raises(ConfigError, match=rf"^{setting} has nothing to .* or freeze fewer\.$"):
        run.train(configured(reviews_file, tiny_encoder, tmp_path / "runs", *frozen))
    assert not (tmp_path / "runs").exists()


def test_duplicates_never_straddle_the_split(tiny_encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "doubled.csv"
    lines = [f"the film{n % 40}<br /> was {'good' if n % 2 else 'bad'}" for n in range(80)]
    rows = [f"{line if n < 40 else clean(line)},{n % 2}" for n, line in enumerate(lines)]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    config = configured(
        path, tiny_encoder, tmp_path, "split.validation_size=16", "split.test_size=16"
    )
    prepared = preparing.prepare(config, lambda line: None)
    assert prepared.test is not None
    prepared.test.release()
    parts = [prepared.train, prepared.validation, prepared.test.open()]
    prints = [set(part.prints_N.tolist()) for part in parts]
    assert not prints[0] & prints[1]
    assert not prints[0] & prints[2]
    assert not prints[1] & prints[2]
    assert sum(map(len, parts)) == 80
    assert fingerprint(parts[0].texts[0]) == int(parts[0].prints_N[0])


def test_given_validation_rows_are_dropped_from_training(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    lines = reviews_file.read_text().splitlines()
    validation = tmp_path / "validation.jsonl"
    validation.write_text("\n".join(lines[:20]) + "\n")
    config = configured(reviews_file, tiny_encoder, tmp_path, f"data.validation={validation}")
    prepared = preparing.prepare(config, lambda line: None)
    assert len(prepared.validation) == 20
    assert prepared.test is not None
    prepared.test.release()
    held = prepared.test.open()
    assert not np.isin(prepared.train.prints_N, prepared.validation.prints_N).any()
    assert not np.isin(held.prints_N, prepared.validation.prints_N).any()
    assert len(prepared.train) + len(held) == 220
    assert prepared.duplicates == 20


def test_validation_data_that_covers_the_training_data_is_an_error(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    config = configured(reviews_file, tiny_encoder, tmp_path, f"data.validation={reviews_file}")
    with pytest.raises(DataError, match="No row is left to train on for 'negative', 'positive'"):
        run.train(config)


@pytest.mark.parametrize(
    ("recipe", "family"),
    [("imdb-bert-base", "bert"), ("imdb-roberta-large", "roberta"), ("imdb-mpnet", "mpnet")],
)
def test_hub_recipes_run_on_a_stand_in(
    recipe: str, family: str, reviews_file: Path, tmp_path: Path
) -> None:
    from tests.conftest import save_encoder

    encoder = save_encoder(tmp_path / "encoder", family)
    shipped = load(recipe)
    assert shipped.model.encoder.startswith("hub:")
    config = load(
        recipe,
        [f"model.encoder={encoder}", f"data.train={reviews_file}", f"out={tmp_path}",
         "text.max_tokens=32", "train.max_steps=3", "evaluate.bootstrap=100"],
    )  # fmt: skip
    assert run.train(config).report["training"]["steps"] == 3


def test_the_student_finds_the_teacher_where_its_recipe_leaves_it(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.conftest import save_encoder

    monkeypatch.chdir(tmp_path)
    small = [f"data.train={reviews_file}", "text.max_tokens=32", "evaluate.bootstrap=100"]
    encoder = save_encoder(tmp_path / "encoder", "mpnet")
    run.train(load("imdb-mpnet", [*small, f"model.encoder={encoder}", "train.max_steps=3"]))
    student = load(
        "imdb-minilm-distilled", [*small, f"model.encoder={tiny_encoder}", "train.max_steps=3"]
    )
    report = run.train(student).report
    assert report["data"]["consulted"]["distill.teacher"]["path"] == "runs/imdb-mpnet/model"
    assert student.distill.weight == 0.9


def test_stored_configuration_is_complete(done: tuple[run.Run, Notes]) -> None:
    stored = tomllib.loads((done[0].folder / "config.toml").read_text())
    for section in ("data", "clean", "split", "text", "model", "optim", "train", "evaluate"):
        assert stored[section]


def test_packed_training_leaves_a_model_for_everyone(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    notes = Notes()
    config = configured(reviews_file, tiny_encoder, tmp_path, "train.packed=true")
    finished = run.train(config, watcher=notes)
    training = finished.report["training"]
    assert training["packed"] is True
    assert any(line.startswith("packed batches: packed batches were asked") for line in notes.lines)
    assert finished.report["test"]["metrics"]["accuracy"]["value"] > 0.8
    assert "plaudit_packed" not in (finished.model / "config.json").read_text()
    loaded = artifact.load(finished.model)
    encoded = TextEncoder(loaded.tokenizer, loaded.spec.text).encode(
        [f"a {word} film {'the plot ' * n}" for n in range(5) for word in ("good", "awful")]
    )
    padded_NC = logits(loaded.model, encoded, Compute("cpu", "fp32", "test"))
    row = pack(encoded, range(len(encoded)))
    with torch.no_grad():
        packed_NC = loaded.model.eval()(*row.inputs).numpy()
    np.testing.assert_allclose(packed_NC, padded_NC, atol=1e-5)
    assert np.ptp(padded_NC[:, 0]) > 0.3, "texts that all look alike would prove nothing"


def test_a_run_says_that_it_was_not_packed_and_why(done: tuple[run.Run, Notes]) -> None:
    training = done[0].report["training"]
    assert (training["packed"], training["compiled"]) == (False, False)
    assert training["packed_reason"] == "cpu has no attention kernel for packed batches"
    assert not any("packed" in line for line in done[1].lines)


@pytest.mark.parametrize(
    ("content", "said"), [('{"data": ', "no whole JSON"), ("{}", "no report"), ("[]", "no report")]
)
def test_a_damaged_report_is_named(done: Any, tmp_path: Path, content: str, said: str) -> None:
    shutil.copytree(done[0].model, tmp_path / "model")
    (tmp_path / "model" / "report.json").write_text(content)
    with pytest.raises(ArtifactError, match=said):
        run.rebuild_report(tmp_path / "model")
