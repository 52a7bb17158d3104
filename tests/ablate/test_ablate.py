"""Values of a setting are trained alike, compared on validation alone, and not trained twice."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import plaudit
from plaudit.ablate import kept, trial
from plaudit.ablate.ablation import TABLE
from plaudit.ablate.arms import arms_of, choices_of
from plaudit.ablate.resampled import sample
from plaudit.ablate.table import table
from plaudit.cli import app
from plaudit.data.sealed import Sealed
from plaudit.errors import ConfigError, PlauditError, TrainingError
from plaudit.evaluate.metrics import point, score
from plaudit.evaluate.predictions import Predictions
from plaudit.run.watching import Silent
from tests.conftest import review

POLICIES = ["head", "tail", "head_tail", "windows"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, tiny_encoder) -> Path:
    """One review in five is positive."""
    folder = tmp_path_factory.mktemp("ablate")
    random_ = random.Random(5)
    with (folder / "reviews.jsonl").open("w", encoding="utf-8") as file:
        for n in range(200):
            label = ("positive", "negative")[n % 5 > 0]
            text = f"film{n} {review(label, random_)}"
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    path = folder / "small.toml"
    path.write_text(
        f'data.train = "{folder}/reviews.jsonl"\nout = "{folder}/runs"\ntext.max_tokens = 14\n'
        f'text.stride = 3\nmodel.encoder = "{tiny_encoder}"\noptim.lr = 1e-2\ntrain.epochs = 3\n'
        "train.batch_tokens = 256\nsplit.validation_size = 60\nsplit.test_size = 20\n"
        "evaluate.bootstrap = 100\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="module")
def done(recipe):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sealed, "open", lambda self: pytest.fail("the test set was opened"))
        return plaudit.ablate(str(recipe), {"text.policy": POLICIES}, seeds=2)


def test_the_four_policies_come_with_the_tokens_they_lose(done):
    lost = {arm["values"]["text.policy"]: arm["tokens_lost"] for arm in done["arms"]}
    assert list(lost) == POLICIES
    assert lost["windows"] == 0.0
    assert lost["head"] == lost["tail"] == lost["head_tail"] > 0.1
    names, rows = table(done)
    assert (names[0], names[-1]) == ("value", "tokens lost")
    assert [row[0] for row in rows] == [f"text.policy={policy}" for policy in POLICIES]


def test_all_values_take_the_steps_of_the_first(done):
    assert len({arm["steps"] for arm in done["arms"]}) == 1
    epochs = {arm["values"]["text.policy"]: arm["epochs"] for arm in done["arms"]}
    # Windows are more tokens a text: in the same steps it sees fewer of them.
    assert epochs["head"] == pytest.approx(3.0, abs=0.1)
    assert epochs["windows"] < 2.4


def test_a_metric_is_the_mean_over_the_seeds_and_a_difference_that_of_the_means(done):
    first, second = done["arms"][:2]
    assert first["difference"] is None
    assert len(first["by_seed"]["accuracy"]) == 2
    for arm in (first, second):
        assert arm["metrics"]["accuracy"]["value"] == pytest.approx(
            np.mean(arm["by_seed"]["accuracy"])
        )
    for name in ("accuracy", "minority_f1", "log_loss"):
        assert second["difference"][name]["value"] == pytest.approx(
            second["metrics"][name]["value"] - first["metrics"][name]["value"]
        )
    assert (done["rows"], done["minority"]) == (60, "positive")
    assert second["metrics"]["mcc"]["value"] > 0.2


def test_the_table_lies_in_the_folder(done):
    folder = Path(done["folder"])
    assert folder.name == "ablate-small"
    assert json.loads((folder / TABLE).read_text(encoding="utf-8")) == done


def test_what_was_interrupted_goes_on_with_the_trials_that_are_missing(done, recipe, monkeypatch):
    learn, trained = trial.learn, []

    def counted(config, *others):
        trained.append((config.text.policy, config.seed))
        return learn(config, *others)

    monkeypatch.setattr(trial, "learn", counted)
    assert plaudit.ablate(str(recipe), {"text.policy": POLICIES}, seeds=2) == done
    assert trained == []
    [tail] = [a.config for a in arms_of(str(recipe), {"text.policy": ["tail"]}, [])]
    (Path(done["folder"]) / f"{tail.digest()}-seed1" / "trial.json").unlink()
    again = plaudit.ablate(str(recipe), {"text.policy": POLICIES}, seeds=2)
    assert trained == [("tail", 1)]
    assert [a["metrics"] for a in again["arms"]] == [a["metrics"] for a in done["arms"]]


def test_weights_of_a_model_of_words_share_the_encoder_that_they_stand_beside(recipe, monkeypatch):
    learn, trained = trial.learn, []

    def counted(config, *others):
        trained.append(config.seed)
        return learn(config, *others)

    monkeypatch.setattr(trial, "learn", counted)
    choices = {"ngrams.weight": ["0", "0.5", "fit"]}
    found = plaudit.ablate(str(recipe), choices, ["name=words"], seeds=2)
    assert trained == [0, 1]
    losses = [arm["metrics"]["log_loss"]["value"] for arm in found["arms"]]
    assert len(set(losses)) == 3


def test_what_another_ablation_trained_alike_is_not_trained_again(done, recipe, monkeypatch):
    learn, trained = trial.learn, []

    def counted(config, *others):
        trained.append((config.text.policy, config.optim.weight_decay, config.seed))
        return learn(config, *others)

    monkeypatch.setattr(trial, "learn", counted)
    decays, shared = {"optim.weight_decay": ["0.01", "0.1"]}, ["text.policy=head", "name=decays"]
    found = plaudit.ablate(str(recipe), decays, shared, seeds=2)
    assert trained == [("head", 0.1, 0), ("head", 0.1, 1)]
    head = done["arms"][0]
    assert found["arms"][0]["metrics"]["log_loss"] == head["metrics"]["log_loss"]
    # What other versions computed is not the same.
    monkeypatch.setattr(kept, "versions", lambda: {"torch": "0"})
    plaudit.ablate(str(recipe), decays, shared)
    assert trained[2:] == [("head", 0.01, 0), ("head", 0.1, 0)]


def test_what_stands_behind_the_same_name_may_have_changed(
    recipe, tiny_encoder, tmp_path, monkeypatch
):
    learn, trained = trial.learn, []

    def counted(config, *others):
        trained.append(config.optim.weight_decay)
        return learn(config, *others)

    monkeypatch.setattr(trial, "learn", counted)
    encoder, out = tmp_path / "encoder", tmp_path / "runs"
    shutil.copytree(tiny_encoder, encoder)
    decays = {"optim.weight_decay": ["0", "0.1"]}
    shared = [f"model.encoder={encoder}", f"out={out}", "train.max_steps=2", "train.evaluations=1"]
    plaudit.ablate(str(recipe), decays, shared)
    again = [*shared, "name=again"]
    plaudit.ablate(str(recipe), decays, again)
    assert trained == [0.0, 0.1]
    # A trial that cannot be read is no reason to fail: it is made anew.
    for path in out.glob("*/*/predictions.parquet"):
        path.write_bytes(b"")
    plaudit.ablate(str(recipe), decays, [*shared, "name=third"])
    assert trained == [0.0, 0.1] * 2
    weights = load_file(encoder / "model.safetensors")
    save_file(
        {name: 1.5 * tensor for name, tensor in weights.items()}, encoder / "model.safetensors"
    )
    plaudit.ablate(str(recipe), decays, [*shared, "name=third"])
    assert trained == [0.0, 0.1] * 3


def test_a_trial_is_named_by_what_it_reads_without_labels_too(recipe, tmp_path):
    [config] = [arm.config for arm in arms_of(str(recipe), {"text.policy": ["head"]}, [])]
    prepared = trial.Bench(tmp_path, Silent()).prepared(config)
    texts = SimpleNamespace(rows=prepared.validation)
    more = replace(prepared, unlabelled={"pretrain": texts})
    one, other, again = (
        kept.key(config, 0, None, rows, ["rows"]) for rows in (prepared, more, more)
    )
    assert one != other == again


def test_another_ablation_has_a_folder_of_its_own(done, recipe):
    other = plaudit.ablate(str(recipe), {"imbalance.method": ["none", "oversample"]})
    assert Path(other["folder"]).name == "ablate-small-2"
    none, over = other["arms"]
    # Each epoch shows more texts; the budget stays.
    assert over["steps"] == none["steps"]
    assert over["epochs"] < none["epochs"]


def test_settings_of_the_budget_have_their_own(recipe):
    document = plaudit.ablate(str(recipe), {"train.max_steps": ["2", "3"]}, ["train.evaluations=1"])
    assert [arm["steps"] for arm in document["arms"]] == [2, 3]
    assert document["budget"] == "own"


def test_without_validation_there_is_nothing_to_compare_on(recipe):
    with pytest.raises(PlauditError, match="compared on validation alone"):
        plaudit.ablate(str(recipe), {"optim.lr": ["1e-3", "2e-3"]}, ["split.validation_size=0"])


def test_a_mistake_in_the_data_leaves_no_folder_behind(recipe):
    runs = recipe.parent / "runs"
    before = sorted(runs.iterdir())
    with pytest.raises(PlauditError, match="nowhere"):
        plaudit.ablate(str(recipe), {"optim.lr": ["1e-3", "2e-3"]}, ["data.text=nowhere"])
    assert sorted(runs.iterdir()) == before


def test_a_comma_makes_a_choice_outside_of_brackets_and_quotes():
    choices, shared = choices_of(["a.b=1,2", "c.d=[1, 2]", "e.f=[1,2],[3,4]", 'g={"a,b" = "c"}'])
    assert choices == {"a.b": ["1", "2"], "e.f": ["[1,2]", "[3,4]"]}
    assert shared == ["c.d=[1, 2]", 'g={"a,b" = "c"}']


@pytest.mark.parametrize("settings", [["a=1"], ["a=1,1"], ["a=1,"], ["a=1,2", "a=3,4"]])
def test_a_comparison_of_nothing_or_of_the_same_is_refused(settings):
    with pytest.raises(ConfigError):
        choices_of(settings)


def test_every_combination_is_an_arm_and_all_mistakes_come_at_once(recipe):
    choices = {"text.policy": ["head", "tail"], "optim.lr": ["1e-3", "2e-3", "3e-3"]}
    arms = arms_of(str(recipe), choices, ["train.epochs=2"])
    assert len(arms) == 6
    assert arms[0].name == "text.policy=head optim.lr=1e-3"
    assert (arms[5].config.text.policy, arms[5].config.optim.lr) == ("tail", 3e-3)
    assert {arm.config.train.epochs for arm in arms} == {2.0}
    with pytest.raises(ConfigError) as raised:
        arms_of(str(recipe), {"text.policy": ["hed", "tail", "tial"]}, [])
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize(
    ("choices", "shared", "said"),
    [
        ({"seed": ["0", "1"]}, [], "seed cannot be compared: .* --seeds N"),
        ({"seeds": ["1", "2"]}, [], "seeds cannot be compared: .* --seeds N"),
        ({"optim.lr": ["1e-3", "2e-3"]}, ["seeds=3"], "it is --seeds that says"),
        ({"evaluate.baseline": ["true", "false"]}, [], "one and the same"),
        ({"report.explain": ["true", "false"]}, [], "one and the same"),
        ({"name": ["a", "b"]}, [], "name cannot be compared: .* one and the same"),
    ],
)
def test_what_would_be_trained_alike_or_ignored_is_refused(recipe, choices, shared, said):
    with pytest.raises(ConfigError, match=said):
        arms_of(str(recipe), choices, shared)


def answers(probability_N, targets_N):
    probabilities_NC = np.stack([1 - probability_N, probability_N], axis=1)
    rows = len(targets_N)
    return Predictions(
        ("no", "yes"), np.arange(rows, dtype=np.uint64), [str(n) for n in range(rows)], targets_N,
        probabilities_NC.argmax(axis=1), probabilities_NC, [""] * rows,
    )  # fmt: skip


def test_resampled_metrics_agree_with_those_of_evaluation():
    generator = np.random.default_rng(0)
    targets_N = (generator.random(300) < 0.2).astype(np.int64)
    one = answers(np.clip(0.5 * targets_N + generator.random(300) * 0.7, 0, 1), targets_N)
    found = sample([one], 1, 200)
    names = ["accuracy", "balanced_accuracy", "macro_f1", "mcc", "log_loss"]
    assert {n: found.values[n] for n in names} == pytest.approx(
        point(one.probabilities_NC, targets_N, names)
    )
    whole = score(one.probabilities_NC, targets_N, ("no", "yes"), bootstrap=100)
    assert found.values["ece"] == pytest.approx(whole.metrics["ece"].value)
    hits = ((one.predicted_N == 1) & (targets_N == 1)).sum()
    f1 = 2 * hits / ((one.predicted_N == 1).sum() + (targets_N == 1).sum())
    assert found.values["minority_f1"] == pytest.approx(f1)
    accuracy = found.estimates(0.95)["accuracy"]
    spread = 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / 300)
    assert accuracy.high - accuracy.low == pytest.approx(2 * spread, rel=0.3)


def test_what_is_hard_for_both_cancels_out_of_a_difference():
    generator = np.random.default_rng(1)
    targets_N = generator.integers(0, 2, 400)
    right_N = generator.random(400) < 0.7
    probability_N = np.where(right_N, targets_N, 1 - targets_N) * 0.8 + 0.1
    better_N = probability_N.copy()
    better_N[np.flatnonzero(~right_N)[:12]] = targets_N[np.flatnonzero(~right_N)[:12]] * 0.8 + 0.1
    one, other = (sample([answers(p, targets_N)], None, 300) for p in (probability_N, better_N))
    difference = other.minus(one, 0.95)["accuracy"]
    assert difference.value == pytest.approx(12 / 400)
    assert difference.low > 0
    alone = one.estimates(0.95)["accuracy"]
    assert difference.high - difference.low < 0.6 * (alone.high - alone.low)
    assert "minority_f1" not in one.values


def test_the_command_prints_one_document_and_names_the_best_run(done, recipe):
    asked = ["ablate", str(recipe), f"text.policy={','.join(POLICIES)}", "--seeds", "2", "--json"]
    ended = CliRunner().invoke(app, asked)
    assert ended.exit_code == 0
    on_disk = (Path(done["folder"]) / TABLE).read_text(encoding="utf-8")
    assert json.loads(ended.stdout) == json.loads(on_disk)
    assert f"next: plaudit train {recipe} {done['best']}" in ended.stderr
    shown = CliRunner().invoke(app, [*asked[:-1], "--quiet"]).stdout
    assert "text.policy=head_tail" in shown
    assert CliRunner().invoke(app, ["ablate", str(recipe), "optim.lr=1"]).exit_code == 2


class Listening(Silent):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_a_value_that_breaks_is_named_and_the_others_are_compared(recipe):
    """Of the first value there is no way around; nor of what would be a mistake for any."""
    watcher = Listening()
    rates = {"optim.lr": ["1e-2", "1e30", "1e-3"]}
    shared = ["optim.clip_norm=0", "train.epochs=1", "optim.warmup_fraction=0"]
    found = plaudit.ablate(str(recipe), rates, shared, watcher=watcher)
    assert [arm["name"] for arm in found["arms"]] == ["optim.lr=1e-2", "optim.lr=1e-3"]
    [failed] = found["failed"]
    assert failed["values"] == {"optim.lr": "1e30"}
    assert failed["why"].startswith("optim.lr=1e30, seed 0: ")
    assert failed["why"] in watcher.lines
    answer = CliRunner().invoke(app, ["ablate", str(recipe), "optim.lr=1e-2,1e30,1e-3", *shared])
    assert answer.exit_code == 0
    assert "failed: optim.lr=1e30, seed 0" in answer.stdout
    with pytest.raises(TrainingError, match=r"^optim\.lr=1e30, seed 0: "):
        plaudit.ablate(str(recipe), {"optim.lr": ["1e30", "1e-2"]}, shared)


def test_a_value_that_cannot_be_is_refused_before_any_is_trained(recipe, monkeypatch):
    monkeypatch.setattr(trial.Bench, "trial", lambda *_: pytest.fail("it was trained"))
    before = set((recipe.parent / "runs").glob("*"))
    with pytest.raises(ConfigError, match=r"freeze_layers = 99.*use 0 to 2"):
        plaudit.ablate(str(recipe), {"model.freeze_layers": ["0", "99"]})
    assert set((recipe.parent / "runs").glob("*")) == before


@pytest.mark.parametrize("cause", [OSError("disk full"), SafetensorError("disk full")])
def test_a_full_disk_is_no_fault_of_the_value(recipe, monkeypatch, cause):
    made = trial.Bench.trial

    def full(bench, config, *how):
        if config.optim.lr == 2e-3:
            raise TrainingError("nothing can be written") from cause
        return made(bench, config, *how)

    monkeypatch.setattr(trial.Bench, "trial", full)
    with pytest.raises(TrainingError, match="nothing can be written"):
        plaudit.ablate(str(recipe), {"optim.lr": ["1e-2", "2e-3"]}, ["train.max_steps=2"])


def test_where_a_model_that_is_asked_computes_tells_its_answers_apart(
    recipe, tmp_path, monkeypatch
):
    (tmp_path / "more.txt").write_text("a text of its own\n")
    asked = []

    def labelled(config, prepared, say):
        asked.append(config.train.precision)
        return prepared

    monkeypatch.setattr(trial, "with_pseudo_labels", labelled)
    bench = trial.Bench(tmp_path, Silent())
    for precision in ("fp32", "bf16", "bf16"):
        shared = ["pseudo.model=somewhere", f"pseudo.texts={tmp_path / 'more.txt'}"]
        [arm] = arms_of(str(recipe), {"train.precision": [precision]}, shared)
        bench.prepared(arm.config)
    assert asked == ["fp32", "bf16"]


def test_where_one_value_alone_has_a_smallest_class_the_rest_is_still_compared(recipe):
    found = plaudit.ablate(str(recipe), {"split.per_class": ["none", "8"]}, ["train.max_steps=2"])
    first, other = found["arms"]
    assert "minority_f1" in first["metrics"]
    assert "minority_f1" not in other["metrics"]
    assert "accuracy" in other["difference"]
    names, rows = table(found)
    column = names.index("minority F1")
    assert rows[0][column] != "–"
    assert rows[1][column] == "–"


@pytest.mark.parametrize("key", ["split.per_class", "split.train_size"])
def test_more_texts_are_more_steps(recipe, key):
    found = plaudit.ablate(str(recipe), {key: ["6", "18"]}, ["train.epochs=1"])
    assert [arm["epochs"] for arm in found["arms"]] == [1.0, 1.0]
    assert found["budget"] == "own"


def test_a_teacher_is_known_by_its_settings_too(recipe, tmp_path):
    teacher = tmp_path / "teacher"
    teacher.mkdir()
    shared = [f"distill.teacher={teacher}", "distill.weight=0.5"]
    [arm] = arms_of(str(recipe), {"text.policy": ["head"]}, shared)
    found = []
    for temperature in ("1.0", "0.65", "0.65"):
        settings = {"temperature": temperature, "files": {"model.safetensors": "the same"}}
        (teacher / "plaudit.json").write_text(json.dumps(settings))
        found.append(kept.contents(arm.config))
    assert found[0] != found[1] == found[2]


def test_what_was_measured_on_other_rows_is_not_called_the_best(recipe):
    shared = ["train.max_steps=2", "train.select=log_loss"]
    for sizes in (["40", "60"], ["60", "40"]):
        found = plaudit.ablate(str(recipe), {"split.validation_size": sizes}, shared)
        first, other = (f"split.validation_size={size}" for size in sizes)
        assert found["best"] == first
        assert found["arms"][1]["difference"] is None
        assert found["note"].endswith(f"none of them is called the best: {other}.")
