"""``plaudit explain``: what it parses, shows and writes."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from plaudit.cli import app


@pytest.fixture
def here(workshop, monkeypatch, tmp_path):
    """A folder with a model in it."""
    (tmp_path / "model").symlink_to(workshop / "runs/quickstart/model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plaudit_(command: str, stdin: str | None = None):
    return CliRunner().invoke(app, shlex.split(command), input=stdin, prog_name="plaudit")


def test_words_and_signed_numbers_one_a_line(here):
    done = plaudit_("explain model 'A triumph, not a waste.'")
    assert done.exit_code == 0
    first, *lines = done.stdout.splitlines()
    assert first.endswith(", gradient")
    scores, words = zip(*(line.split("\t") for line in lines), strict=True)
    assert words == ("A", "triumph", ",", "not", "a", "waste", ".")
    assert all(score[0] in "+-" for score in scores)
    assert "\x1b" not in done.stdout
    assert done.stderr == "next: plaudit explain model TEXT --method integrated-gradients\n"


def test_json_is_one_document_of_words_places_and_scores(here):
    done = plaudit_(
        "explain model 'A good film' --json --method integrated-gradients --class negative"
    )
    [found] = json.loads(done.stdout)
    assert (found["target"], found["text"]) == ("negative", "A good film")
    assert [found["text"][w["start"] : w["end"]] for w in found["words"]] == ["A", "good", "film"]
    total = sum(word["score"] for word in found["words"])
    difference = found["log_odds"] - found["baseline_log_odds"]
    assert total - difference == pytest.approx(found["delta"], abs=1e-6)


def test_texts_come_from_a_file_or_a_stream(here):
    (here / "in.txt").write_text("good\nbad film\n", encoding="utf-8")
    from_file = plaudit_("explain model in.txt")
    assert from_file.stdout == plaudit_("explain model -", "good\nbad film\n").stdout
    assert from_file.stdout.count("gradient") == 2


def test_over_all_texts_the_words_that_drive_each_label_are_listed(here):
    texts = "\n".join(["a triumph", "great triumph"] * 3 + ["waste", "a waste"] * 3)
    listed = json.loads(plaudit_("explain model - --global --json", texts).stdout)
    assert "triumph" in [each["text"] for each in listed["words"]["positive"]]
    shown = plaudit_("explain model - --global", texts).stdout
    assert "waste" in shown
    assert "towards" in shown.splitlines()[0]
    assert (
        "no word stands in 3 or more of 1 texts"
        in plaudit_("explain model - --global", "good").stdout
    )


def test_a_page_is_written_once_and_its_texts_are_inert(here):
    hostile = "<script>alert(1)</script> great \u202e film"
    done = plaudit_(f"explain model {shlex.quote(hostile)} --html page.html")
    page = (here / "page.html").read_text(encoding="utf-8")
    assert done.exit_code == 0
    assert "<script" not in page
    assert "<sup>+</sup>" in page or "<sup>−</sup>" in page
    assert "default-src 'none'" in page
    again = plaudit_("explain model good --html page.html")
    assert again.exit_code == 2
    assert "never overwritten" in again.stderr


def test_control_characters_do_not_reach_the_terminal(here):
    done = plaudit_("explain model -", "good \x1b[2J film")
    assert "\x1b" not in done.stdout


def test_on_a_terminal_words_have_colour_and_sign(here, monkeypatch, trained, capsys):
    from importlib import import_module

    from plaudit.explain import explain

    command = import_module("plaudit.cli.explain")

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    command._show(explain(trained, ["a triumph\x1b[2J " + "film " * 100])[0])
    shown = capsys.readouterr().out
    assert "\x1b[" in shown
    assert "\x1b[2J" not in shown
    assert "[not read: " in shown
    assert "triumph+" in shown.replace("\x1b", "")
    assert "strongest: " in shown


def test_a_page_is_written_though_nobody_reads_the_result_to_its_end(here):
    script = (
        "import sys; sys.argv = ['plaudit', 'explain', 'model', 'good', 'bad', '--html', 'p.html'];"
        "from plaudit.cli import main; main()"
    )
    read, write = os.pipe()
    os.close(read)  # as head does once it has its lines
    ended = subprocess.run(
        [sys.executable, "-c", script], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert ended.returncode == 0, ended.stderr
    assert b"page: p.html" in ended.stderr
    assert "<html" in (here / "p.html").read_text()


def test_steps_without_the_method_that_has_them_are_refused(here):
    done = plaudit_("explain model good --steps 3")
    assert done.exit_code == 2
    assert "--steps is of integrated gradients" in done.stderr


def test_the_users_mistakes_exit_with_2(here):
    assert plaudit_("explain model good --class positiv").exit_code == 2
    empty = plaudit_("explain model -", "")
    assert empty.exit_code == 2
    assert "no text to explain" in empty.stderr
    assert plaudit_("explain nowhere good").exit_code == 2
