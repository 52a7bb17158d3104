import pytest

from plaudit.config import load, recipe, recipes
from plaudit.errors import ConfigError


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    (tmp_path / "zebra.toml").write_text("# Stripes.\n#\n# Measured: nothing.\n\n# not header\n")
    (tmp_path / "quickstart.toml").write_text("# Five minutes.\n[train]\nepochs = 1\n")
    (tmp_path / "bare.toml").write_text("seed = 3\n")
    monkeypatch.setattr("plaudit.config.shipped.folder", lambda: tmp_path)
    return tmp_path


def test_recipes_carry_their_title_and_header_quickstart_first(shelf):
    found = recipes()
    assert [entry.name for entry in found] == ["quickstart", "bare", "zebra"]
    assert found[2].title == "Stripes."
    assert found[2].header == "Stripes.\n\nMeasured: nothing."
    assert found[1].title == "bare"


def test_a_recipe_is_loaded_by_name_and_names_its_run(shelf):
    config = load("quickstart")
    assert (config.name, config.train.epochs) == ("quickstart", 1.0)


def test_a_recipe_goes_before_a_file_of_the_same_name(shelf, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bare").write_text("not a recipe")
    assert load("bare").seed == 3


def test_an_unknown_recipe_is_answered_with_the_nearest(shelf):
    message = "'zebr' is not a recipe; shipped are .*; did you mean 'zebra'"
    with pytest.raises(ConfigError, match=message):
        recipe("zebr")
    with pytest.raises(ConfigError, match=r"recipe \(quickstart, bare, zebra\).*'quickstart'"):
        load("quikstart")


def test_a_missing_toml_file_leads_to_the_recipe_of_that_name(shelf):
    with pytest.raises(ConfigError, match=r"quickstart.toml: cannot be read .* 'quickstart'\?"):
        load("quickstart.toml")


def test_every_shipped_recipe_loads_says_what_it_is_and_is_named_as_its_file():
    for shipped in recipes():
        assert load(shipped.name).name == shipped.name
        assert len(shipped.header.splitlines()) > 1, f"{shipped.name} has no header"
