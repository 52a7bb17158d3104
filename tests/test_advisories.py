"""Known vulnerabilities of what is pinned fail the check; an index that knows nothing is said."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = str(Path(__file__).parents[1] / ".ci" / "advisories.py")
verdict = runpy.run_path(SCRIPT)["verdict"]

GOOD = {"name": "numpy", "version": "2.4.6", "vulns": []}
BAD = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "CVE-1", "fix_versions": ["1.1"]}, {"id": "CVE-2", "fix_versions": []}],
}
UNKNOWN = {"name": "mine", "skip_reason": "Dependency not found on PyPI"}


def test_a_known_vulnerability_is_listed_and_fails():
    words, code = verdict({"dependencies": [GOOD, BAD, UNKNOWN]})
    assert code == 1
    assert words.splitlines() == [
        "old 1.0: CVE-1, mended in 1.1",
        "old 1.0: CVE-2, mended in no version yet",
        "2 known vulnerabilities in 2 of 3 packages",
    ]


def test_none_known_passes_and_says_how_many_were_asked_about():
    found = verdict({"dependencies": [GOOD, UNKNOWN]})
    assert found == ("0 known vulnerabilities in 1 of 2 packages", 0)


def test_an_index_that_knows_nothing_does_not_count_as_a_clean_bill():
    words, code = verdict({"dependencies": [UNKNOWN]})
    assert code == 0
    assert words.startswith("SKIPPED: the index knows no advisories")


def test_words_that_pip_audit_does_not_know_are_no_clean_bill(monkeypatch, capsys):
    answer = subprocess.CompletedProcess([], 2, "", "usage: …\npip-audit: error: -m: not known")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: answer)
    monkeypatch.setattr(sys, "argv", [SCRIPT, "-m"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(SCRIPT, run_name="__main__")
    assert stop.value.code == 2
    assert "not known" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (subprocess.TimeoutExpired("pip-audit", 60), "SKIPPED: no answer within 60 s"),
        (subprocess.CompletedProcess([], 1, "", "x\nno network"), "(no network)"),
    ],
)
def test_no_answer_is_said_and_stops_nothing(monkeypatch, capsys, answer, said):
    def run(*args, **kwargs):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", [SCRIPT])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(SCRIPT, run_name="__main__")
    assert stop.value.code == 0
    assert said in capsys.readouterr().out
