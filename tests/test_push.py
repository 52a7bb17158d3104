"""What reaches the hub is the verified model and its card, and nothing there is written over."""

import json
import shutil

import pytest
from typer.testing import CliRunner

import plaudit
from plaudit.cli import app
from plaudit.errors import ArtifactError, ConfigError, PlauditError
from tests.hub_stand_in import TOKEN, Hub


@pytest.fixture
def hub(monkeypatch):
    from huggingface_hub import constants

    standing = Hub()
    monkeypatch.delenv("PLAUDIT_OFFLINE")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", standing.address)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    # The stand-in has the older of the hub's two ways for large files.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    yield standing
    standing.close()


@pytest.fixture
def model(workshop, tmp_path):
    shutil.copytree(workshop / "runs" / "quickstart", tmp_path / "run")
    return tmp_path / "run" / "model"


def test_the_hub_gets_the_model_as_it_is_and_private(hub, model):
    done = plaudit.push(model, "me/reviews")
    there = {path: data for path, data in hub.repositories["me/reviews"].items() if data}
    assert set(there) == set(done.files)
    assert {"plaudit.json", "README.md", "model.safetensors", "tokenizer.json"} <= set(there)
    assert all(data == (model / path).read_bytes() for path, data in there.items())
    assert hub.private == {"me/reviews": True}
    assert (done.url, done.commit) == (f"{hub.address}/me/reviews", "2" * 40)


def test_what_was_pushed_is_a_model_that_verifies_and_answers(hub, model, tmp_path):
    plaudit.push(model, "me/reviews")
    (tmp_path / "back").mkdir()
    for path, data in hub.repositories["me/reviews"].items():
        (tmp_path / "back" / path).write_bytes(data)
    assert plaudit.predict(tmp_path / "back", ["A triumph."]) == plaudit.predict(
        model, ["A triumph."]
    )


def test_the_report_quotes_reviews_so_it_goes_only_when_asked(hub, model):
    assert not {"report.html", "report.json"} & set(plaudit.push(model, "me/one").files)
    assert {"report.html", "report.json"} <= set(
        plaudit.push(model, "me/two", with_report=True).files
    )


def test_public_is_public(hub, model):
    plaudit.push(model, "me/reviews", public=True)
    assert hub.private == {"me/reviews": False}


def test_a_repository_with_files_is_not_written_to_unasked(hub, model):
    hub.repositories["me/reviews"] = {".gitattributes": b"", "model.safetensors": b"another's"}
    with pytest.raises(ConfigError, match="holds 1 files"):
        plaudit.push(model, "me/reviews")
    assert hub.repositories["me/reviews"]["model.safetensors"] == b"another's"
    plaudit.push(model, "me/reviews", update=True)
    assert (
        hub.repositories["me/reviews"]["model.safetensors"]
        == (model / "model.safetensors").read_bytes()
    )


def test_an_empty_repository_may_be_filled(hub, model):
    hub.repositories["me/reviews"] = {".gitattributes": b""}
    assert plaudit.push(model, "me/reviews").files
    assert "plaudit.json" in hub.repositories["me/reviews"]


def test_a_changed_model_is_not_uploaded(hub, model):
    with (model / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(ArtifactError, match="changed"):
        plaudit.push(model, "me/reviews")
    assert hub.repositories == {}


def test_a_model_without_a_card_is_not_uploaded(hub, model):
    (model / "README.md").unlink()
    with pytest.raises(ConfigError, match=rf"no model card.*: plaudit report {model}$"):
        plaudit.push(model, "me/reviews")
    (model / "report.json").unlink()
    with pytest.raises(ConfigError, match=r"no model card.*Nor has it the report\.json"):
        plaudit.push(model, "me/reviews")
    assert hub.repositories == {}


def test_without_a_right_to_write_it_says_how_to_log_in(hub, model, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ConfigError, match="hf auth login"):
        plaudit.push(model, "me/reviews")


def test_a_hub_that_does_not_answer_is_named(hub, model, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PlauditError, match=r"127\.0\.0\.1:9 does not answer"):
        plaudit.push(model, "me/reviews")


def test_offline_forbids_it_before_anything_is_asked(hub, model, monkeypatch):
    monkeypatch.setenv("PLAUDIT_OFFLINE", "1")
    with pytest.raises(ConfigError, match="PLAUDIT_OFFLINE"):
        plaudit.push(model, "me/reviews")
    assert hub.requests == []


NO_NAMES = (
    *("me", "me/", "/x", "a/b/c", "../up", "me/my model"),
    *("a/b--c", "a/b..d", "a/b.git", "a/é"),
)


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_on_the_hub_is_refused(model, name):
    with pytest.raises(ConfigError, match="owner/name"):
        plaudit.push(model, name)


def test_the_command_prints_one_document(hub, model):
    done = CliRunner().invoke(app, ["push", str(model), "me/reviews", "--json"])
    assert json.loads(done.stdout)["url"] == f"{hub.address}/me/reviews"
    again = CliRunner().invoke(app, ["push", str(model), "me/reviews"])
    assert (again.exit_code, "--update" in again.stderr) == (2, True)
