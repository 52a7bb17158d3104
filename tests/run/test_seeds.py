"""Several seeds in one command, on a tiny encoder."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import plaudit
from plaudit import artifact, run
from plaudit.config import load
from plaudit.data import sources
from plaudit.data.sealed import Sealed
from plaudit.errors import ArtifactError, ConfigError, Interrupted
from plaudit.evaluate.predictions import BASELINE, PREDICTIONS, Predictions, read
from plaudit.report.seeds import sentences
from plaudit.run import members, seeds
from plaudit.text.encode import TextEncoder


@pytest.fixture(scope="module")
def family(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[run.Run, dict[str, int], list[str]]:
    """Three seeds from 4 on, barely trained so that they differ; what was done how often; order."""
    calls: dict[str, int] = {"read": 0, "encode": 0}
    order: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for place, name, key in (
            (sources, "_open", "read"), (TextEncoder, "encode_cached", "encode"),
        ):  # fmt: skip
            original = getattr(place, name)

            def counting(*args: Any, _of: Any = original, _key: str = key, **more: Any) -> Any:
                calls[_key] += 1
                return _of(*args, **more)

            patch.setattr(place, name, counting)
        opened, finish = Sealed.open, members.finish
        patch.setattr(Sealed, "open", lambda self: order.append("open") or opened(self))
        patch.setattr(members, "finish", lambda *args: order.append("save") or finish(*args))
        config = load(
            None,
            [f"data.train={reviews_file}", f"model.encoder={tiny_encoder}", "name=family",
             f"out={tmp_path_factory.mktemp('runs')}", "seed=4", "seeds=3", "text.max_tokens=32",
             "train.batch_tokens=512", "train.epochs=1", "optim.lr=3e-3", "model.dropout=0.2",
             "split.validation_size=40", "split.test_size=60", "evaluate.bootstrap=100",
             "text.cache=false", "ngrams.weight=1e-3"],
        )  # fmt: skip
        finished = run.train(config)
    return finished, calls, order


@pytest.fixture(scope="module")
def section(family: tuple[run.Run, dict[str, int], list[str]]) -> dict[str, Any]:
    return family[0].report["seeds"]


def test_data_is_read_and_encoded_once(family: tuple[run.Run, dict[str, int], list[str]]) -> None:
    assert family[1] == {"read": 1, "encode": 2}  # the training and the validation texts


def test_the_test_set_is_opened_after_the_last_seed(
    family: tuple[run.Run, dict[str, int], list[str]],
) -> None:
    assert family[2][:4] == ["save", "save", "save", "open"]
    assert "save" not in family[2][4:]


def test_every_seed_is_tested_on_the_same_rows_and_is_another_model(
    family: tuple[run.Run, dict[str, int], list[str]],
) -> None:
    kept = [read(family[0].folder / f"seed-{seed}" / PREDICTIONS) for seed in (4, 5, 6)]

    assert len(kept[0]) == 60
    for other in kept[1:]:
        assert other.prints_N.tolist() == kept[0].prints_N.tolist()
        assert (other.probabilities_NC != kept[0].probabilities_NC).any()
    assert plaudit.compare([family[0].folder / f"seed-{n}" for n in (4, 5)])["rows"] == 60


def test_mean_and_standard_deviation_are_those_of_the_runs(section: dict[str, Any]) -> None:
    assert section["seeds"] == [run["seed"] for run in section["runs"]] == [4, 5, 6]
    for name in ("accuracy", "macro_f1", "log_loss"):
        values = [run["metrics"][name] for run in section["runs"]]
        assert section["metrics"][name]["mean"] == pytest.approx(sum(values) / 3)
        assert section["metrics"][name]["sd"] == pytest.approx(np.std(values, ddof=1))
    assert section["metrics"]["log_loss"]["sd"] > 0


def test_the_ensemble_is_the_mean_of_the_probabilities(
    family: tuple[run.Run, dict[str, int], list[str]], section: dict[str, Any]
) -> None:
    kept = [read(family[0].folder / f"seed-{seed}" / PREDICTIONS) for seed in (4, 5, 6)]
    mean = np.mean([each.probabilities_NC for each in kept], axis=0)
    together = read(family[0].folder / seeds.ENSEMBLE)
    accuracy = section["ensemble"]["metrics"]["accuracy"]

    assert together.probabilities_NC == pytest.approx(mean)
    assert accuracy["value"] == (mean.argmax(axis=1) == kept[0].targets_N).mean()
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]


def test_the_ensemble_answers_by_the_threshold_that_the_seeds_have(tmp_path: Path) -> None:
    costs = ((0.0, 0.1), (0.9, 0.0))  # positive from 0.1 on
    settled = SimpleNamespace(decision=SimpleNamespace(costs=costs))
    member: Any = SimpleNamespace(folder=tmp_path / "one", settled=settled)
    member.folder.mkdir()
    mean_NC = np.array([[0.8, 0.2], [0.95, 0.05], [0.4, 0.6]])
    own = Predictions(
        ("negative", "positive"), np.arange(3, dtype=np.uint64), ["a", "b", "c"],
        np.array([1, 0, 1]), np.array([1, 0, 1]), mean_NC, [""] * 3,
    )  # fmt: skip

    together = seeds._kept([member], member, [own], tmp_path)

    assert together is not None
    assert together.predicted_N.tolist() == [1, 0, 1]
    assert read(tmp_path / seeds.ENSEMBLE).predicted_N.tolist() == [1, 0, 1]


def test_a_seeds_report_is_that_of_all_of_them(
    family: tuple[run.Run, dict[str, int], list[str]],
) -> None:
    folder = family[0].folder
    with pytest.raises(ArtifactError, match=rf"one seed of {folder}, .*plaudit report {folder}$"):
        plaudit.report(folder / "seed-4")


def test_the_report_says_by_whose_threshold_the_ensemble_answers(
    family: tuple[run.Run, dict[str, int], list[str]], section: dict[str, Any]
) -> None:
    report = dict(family[0].report)
    said = next(each for each in sentences(report) if "ensemble" in each)
    rule = {"by": "f1"}
    ruled = next(each for each in sentences(report | {"decision": {"threshold": rule}})
                 if "ensemble" in each)  # fmt: skip
    assert ruled == said[:-1] + f", decided by the threshold of seed {section['chosen']}."


def test_the_model_is_that_of_the_seed_that_is_best_on_validation(
    family: tuple[run.Run, dict[str, int], list[str]], section: dict[str, Any]
) -> None:
    best = max(section["runs"], key=lambda run: run["validation"]["accuracy"])
    folder = family[0].folder

    assert (section["chosen"], section["chosen_by"]) == (best["seed"], "validation accuracy")
    assert artifact.weights_sha256(family[0].model) == artifact.weights_sha256(
        folder / best["folder"] / "model"
    )
    chosen = family[0].report["test"]["metrics"]["accuracy"]["value"]
    assert chosen == best["metrics"]["accuracy"]
    artifact.verify(folder / best["folder"] / "model")  # the report did not reach into it
    assert not (folder / best["folder"] / "model" / "report.json").exists()


def test_validation_decides_and_not_test() -> None:
    """Of the better one on log loss, less is more."""

    def member(**validation: float) -> Any:
        config = load(None, ["train.select=log_loss"])
        record = type("Record", (), {"validation": validation, "step": 3})
        trained = type("Trained", (), {"history": [record], "best_step": 3})
        settled = SimpleNamespace(ngrams=None)
        return members.Member(config, Path(), Path(), trained, settled)  # type: ignore[arg-type]

    assert members.better(member(log_loss=0.2), member(log_loss=0.3))
    assert not members.better(member(log_loss=0.3), member(log_loss=0.3))


def test_one_seed_can_be_trained_again_alone(
    family: tuple[run.Run, dict[str, int], list[str]], unrendered: None
) -> None:
    """From its own configuration: the same split, the same weights."""
    own = family[0].folder / "seed-5"
    again = run.train(load(str(own / "config.toml")))

    assert again.folder.name == "seed-5-2"
    assert artifact.weights_sha256(again.model) == artifact.weights_sha256(own / "model")
    assert read(again.folder / PREDICTIONS).origins == read(own / PREDICTIONS).origins


def test_a_finished_family_has_nothing_to_resume_nor_has_a_seed_of_it(
    family: tuple[run.Run, dict[str, int], list[str]],
) -> None:
    one = family[0].folder / "seed-5"
    with pytest.raises(ConfigError, match="family has finished; there is nothing to resume"):
        run.resume(family[0].folder)
    with pytest.raises(ConfigError, match=r"one seed of .*family, which is resumed as a whole"):
        run.resume(one)
    assert not (one / "model" / "report.json").exists()


@pytest.fixture
def cut(family: tuple[run.Run, dict[str, int], list[str]], tmp_path: Path) -> Path:
    """The family as a kill while its last seed was trained would have left it."""
    folder = tmp_path / "family"
    shutil.copytree(family[0].folder, folder)
    for gone in (folder / "model", folder / "seed-6" / "model"):
        shutil.rmtree(gone)
    (folder / "seed-6" / members.TRAINED).unlink()
    return folder


@pytest.mark.promise(
    "seeds that have finished stay, and the others come out the same, bit by bit",
    fault="a run of several seeds ends before its time",
)
def test_a_family_that_was_cut_short_ends_as_if_it_had_not_been(
    family: tuple[run.Run, dict[str, int], list[str]],
    cut: Path,
    monkeypatch: pytest.MonkeyPatch,
    unrendered: None,
) -> None:
    taught: list[int] = []
    learn = members.learn

    def learning(own: Any, *others: Any) -> Any:
        taught.append(own.seed)
        return learn(own, *others)

    monkeypatch.setattr(members, "learn", learning)
    again = run.resume(cut)

    assert taught == [6]
    for seed in (4, 5, 6):
        model = Path(f"seed-{seed}") / "model"
        was, now = family[0].folder / model, cut / model
        assert artifact.weights_sha256(now) == artifact.weights_sha256(was)
    for key in ("seeds", "test", "calibration"):
        assert again.report[key] == family[0].report[key], key


def test_a_family_is_resumed_by_its_own_name(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> None:
        raise Interrupted("stopped by SIGTERM", exit_code=143)

    monkeypatch.setattr(members, "learn", stopped)
    with pytest.raises(Interrupted, match=f"plaudit train --resume {cut}$"):
        run.resume(cut)


@pytest.mark.promise(
    "the command that resumes all seeds is named, and the exit code 143 or 130",
    fault="SIGTERM or Ctrl-C while several seeds are at work, but none is trained",
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("stage", ["pretrained", "_tested"])
def test_a_signal_between_seeds_names_the_command_that_goes_on(
    stage: str, number: int, code: int, cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeds, stage, lambda *_: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted, match=f"to go on: plaudit train --resume {cut}$") as caught:
        run.resume(cut)
    assert caught.value.exit_code == code


def test_the_best_seed_is_chosen_with_the_words_beside_it(
    family: tuple[run.Run, dict[str, int], list[str]], section: dict[str, Any]
) -> None:
    encoders = [
        json.loads((family[0].folder / f"seed-{seed}" / "trained.json").read_text())["settled"]
        for seed in (4, 5, 6)
    ]
    for row, settled in zip(section["runs"], encoders, strict=True):
        assert row["validation"] == settled["ngrams"]["validation"]["both"]
        assert set(row["validation"]) == {"accuracy", "macro_f1", "log_loss", "mcc"}


def test_a_family_is_not_resumed_with_other_settings_or_data(
    cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match=r"train\.epochs: 1\.0 → 2\.0"):
        run.resume(cut, ["train.epochs=2"])
    monkeypatch.setattr(members, "facts_of", lambda *_: {"train rows": "7"})
    with pytest.raises(ConfigError, match="seed-4 was started with other data"):
        run.resume(cut)


def test_what_was_held_out_is_found_again(
    family: tuple[run.Run, dict[str, int], list[str]], reviews_file: Path
) -> None:
    for seed in (4, 6):
        model = family[0].folder / f"seed-{seed}" / "model"
        found = run.evaluate(model, str(reviews_file))
        assert (found["rows"], found["overlap"]["rows"]) == (60, 0)


def test_the_folder_the_page_and_the_words_say_it(
    family: tuple[run.Run, dict[str, int], list[str]], section: dict[str, Any]
) -> None:
    folder, page = family[0].folder, (family[0].model / "report.html").read_text()
    words = sentences(family[0].report)
    mean, sd = (100 * section["metrics"]["accuracy"][name] for name in ("mean", "sd"))

    assert json.loads((folder / seeds.SEEDS).read_text()) == section
    assert (folder / BASELINE).exists()
    assert words[0].startswith(f"3 seeds on test data: accuracy {mean:.1f}% ± {sd:.1f}")
    assert (
        words[-1]
        == f"The model is that of seed {section['chosen']}, the best by validation accuracy."
    )
    assert all(sentence in page for sentence in words)
    assert not list(folder.glob("**/.*"))


def test_without_validation_and_test_the_first_seed_is_the_model(
    reviews_file: Path, tiny_encoder: Path, tmp_path: Path, unrendered: None
) -> None:
    config = load(
        None,
        [f"data.train={reviews_file}", f"model.encoder={tiny_encoder}", f"out={tmp_path}",
         "seeds=2", "text.max_tokens=16", "train.max_steps=1", "split.validation_size=0",
         "split.test_size=0"],
    )  # fmt: skip
    found = run.train(config).report["seeds"]

    assert (found["chosen"], found["chosen_by"], found["ensemble"]) == (0, None, None)
    assert (found["metrics"], found["runs"][0]["metrics"]) == ({}, None)
    assert sentences({"seeds": found}) == ["The model is that of seed 0, the first."]
