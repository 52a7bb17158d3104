import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.config import Config, dump_toml, load
from plaudit.errors import ConfigError


def problems(what=None, *overrides):
    with pytest.raises(ConfigError) as raised:
        load(what, overrides)
    return raised.value.problems


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="my.toml"):
        (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    return write


def test_without_anything_the_defaults_hold():
    assert load() == Config()


def test_overrides_win_over_the_file_and_later_over_earlier(written):
    file = written("[optim]\nlr = 1e-5\neps = 1e-7\n")
    config = load(file, ["optim.lr=2e-5", "optim.lr=3e-5"])
    assert (config.optim.lr, config.optim.eps) == (3e-5, 1e-7)


def test_a_broken_value_that_is_overridden_does_not_matter(written):
    assert load(written("[optim]\nlr = -1\n"), ["optim.lr=1e-3"]).optim.lr == 1e-3


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("imdb", "imdb"),
        ("bundled", "bundled"),
        ("bundled:rotten_tomatoes", "bundled-rotten_tomatoes"),
        ("hub:owner/Some.Set", "Some"),
        ("data/Stars 2024.csv.gz", "Stars-2024"),
        ("reviews/*.csv", "reviews"),
        ("../*.csv", "run"),
    ],
)
def test_data_is_trained_on_with_the_defaults_and_names_the_run(what, name):
    config = load(what)
    assert config == Config(name=name, data={"train": what})


def test_a_file_names_the_run_unless_it_says_otherwise(written):
    assert load(written("", "stars.toml")).name == "stars"
    assert load(written('name = "x"', "stars.toml")).name == "x"


def test_an_existing_folder_is_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aclImdb").mkdir()
    assert load("aclImdb").data.train == "aclImdb"


def test_an_override_may_stand_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load("data.train=r.csv", ["seed=2"]).data.train == "r.csv"
    (tmp_path / "a=b.csv").touch()
    assert load("a=b.csv").data.train == "a=b.csv"


@pytest.mark.parametrize(
    ("override", "section", "name", "value"),
    [
        ("data.label=1", "data", "label", "1"),
        ("data.train=a b=c.csv", "data", "train", "a b=c.csv"),
        ('data.text="quoted"', "data", "text", '"quoted"'),
        ("data.labels={'1-4' = 'negative'}", "data", "labels", {"1-4": "negative"}),
        ("data.labels=none", "data", "labels", None),
        ("data.test=none", "data", "test", None),
        ("train.max_steps=none", "train", "max_steps", None),
        ("optim.betas=[0.9, 0.95]", "optim", "betas", (0.9, 0.95)),
        ("optim.lr=.5", "optim", "lr", 0.5),
        ("text.policy=windows", "text", "policy", "windows"),
        ('text.policy="windows"', "text", "policy", "windows"),
        ("clean.html=false", "clean", "html", False),
        ("split.validation_size=0.5", "split", "validation_size", 0.5),
        ("split.validation_size=500", "split", "validation_size", 500),
    ],
)
def test_an_override_takes_the_type_of_its_setting(override, section, name, value):
    found = getattr(getattr(load(None, [override]), section), name)
    assert found == value
    assert type(found) is type(value)


def test_an_override_cannot_smuggle_in_a_second_setting():
    assert problems(None, "optim.lr=1\nseed = 3")[0].startswith("optim.lr=1")


def test_unknown_keys_are_answered_with_the_nearest():
    assert problems(None, "optim.lrr=1") == [
        "optim.lrr=1: optim.lrr is not a setting; did you mean optim.lr?"
    ]
    assert "plaudit recipes --keys" in problems(None, "zzz.qqq=1")[0]
    assert "such as optim.optimizer" in problems(None, "optim=1")[0]
    assert "write key=value" in problems(None, "optim.lr")[0]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("optim.lr=-1", "optim.lr must be a number above 0, not -1."),
        ("optim.lr=fast", 'optim.lr must be a number above 0, not "fast".'),
        ("optim.lr=", "optim.lr must be a number above 0, not nothing."),
        ("optim.lr=none", 'optim.lr must be a number above 0, not "none".'),
        ("optim.lr=inf", "optim.lr must be a finite number, not inf."),
        ("train.patience=true", "train.patience must be a whole number of at least 0, not true."),
        ("text.max_tokens=9000", "must be a whole number from 8 to 8192, not 9000."),
        ("text.max_tokens=9.5", "must be a whole number from 8 to 8192, not 9.5."),
        ("optim.betas=[0.9]", "a list of 2 values, each a number from 0 to below 1, not [0.9]."),
        ("train.device=gpu", "'auto', 'cpu', 'cuda', 'mps', not \"gpu\"; did you mean 'cpu'?"),
        ("name=a/b", "name must be made of at most 150 letters"),
        ("seed=4294967296", "to below 4294967296, not 4294967296."),
    ],
)
def test_a_wrong_value_is_said_with_what_is_allowed(override, said):
    (problem,) = problems(None, override)
    assert problem.startswith(f"{override}: ")
    assert said in problem
    assert "pydantic" not in problem


