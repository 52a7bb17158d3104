import math

import pytest

from plaudit.config import Config, check, load
from plaudit.config.rules import conflicts
from plaudit.errors import ConfigError


def changed(**sections):
    return Config.model_validate(sections)


def keys_of(config):
    return [conflict.keys[0] for conflict in conflicts(config)]


def test_the_defaults_agree_with_each_other():
    check(Config())


def test_a_batch_must_hold_the_longest_text():
    assert keys_of(changed(train={"batch_tokens": 255})) == ["train.batch_tokens"]
    assert keys_of(changed(train={"batch_tokens": 256})) == []
    assert keys_of(changed(train={"batch_tokens": 255, "batch_examples": 4})) == []


def test_windows_must_advance():
    text = {"policy": "windows", "max_tokens": 64}
    assert keys_of(changed(text={**text, "stride": 62})) == ["text.stride"]
    assert keys_of(changed(text={**text, "stride": 61})) == []
    assert keys_of(changed(text={"policy": "head", "max_tokens": 64, "stride": 62})) == []


def test_patience_needs_validation_data():
    train, split = {"patience": 2}, {"validation_size": 0}
    assert keys_of(changed(train=train, split=split)) == ["train.patience"]
    assert keys_of(changed(train=train, split=split, data={"validation": "v.csv"})) == []
    assert keys_of(changed(split=split)) == []


def test_something_must_be_left_to_train_on():
    assert keys_of(changed(split={"train_size": 0})) == ["split.train_size"]
    halves = {"validation_size": 0.5, "test_size": 0.5}
    assert keys_of(changed(split=halves)) == ["split.test_size"]
    assert keys_of(changed(split=halves, data={"test": "t.csv"})) == []
    assert keys_of(changed(split={"validation_size": 500, "test_size": 0.6})) == []


def test_prior_correction_needs_shares_that_were_changed():
    correct = {"prior_correction": True}
    for method in ("none", "focal"):
        found = keys_of(changed(imbalance={"method": method, **correct}))
        assert found == ["imbalance.prior_correction"]
    for method in ("weights", "oversample", "undersample"):
        assert keys_of(changed(imbalance={"method": method, **correct})) == []


def test_rdrop_needs_dropout():
    none = {"head_dropout": 0.0}
    assert keys_of(changed(craft={"rdrop": 1.0}, model=none)) == ["craft.rdrop"]
    assert keys_of(changed(craft={"rdrop": 1.0})) == []
    assert keys_of(changed(craft={"rdrop": 1.0}, model={**none, "dropout": 0.1})) == []
    adapted = changed(craft={"rdrop": 1.0}, model=none, lora={"rank": 4, "dropout": 0.1})
    assert keys_of(adapted) == []
    unused = changed(craft={"rdrop": 1.0}, model=none, lora={"dropout": 0.1})
    assert "craft.rdrop" in keys_of(unused)


def test_embeddings_that_are_moved_must_not_be_frozen():
    for frozen in ({"freeze_embeddings": True}, {"freeze_layers": 1}):
        assert keys_of(changed(craft={"fgm": 1.0}, model=frozen)) == ["craft.fgm"]
    assert keys_of(changed(craft={"fgm": 1.0})) == []


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_numbers_must_be_finite(value):
    broken = Config().model_copy(update={"optim": Config().optim.model_copy(update={"lr": value})})
    assert keys_of(broken) == ["optim.lr"]


def test_all_contradictions_are_raised_together():
    config = changed(train={"batch_tokens": 8, "patience": 1}, split={"validation_size": 0})
    with pytest.raises(ConfigError) as raised:
        check(config)
    assert len(raised.value.problems) == 2


@pytest.mark.parametrize(
    "setting",
    ["imbalance.method=focal", "imbalance.method=oversample", "craft.label_smoothing=0.1",
     "craft.rdrop=1", "decide.threshold=f1", "decide.abstain=error", "train.select=mcc", "seeds=2",
     "report.robustness=true", "imbalance.beta=0.9", "data.text_pair=other", "split.per_class=8",
     "contrast.steps=5", "distill.teacher=runs/x/model"],
)  # fmt: skip
def test_what_has_no_meaning_with_several_labels_is_refused_with_the_reason(setting: str) -> None:
    key, _, _ = setting.partition("=")
    with pytest.raises(ConfigError) as caught:
        load(None, ["data.multilabel=true", "model.dropout=0.1", setting])
    told = [line for line in caught.value.problems if key in line and "data.multilabel" in line]
    assert len(told) == 1
    load(None, ["data.multilabel=true", "imbalance.method=weights"])


@pytest.mark.parametrize("setting", ["data.label_separator=;", "decide.label_thresholds=half"])
def test_what_is_about_several_labels_alone_is_not_ignored(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"set data\.multilabel to true"):
        load(None, [setting])
    load(None, ["data.multilabel=true", setting])


def test_several_columns_may_be_a_list() -> None:
    config = Config.model_validate({"data": {"label": ["joy", "fear"], "multilabel": True}})
    assert config.data.label == "joy,fear"


def test_a_head_fitted_on_the_mean_of_windows_does_not_answer_by_their_maximum():
    windows = {"policy": "windows", "max_tokens": 64, "window_pooling": "max"}
    assert keys_of(changed(text=windows, contrast={"steps": 5})) == ["contrast.steps"]
    assert keys_of(changed(text=windows)) == []
    mean = {**windows, "window_pooling": "mean"}
    assert keys_of(changed(text=mean, contrast={"steps": 5})) == []


def test_a_folder_for_runs_may_begin_at_home_and_a_name_fits_into_a_file_system(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert load("quickstart", ["out=~/runs"]).out == "/home/somebody/runs"
    with pytest.raises(ConfigError, match="at most 150 letters"):
        load("quickstart", [f"name={'a' * 151}"])


@pytest.mark.parametrize(
    ("idle", "switch"),
    [
        ("decide.target=0.5", "decide.threshold=recall"),
        ("decide.max_error=0.01", "decide.abstain=error"),
        ("decide.coverage=0.5", "decide.abstain=conformal"),
    ],
)
def test_a_bound_that_nothing_asks_for_is_not_ignored(idle: str, switch: str) -> None:
    with pytest.raises(
        ConfigError, match=r"says nothing while decide\.(threshold|abstain) is none"
    ):
        load(None, [idle])
    load(None, [idle, switch])
