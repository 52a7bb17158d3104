"""A search space is held against the schema, and every mistake in it is named at once."""

import re

import pytest

from plaudit.config.keys import by_key
from plaudit.errors import ConfigError
from plaudit.tune.reading import read_space
from plaudit.tune.space import Dimension


def read(tmp_path, text, **how):
    path = tmp_path / "space.toml"
    path.write_text(text, encoding="utf-8")
    return {dimension.key: dimension for dimension in read_space(path, **how)}


def test_ranges_and_choices_are_read_with_what_they_take(tmp_path):
    space = read(
        tmp_path,
        "[optim]\nlr = {low = 1e-5, high = 1e-3, log = true}\n"
        'head_lr = {choices = ["none", 1e-3]}\nbetas = {choices = [[0.9, 0.98], [0.9, 0.999]]}\n'
        "[model]\nfreeze_layers = {low = 0, high = 6, step = 2}\n",
    )
    assert space["optim.lr"] == Dimension("optim.lr", low=1e-5, high=1e-3, log=True)
    assert space["optim.head_lr"].choices == ("none", "0.001")
    assert space["optim.betas"].choices == ("[0.9, 0.98]", "[0.9, 0.999]")
    assert (space["model.freeze_layers"].whole, space["model.freeze_layers"].step) == (True, 2)


def test_all_mistakes_come_at_once_with_file_line_and_the_nearest_name(tmp_path):
    with pytest.raises(ConfigError) as raised:
        read(
            tmp_path,
            "[optim]\nlrr = {low = 1e-5, high = 1e-3}\neps = {low = 1e-9, hihg = 1e-6}\n"
            "layer_decay = {low = 0.5, high = 1.5}\n[imbalance]\n"
            'method = {choices = ["none", "focl"]}\n[train]\nprecision = {low = 1, high = 2}\n',
        )
    said = raised.value.problems
    assert len(said) == 5
    for line, words in enumerate(
        ["did you mean optim.lr?", "did you mean high?", "layer_decay must be a number above 0"], 2
    ):
        assert f"space.toml:{line}: " in said[line - 2]
        assert words in said[line - 2]
    assert "did you mean 'focal'?" in said[3]
    assert "choices = […]" in said[4]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("optim.lr = 1e-4", "is no search"),
        ("optim.lr = {low = 1e-4}", "high is missing"),
        ("optim.lr = {low = 1e-3, high = 1e-4}", "low must be below high"),
        ("optim.lr = {low = nan, high = 1e-4}", "finite"),
        ("optim.lr = {low = 1e-4, high = 1e-3, choices = [1, 2]}", "do not go together"),
        ("optim.lr = {choices = [1e-4]}", "two values at least"),
        ("optim.lr = {choices = [1e-4, 1e-4]}", "twice"),
        ("optim.weight_decay = {low = 0.0, high = 0.1, log = true}", "low must be above 0"),
        ("optim.lr = {low = 1e-4, high = 1e-3, log = true, step = 1e-4}", "log and step"),
        ("model.freeze_layers = {low = 0, high = 6, step = 0.5}", "whole number"),
        ("model.freeze_layers = {low = 0, high = 5, step = 2}", "whole steps"),
        ('train.packed = {low = "auto", high = 2}', "not a number"),
        ("model.freeze_embeddings = {choices = [true, 3]}", "must be true or false"),
        ("seed = {choices = [1, 2]}", "a lucky seed"),
        ("ngrams.weight = {low = 0.0, high = 1.0}", "by what the encoder answers by itself"),
        ("split.validation_size = {low = 10, high = 20}", "the same validation rows"),
        ('train.select = {choices = ["mcc", "accuracy"]}', "decides how trials are compared"),
        ("evaluate.bootstrap = {low = 100, high = 200}", "one and the same"),
        ("train.epochs = {low = 1, high = 2}", "--budget own"),
        ("craft.fgm = {low = 0.1, high = 1, when = 3}", "names no setting.*key in quotes"),
        ("craft.fgm = {low = 0.1, high = 1, when = {optim.lr = 3}}", "names no setting.*quotes"),
        ('craft.fgm = {low = 0, high = 1, when = {"craft.fgm" = 1}}', "on itself"),
        ("optim.lr = {choices = [inf, 1e-3]}", "finite"),
        ("optim.lr = {low = 1e-4, high = 1e-3, step = 1e-320}", "whole steps"),
        ("optim.lr = {}", "low and high are missing"),
        ("", "nothing is left"),
    ],
)
def test_what_cannot_be_searched_is_refused(tmp_path, entry, said):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, entry)