def test_all_problems_come_at_once_with_their_file_and_line(written):
    file = written(
        'name = "x"\n[optm]\nlr = 1\n[optim]\nlr = -1\n\n[train]\nbatch_tokens = 10\n'
        "[data]\nlabel = 1\n"
    )
    found = problems(file, "split.validation_size=2.5", "tran.epochs=1")
    assert found[0] == "my.toml:2: [optm] is not a section; did you mean [optim]?"
    assert found[1] == "my.toml:5: optim.lr must be a number above 0, not -1."
    assert found[2] == 'my.toml:10: data.label must be text or none, not 1; put it in quotes: "1".'
    assert found[3].startswith("split.validation_size=2.5: split.validation_size must be a whole")
    assert found[4].endswith("did you mean train.epochs?")
    assert found[5].startswith("my.toml:8: train.batch_tokens is 10, but one text may have 256")
    assert len(found) == 6


def test_a_contradiction_with_a_broken_setting_is_not_reported_twice():
    assert len(problems(None, "train.batch_tokens=10", "text.max_tokens=9000")) == 1


def test_other_spellings_of_toml_have_their_lines_too(written):
    assert problems(written('seed = 0\n["optim"]\n"lr" = -1\n')) == [
        "my.toml:3: optim.lr must be a number above 0, not -1."
    ]
    assert problems(written("optim.'lr' = -1\n"))[0].startswith("my.toml:1: optim.lr must")
    assert problems(written("\n[[train]]\nepochs = 1\n"))[0].startswith("my.toml:2: train is a s")


def test_a_toml_file_in_capitals_is_no_data(written):
    file = Path(written("[optim]\nlr = 2e-5\n"))
    capitals = file.rename(file.with_name("MY.TOML"))
    assert load(str(capitals)).optim.lr == 2e-5


@pytest.mark.parametrize("key", ["train.max_steps", "train.epochs"])
def test_a_course_that_no_memory_holds_is_refused(key):
    (problem,) = problems(None, f"{key}=99999999999")
    assert "to 10000" in problem


def test_a_section_written_as_a_value_is_explained(written):
    (problem,) = problems(written("optim = 3\n"))
    assert problem.startswith("my.toml:1: optim is a section")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("seed = 1\nseed = = 2\n", "my.toml:2: not valid TOML: Invalid value."),
        ("[optim]\nlr = ", "my.toml:2: not valid TOML"),
        (b"seed = 1\nname = '\xff'\n", "my.toml:2: not UTF-8"),
        ("[optim]\nlr = 1\nlr = 2\n", "my.toml:3: not valid TOML"),
    ],
)
def test_a_broken_file_is_named_with_its_line(written, content, place):
    (problem,) = problems(written(content))
    assert problem.startswith(place)


def test_a_file_may_begin_with_a_byte_order_mark(written):
    assert load(written(b"\xef\xbb\xbfseed = 7\n")).seed == 7


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
optional = st.none() | texts
size = st.integers(1, 10**9) | st.floats(0.01, 0.4)
configs = st.builds(
    Config,
    name=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,9}\Z"),
    out=texts,
    seed=st.integers(0, 2**32 - 1),
    data=st.fixed_dictionaries(
        {
            "train": texts,
            "test": optional,
            "label": optional,
            "labels": st.none() | st.dictionaries(texts, texts, max_size=3),
        }
    ),
    split=st.fixed_dictionaries({"train_size": st.none() | size, "validation_size": size}),
    optim=st.fixed_dictionaries(
        {
            "lr": st.floats(1e-300, 1e300),
            "betas": st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
        }
    ),
    clean=st.fixed_dictionaries({"html": st.booleans()}),
    text=st.fixed_dictionaries({"policy": st.sampled_from(["head", "windows"])}),
    train=st.fixed_dictionaries({"max_steps": st.none() | st.integers(1, 10_000_000)}),
)


@given(configs)
def test_a_dumped_configuration_is_read_back_equal(tmp_path_factory, config):
    path = tmp_path_factory.getbasetemp() / "dumped.toml"
    path.write_text(dump_toml(config), encoding="utf-8", newline="")
    again = load(str(path))
    assert again == config
    assert again.digest() == config.digest()
    assert dump_toml(again) == dump_toml(config)


def test_a_dump_names_every_setting():
    from plaudit.config import describe

    text = dump_toml(Config())
    for setting in describe():
        assert setting.key.rpartition(".")[2] in text


def test_a_dump_of_plain_values_is_that_of_the_configuration():
    config = Config(
        name="x",
        data={"train": 'C:\\data\\"reviews".csv', "labels": {"1-4": "bad\n\t\u2028", "*": "gööd"}},
        optim={"lr": 3e-5, "eps": 1e-8},
        train={"max_steps": 7},
    )
    text = dump_toml(config.model_dump(mode="json"))
    assert text == dump_toml(config)
    assert Config(**tomllib.loads(text)) == config


def test_a_dump_takes_settings_of_another_version():
    values = {"old": {"a b": 1, "gone": None}, "seed": 3}
    text = dump_toml(values)
    assert tomllib.loads(text) == {"seed": 3, "old": {"a b": 1}}
