"""Settings are searched on validation alone, and only the best run meets the test set, once."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import plaudit
from plaudit.cli import app
from plaudit.config import load
from plaudit.data.sealed import Sealed
from plaudit.errors import ConfigError, Interrupted, TrainingError
from plaudit.run.watching import Silent
from plaudit.tune import trial, tuning
from plaudit.tune.plan import Plan, folder_of
from plaudit.tune.tuning import BEST, TABLE, resume
from tests.tune.conftest import written

SEARCH = Plan(trials=5, pruner="none")


@pytest.fixture(scope="module")
def opened():
    return []


@pytest.fixture(scope="module")
def home(tmp_path_factory, reviews, tiny_encoder) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    written(folder, reviews, tiny_encoder)
    return folder


@pytest.fixture(scope="module")
def done(home, opened):
    """A whole tuning, in which the openings of the test set are counted."""
    open_, attempt = Sealed.open, trial.attempt

    def counted(sealed):
        opened.append("test")
        return open_(sealed)

    def noted(*asked):
        opened.append("trial")
        return attempt(*asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sealed, "open", counted)
        patch.setattr("plaudit.tune.workers.attempt", noted)
        return plaudit.tune(str(home / "small.toml"), space=home / "space.toml", plan=SEARCH)


def tried(document):
    return [(one["outcome"], one["values"], one["value"]) for one in document["trials"]]


def test_it_finds_the_better_of_two_planted_values(done):
    assert done["best"]["values"]["optim.lr"] == "0.005"
    assert done["best"]["value"] < done["recipe"] - 0.03
    assert done["best"]["difference"]["log_loss"]["high"] < 0
    assert done["minimised"]
    lowest = min(done["trials"], key=lambda one: one["value"])
    assert done["best"]["number"] == lowest["number"]


def test_the_first_trial_is_the_recipe_as_it_is(done):
    assert done["trials"][0]["values"] == {}
    assert done["trials"][0]["value"] == done["recipe"]
    assert all(one["values"] for one in done["trials"][1:])


def test_all_trials_have_the_budget_of_the_recipe(done):
    assert {one["steps"] for one in done["trials"]} == {done["steps"]}


def test_the_test_set_is_opened_once_after_the_last_trial(done, opened):
    assert opened == ["trial"] * 5 + ["test"]
    report = json.loads((Path(done["best"]["model"]) / "report.json").read_text(encoding="utf-8"))
    assert report["data"]["training_ended"] <= report["data"]["test_first_read"]
    assert done["best"]["test"]["rows"] == report["test"]["rows"] == 20


def test_the_report_says_by_how_many_trials_its_settings_were_chosen(done):
    report = json.loads((Path(done["best"]["model"]) / "report.json").read_text(encoding="utf-8"))
    found = report["tuning"]
    assert (found["trials"], found["chosen"]) == (5, done["best"]["number"])
    assert found["values"] == done["best"]["values"]
    assert found["chosen_by"] == "validation log_loss"
    page = (Path(done["best"]["model"]) / "report.html").read_text(encoding="utf-8")
    assert "chosen among 5 trials" in page


def test_the_best_run_has_the_state_that_was_best_on_validation(done):
    model = plaudit.Classifier.load(done["best"]["model"])
    assert model.predict(["a great lovely triumph"])[0].label == "positive"
    report = json.loads((Path(done["best"]["model"]) / "report.json").read_text(encoding="utf-8"))
    validations = [
        record["validation"]["log_loss"]
        for record in report["training"]["history"]
        if record["validation"]
    ]
    assert min(validations) == done["best"]["value"]
    stored = load(str(Path(done["folder"]) / BEST / "config.toml"))
    assert str(stored.optim.lr) == done["best"]["values"]["optim.lr"]


def test_of_the_weights_only_those_of_the_best_trial_are_kept(done):
    weights = [path.parent.name for path in Path(done["folder"]).rglob("*.safetensors")]
    assert weights == ["model"]


def test_the_folder_holds_the_document(done):
    folder = Path(done["folder"])
    assert folder.name == "small-tune"
    assert json.loads((folder / TABLE).read_text(encoding="utf-8")) == done


def test_the_same_command_on_what_has_ended_trains_nothing(done, home, monkeypatch):
    monkeypatch.setattr("plaudit.tune.workers.attempt", lambda *_: pytest.fail("it was trained"))
    monkeypatch.setattr(tuning, "train", lambda *_, **__: pytest.fail("it was trained"))
    again = plaudit.tune(str(home / "small.toml"), space=home / "space.toml", plan=SEARCH)
    assert again == done


def test_more_trials_after_the_test_set_was_used_are_refused(done):
    with pytest.raises(ConfigError, match="would make it part of the search"):
        resume(done["folder"], trials=6)


def test_killed_and_resumed_it_makes_the_trials_of_an_uninterrupted_one(
    done, recipe, monkeypatch, tmp_path
):
    attempt, begun = trial.attempt, []

    def cut_short(bench, order, judge):
        begun.append(order.number)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return attempt(bench, order, judge)

    monkeypatch.setattr("plaudit.tune.workers.attempt", cut_short)
    with pytest.raises(Interrupted, match=r"--resume .*small-tune") as raised:
        plaudit.tune(str(recipe), space=tmp_path / "space.toml", plan=SEARCH)
    assert raised.value.exit_code == 130
    found = resume(tmp_path / "runs" / "small-tune")
    assert tried(found) == tried(done)
    assert found["counts"]["cut_off"] == 1
    # The trial that was cut off, once more under another number, and none twice.
    assert len(begun) == len(set(begun)) == 6
    assert found["best"]["metrics"] == done["best"]["metrics"]
    assert found["best"]["test"] == done["best"]["test"]


def test_a_pruned_trial_trained_fewer_steps(recipe, tmp_path):
    recipe.write_text(recipe.read_text("utf-8").replace("= 1e-7", "= 5e-3"), encoding="utf-8")
    (tmp_path / "space.toml").write_text("optim.lr = {choices = [1e-8, 5e-3]}", encoding="utf-8")
    found = plaudit.tune(str(recipe), space=tmp_path / "space.toml", plan=Plan(trials=6))
    pruned = [one for one in found["trials"] if one["outcome"] == "pruned"]
    assert pruned
    assert found["counts"]["pruned"] == len(pruned)
    for one in pruned:
        assert one["values"]["optim.lr"] == "1e-08"
        assert one["value"] is None
        assert 0 < one["steps"] < found["steps"]
        assert len(one["validations"]) == 1


def test_a_combination_that_the_rules_refuse_is_told_and_not_a_crash(recipe, tmp_path):
    (tmp_path / "space.toml").write_text(
        "craft.fgm = {choices = [0.5, 1.0]}\nmodel.freeze_embeddings = {choices = [true, false]}\n",
        encoding="utf-8",
    )
    found = plaudit.tune(
        str(recipe), ["train.max_steps=2"], space=tmp_path / "space.toml", plan=Plan(trials=5)
    )
    for one in found["trials"][1:]:
        frozen = one["values"]["model.freeze_embeddings"] == "true"
        assert one["outcome"] == ("refused" if frozen else "complete")
        assert ("are frozen" in (one["why"] or "")) == frozen
    assert 0 < found["counts"]["refused"] < 4


def test_two_workers_make_all_trials_each_once(recipe, tmp_path):
    found = plaudit.tune(
        str(recipe), ["train.max_steps=2", "train.evaluations=1"],
        space=tmp_path / "space.toml", plan=Plan(trials=4, pruner="none", workers=2),
    )  # fmt: skip
    assert found["counts"] == {
        "complete": 4, "pruned": 0, "refused": 0, "failed": 0, "cut_off": 0
    }  # fmt: skip
    assert sorted(one["number"] for one in found["trials"]) == [0, 1, 2, 3]
    assert (Path(found["best"]["model"]) / "report.json").is_file()
    assert len(list(Path(found["folder"]).rglob("*.safetensors"))) == 1


def test_where_no_trial_comes_to_its_end_the_reasons_are_told(recipe, tmp_path, monkeypatch):
    def broken(*_):
        raise TrainingError("step 1: the loss is nan.")

    monkeypatch.setattr("plaudit.ablate.trial.learn", broken)
    with pytest.raises(TrainingError, match=r"No trial came to its end:\nstep 1: the loss is nan"):
        plaudit.tune(str(recipe), space=tmp_path / "space.toml", plan=Plan(trials=2))


def test_other_data_are_not_mixed_into_a_study(done, home, monkeypatch):
    plan = Path(done["folder"]) / "tuning.json"
    before = plan.read_text(encoding="utf-8")
    plan.write_text(before.replace(json.loads(before)["rows"], "0" * 16), encoding="utf-8")
    with pytest.raises(ConfigError, match="was begun with data that are others now"):
        resume(done["folder"])
    encoder = json.loads(before)["built_on"][0]
    plan.write_text(before.replace(encoder, "0" * len(encoder)), encoding="utf-8")
    with pytest.raises(ConfigError, match="was begun with an encoder, models or texts that are"):
        resume(done["folder"])
    plan.write_text(before, encoding="utf-8")


def test_what_a_study_is_built_on_is_the_encoder_the_teacher_and_its_texts(
    recipe, reviews_file, workshop, tmp_path
):
    from plaudit.ablate.trial import Bench
    from plaudit.run.watching import Silent

    texts = tmp_path / "more.csv"
    texts.write_text("text\nA film about a dog.\nAnother one.\n")
    teacher = workshop / "runs/quickstart/model"
    more = [f"distill.teacher={teacher}", f"distill.texts={texts}"]

    def built_on(*settings):
        return Bench(tmp_path, Silent()).built_on(load(str(recipe), settings))

    alone, taught = built_on(), built_on(*more)
    assert alone == built_on()
    assert len(taught) > len(alone)
    texts.write_text("text\nA film about a cat.\nAnother one.\n")
    assert built_on(*more)[:-1] == taught[:-1]
    assert built_on(*more)[-1] != taught[-1]


def test_the_command_prints_one_document(done, home):
    asked = ["tune", str(home / "small.toml"), "--space", str(home / "space.toml"),
             "--trials", "5", "--pruner", "none"]  # fmt: skip
    ended = CliRunner().invoke(app, [*asked, "--json"])
    assert ended.exit_code == 0
    assert json.loads(ended.stdout) == done
    assert "next: plaudit predict" in ended.stderr
    shown = CliRunner().invoke(app, [*asked, "--quiet"]).stdout
    assert "5 trials, of which 5 came to their end; chosen by validation log loss" in shown
    assert "On the test set, opened once" in shown
    assert "(recipe)" in shown


@pytest.mark.parametrize(
    "words",
    [("optim.lr=1e-3", "data.train=x.csv"), ("data.train=x.csv", "optim.lr =1e-3"),
     ("quickstart", "optim.lr=1e-3")],
)  # fmt: skip
def test_a_setting_that_is_given_is_not_searched_wherever_it_stands(tmp_path, words):
    space = tmp_path / "space.toml"
    space.write_text("[optim]\nlr = {choices = [1e-4, 1e-3]}\n")
    with pytest.raises(ConfigError, match="nothing is left to be searched"):
        tuning.tune(words[0], [*words[1:], f"out={tmp_path}"], space=space)


def test_a_file_that_is_called_like_a_setting_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "optim.lr=2e-4.toml").write_text("[train]\nepochs = 1\n")
    assert tuning._given("optim.lr=2e-4.toml", ["train.epochs = 2"]) == {"train.epochs": " 2"}
    assert tuning._given("optim.lr=2e-4", []) == {"optim.lr": "2e-4"}


def test_what_a_tuning_was_begun_with_is_not_given_again(done):
    asked = ["tune", "--resume", done["folder"], "--space", "nope.toml", "--pruner", "none"]
    ended = CliRunner().invoke(app, asked)
    assert ended.exit_code == 2
    assert "--space, --pruner with --resume" in ended.stderr


@pytest.mark.parametrize("plan", ["{", "{}", "[]"])
def test_a_damaged_plan_is_told_and_stands_in_no_other_tunings_way(recipe, tmp_path, plan):
    damaged = tmp_path / "runs" / f"{load(str(recipe)).name}-tune"
    damaged.mkdir(parents=True)
    (damaged / "tuning.json").write_text(plan)
    with pytest.raises(ConfigError, match=r"tuning\.json is damaged.*begin the tuning anew"):
        resume(damaged)
    config = load(str(recipe), [f"out={tmp_path / 'runs'}"])
    assert folder_of(config, (), Plan()) == damaged.with_name(f"{damaged.name}-2")


def test_mistakes_are_told_with_file_and_name_and_exit_code_2(recipe, tmp_path):
    space = tmp_path / "wrong.toml"
    space.write_text("optim.lrr = {low = 1e-5, high = 1e-4}\n", encoding="utf-8")
    for asked in (
        ["tune", str(recipe), "--space", str(space)],
        ["tune", str(recipe), "seeds=3"],
        ["tune", str(recipe), "split.validation_size=0"],
        ["tune"],
        ["tune", "--resume", str(tmp_path)],
    ):
        assert CliRunner().invoke(app, asked).exit_code == 2
    told = CliRunner().invoke(app, ["tune", str(recipe), "--space", str(space)]).stderr
    assert "wrong.toml:1: optim.lrr is not a setting; did you mean optim.lr?" in told


def test_trials_are_validated_after_the_same_steps_however_long_an_epoch_is(recipe, tmp_path):
    """Shorter texts make fewer batches of an epoch; the pruner compares validations by number."""
    space = tmp_path / "tokens.toml"
    space.write_text("[text]\nmax_tokens = {choices = [8, 10]}\n", encoding="utf-8")
    trials: list[list[tuple[int, float]]] = []

    class Noting(Silent):
        def say(self, line):
            if line.startswith("trial ") and " of 3: " in line:
                trials.append([])

        def step(self, record):
            if record.validation is not None:
                trials[-1].append((record.step, record.epoch))

    plan = Plan(trials=3, pruner="none")
    plaudit.tune(str(recipe), ["train.epochs=3"], space=space, plan=plan, watcher=Noting())
    first, *others = ([step for step, _ in marks] for marks in trials)
    assert len(first) == 3
    assert others == [first, first]
    assert {round(marks[-1][1]) for marks in trials[1:]} != {3}  # of their own, longer, epochs