def test_a_budget_of_its_own_may_be_searched(tmp_path):
    space = read(tmp_path, "train.epochs = {low = 1, high = 2}", budget="own")
    assert list(space) == ["train.epochs"]


CONDITIONAL = """
imbalance.gamma = {low = 1.0, high = 5.0, when = {"imbalance.method" = "focal"}}
imbalance.method = {choices = ["none", "focal"]}
"""


def test_a_conditional_setting_counts_only_with_the_value_it_names(tmp_path):
    space = read(tmp_path, CONDITIONAL)
    assert list(space) == ["imbalance.method", "imbalance.gamma"]
    gamma = space["imbalance.gamma"]
    assert gamma.counts({"imbalance.method": "focal"})
    assert not gamma.counts({"imbalance.method": "none"})
    assert not gamma.counts({})


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ('{"imbalance.methd" = "focal"}', "did you mean imbalance.method?"),
        ('{"imbalance.method" = "focl"}', "did you mean focal?"),
        ('{"optim.lr" = 1e-4}', "only choices"),
        ('{"craft.pull" = 1}', "depend on each other"),
    ],
)
def test_a_condition_that_cannot_hold_is_refused(tmp_path, when, said):
    text = (
        'imbalance.method = {choices = ["none", "focal"]}\noptim.lr = {low = 1e-5, high = 1e-4}\n'
        f"imbalance.gamma = {{choices = [1, 2], when = {when}}}\n"
        'craft.pull = {choices = [0, 1], when = {"imbalance.gamma" = 1}}\n'
    )
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text)


def test_what_is_given_on_the_command_line_is_not_searched_and_settles_conditions(tmp_path):
    assert list(read(tmp_path, CONDITIONAL, given={"imbalance.method": "focal"})) == [
        "imbalance.gamma"
    ]
    with pytest.raises(ConfigError, match="nothing is left"):
        read(tmp_path, CONDITIONAL, given={"imbalance.method": "weights"})


def test_a_number_that_is_given_settles_conditions_however_it_is_spelled(tmp_path):
    text = (
        "optim.head_lr = {choices = [1e-3, 1e-2]}\noptim.lr = {low = 1e-5, high = 1e-4}\n"
        'optim.layer_decay = {low = 0.7, high = 1.0, when = {"optim.head_lr" = 1e-3}}\n'
    )
    for spelled in ("1e-3", "0.001", " 1.0e-3"):
        space = read(tmp_path, text, given={"optim.head_lr": spelled})
        assert list(space) == ["optim.lr", "optim.layer_decay"]
    assert list(read(tmp_path, text, given={"optim.head_lr": "1e-2"})) == ["optim.lr"]


@pytest.mark.parametrize(
    ("when", "given"),
    [('"craft.fgm" = 1', "1.0"), ('"craft.fgm" = 1.0', "1"), ('"evaluate.baseline" = true', "yes")],
)
def test_a_condition_is_about_the_value_and_not_its_kind_in_toml(tmp_path, when, given):
    text = f"optim.lr = {{low = 1e-5, high = 1e-4, when = {{{when}}}}}\n"
    (key,) = re.findall('"(.*?)"', when)
    assert list(read(tmp_path, text, given={key: given})) == ["optim.lr"]
    with pytest.raises(ConfigError, match="nothing is left"):
        read(tmp_path, text, given={key: "0"})


def test_the_shipped_space_is_valid_and_leaves_the_budget_alone_unless_asked():
    keys = [dimension.key for dimension in read_space(None)]
    assert {"optim.lr", "optim.head_lr", "optim.layer_decay", "model.head_dropout"} <= set(keys)
    assert set(keys) <= set(by_key())
    assert {d.key for d in read_space(None, "own")} - set(keys) == {"train.epochs"}


def test_a_dimension_survives_the_folder(tmp_path):
    for dimension in read(tmp_path, CONDITIONAL).values():
        assert Dimension.of(dimension.to_dict()) == dimension
