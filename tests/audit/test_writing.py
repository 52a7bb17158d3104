"""What is written holds the fixes asked for, and the ledger accounts for the rest."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import plaudit
from plaudit.audit import writing
from plaudit.audit.records import Blank, Change
from plaudit.audit.repeats import same_texts
from plaudit.cli import app
from plaudit.errors import ConfigError, DataError


def texts(path):
    return pq.read_table(path).column("text").to_pylist()


def ledger(written):
    with written.ledger.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_default_fixes_leave_each_text_in_one_place(audited, planted, tmp_path):
    written = audited.write(tmp_path / "clean.parquet")
    train = texts(tmp_path / "clean.train.parquet")
    test = texts(tmp_path / "clean.test.parquet")
    assert len(test) == 60
    assert len(set(train)) == len(train)
    assert not set(train) & set(test)
    assert written.kept == len(train) + len(test) == 196 - written.dropped
    assert written.dropped == 2 + 4 + 4 + 3
    assert written.changed == 0


def test_the_ledger_has_every_row_that_is_gone_and_why(audited, planted, tmp_path):
    written = audited.write(tmp_path / "clean.parquet")
    entries = ledger(written)
    origins = {str(path.relative_to(planted.parent)) for path in planted.rglob("*.txt")}
    kept = {
        origin
        for path in written.files.values()
        for origin in pq.read_table(path).column("origin").to_pylist()
    }
    gone = {re.sub("^[^/]*/", "", entry["origin"]) for entry in entries}
    known = {re.sub("^[^/]*/", "", origin) for origin in origins}
    assert gone == known - {re.sub("^[^/]*/", "", origin) for origin in kept}
    assert {entry["fix"] for entry in entries} == {"empty", "leaks", "conflicts", "duplicates"}
    assert all(entry["why"] and entry["action"] == "dropped" for entry in entries)


def test_kept_texts_are_raw(audited, tmp_path):
    written = audited.write(tmp_path / "c.parquet", ["empty"])
    assert any("<br />" in text for text in texts(written.files["train"]))


def test_texts_are_mended_when_asked(audited, tmp_path):
    written = audited.write(tmp_path / "c.parquet", ["mojibake", "ratings"])
    train = texts(written.files["train"])
    assert any(text.endswith("très jolie café it’s") for text in train)
    assert not any("2/10" in text for text in train)
    changed = [entry for entry in ledger(written) if entry["action"] == "changed"]
    assert sorted(entry["fix"] for entry in changed) == ["mojibake", "ratings"]
    assert written.changed == 2


def test_near_repeats_go_when_asked_and_the_test_stays(audited, tmp_path):
    written = audited.write(tmp_path / "c.parquet", ["near_duplicates", "near_leaks"])
    assert not any(text.endswith("coda") for text in texts(written.files["train"]))
    assert len(texts(written.files["test"])) == 60


def test_exact_copies_of_a_near_repeat_go_with_it(write_table, tmp_path, tiny_encoder):
    words = [f"w{n}" for n in range(40)]
    near = " ".join(words)
    rows = [(f"{near} coda", "a"), (near, "a"), (near, "a")]
    rows += [(f"text {n} here and there", "ab"[n % 2]) for n in range(20)]
    path = write_table(tmp_path / "reviews.csv", rows)
    audit = plaudit.audit(str(path), encoder=str(tiny_encoder), label_errors=False)
    left = texts(audit.write(tmp_path / "c.parquet", ["near_duplicates"]).files["all"])
    assert sum(text.startswith(near) for text in left) == 1


def test_a_plain_table_is_one_file_that_can_be_trained_on(write_table, tmp_path, tiny_encoder):
    rows = [(f"text {n} here", "ab"[n % 2]) for n in range(30)] + [("text 0 here", "a"), ("", "b")]
    path = write_table(tmp_path / "reviews.csv", rows)
    audit = plaudit.audit(str(path), encoder=str(tiny_encoder), label_errors=False)
    written = audit.write(tmp_path / "clean.parquet")
    again = plaudit.audit(str(written.files["all"]), encoder=str(tiny_encoder), label_errors=False)
    assert again.to_dict()["rows"] == 30
    assert "duplicates" not in {each.code for each in again.findings}
    assert audit.table.blank == (Blank("reviews.csv:33", "b", "all"),)


def test_a_text_that_the_split_left_out_survives_in_the_later_part(
    write_table, tmp_path, tiny_encoder
):
    # As with the bundled reviews: blocks, where a training row gives way to an equal test row.
    rows = [(f"text {n} here", "ab"[n % 2]) for n in range(6)] + [("text 0 here", "a")]
    path = write_table(tmp_path / "reviews.csv", rows)
    table = plaudit.audit(str(path), encoder=str(tiny_encoder), label_errors=False).table
    table = replace(
        table,
        order="blocks",
        parts=("train", "validation", "test", "left out"),
        parts_N=np.array([3, 0, 0, 0, 1, 1, 2]),
    )
    written = writing.write(table, same_texts(table), tmp_path / "clean.parquet", ["duplicates"])
    assert set(written.files) == {"train", "validation", "test"}
    assert texts(written.files["test"]) == ["text 0 here"]
    assert texts(written.files["train"]) == [f"text {n} here" for n in (1, 2, 3)]
    written = writing.write(table, [], tmp_path / "other.parquet", [])
    assert [entry["fix"] for entry in ledger(written)] == ["split"]


def test_nothing_is_overwritten_and_nothing_half_written(audited, tmp_path, monkeypatch):
    for name in ("clean.train.parquet", "clean.ledger.csv"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
        with pytest.raises(ConfigError, match="never overwritten"):
            audited.write(tmp_path / "clean.parquet")
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(writing, "_write_ledger", fail)
    with pytest.raises(OSError, match="disk is full"):
        audited.write(tmp_path / "clean.parquet")
    assert list(tmp_path.iterdir()) == []


def test_fixes_that_leave_nothing_are_refused(write_table, tmp_path, tiny_encoder):
    path = write_table(tmp_path / "reviews.csv", [("same text", "a"), ("same text", "b")])
    audit = plaudit.audit(str(path), encoder=str(tiny_encoder), label_errors=False)
    with pytest.raises(DataError, match="leave no row"):
        audit.write(tmp_path / "clean.parquet")


def run(*arguments):
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


def test_the_command_prints_one_document_and_writes_what_it_says(planted, tiny_encoder, tmp_path):
    page, clean = tmp_path / "audit.html", tmp_path / "clean.parquet"
    done = run(
        planted, "--encoder", tiny_encoder, "--max-tokens", 16, "--no-label-errors", "--json",
        "--html", page, "--write", clean, "--fix", "default,near_duplicates",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["written"]["kept"] == 196 - 13 - 2
    assert Path(document["written"]["files"]["train"]).is_file()
    assert "plaudit train" in done.stderr and "data.test=" in done.stderr
    assert page.read_text(encoding="utf-8").count("<h3>") == len(document["findings"])


def test_the_table_names_findings_policies_and_words(planted, tiny_encoder):
    done = run(planted, "--encoder", tiny_encoder, "--max-tokens", 16, "--no-label-errors")
    assert done.exit_code == 0, done.output
    for wanted in ("ERROR leaks", "WARNING duplicates", "head_tail", "goes with negative", "->"):
        assert wanted in done.stdout
    assert "--write clean.parquet" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fix", "duplicats"], "did you mean 'duplicates'"),
        (["--write", "clean.csv"], "written as .parquet"),
        (["--write", "absent/clean.parquet"], "there is no folder"),
        (["--html", "."], "never overwritten"),
    ],
)
def test_mistakes_are_named_before_the_work(arguments, message):
    done = run("absent.csv", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


HOSTILE = "<script>alert(1)</script>\x1b[2J\u202egood"


def test_hostile_text_stays_inert(write_table, tmp_path, tiny_encoder):
    label = "<img src=x onerror=alert(2)>"
    rows = [(f"{HOSTILE} {n}", ("fine", label)[n % 2]) for n in range(30)]
    rows += rows[:2]
    path = write_table(tmp_path / "reviews.csv", rows)
    page = tmp_path / "audit.html"
    done = run(path, "--encoder", tiny_encoder, "--no-label-errors", "--html", page)
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout
    shown = page.read_text(encoding="utf-8")
    assert "<img" not in shown and "&lt;img src=x" in shown
    assert "<script" not in shown
    assert "default-src &#39;none&#39;" in shown or "default-src 'none'" in shown


def test_the_command_named_next_reads_the_same_columns(tmp_path, tiny_encoder):
    path = tmp_path / "my reviews.csv"
    path.write_text("body,stars,note\ngood film,a,x\ndull film,b,y\ngood film,a,z\n")
    found = ["--text", "body", "--label", "stars"]
    done = run(path, *found, "--encoder", tiny_encoder, "--no-label-errors", "--quiet")
    assert done.exit_code == 0, done.output
    command = done.stderr.splitlines()[-1]
    assert "my reviews.csv' --text body --label stars --write clean.parquet" in command


def audit_of_rows(write_table, tmp_path, tiny_encoder, rows):
    path = write_table(tmp_path / "reviews.csv", rows)
    return plaudit.audit(str(path), encoder=str(tiny_encoder), label_errors=False)


def plain_rows(count):
    return [(f"text {n} here and there", "ab"[n % 2]) for n in range(count)]


def test_a_text_of_which_mending_leaves_nothing_goes(write_table, tmp_path, tiny_encoder):
    rows = [*plain_rows(20), ("10/10", "a"), ("<b>3/10</b>", "b"), ("fine, 8/10", "a")]
    audit = audit_of_rows(write_table, tmp_path, tiny_encoder, rows)
    written = audit.write(tmp_path / "c.parquet", ["ratings"])
    assert texts(written.files["all"])[20:] == ["fine, "]
    assert [entry["fix"] for entry in ledger(written)] == ["empty", "empty", "ratings"]
    assert written.kept == 21


@pytest.mark.parametrize(
    ("label", "fix", "left"), [("a", "duplicates", 1), ("b", "conflicts", 0), ("a", "tiny", 2)]
)
def test_what_mending_makes_equal_is_dealt_with_as_what_was_equal(
    label, fix, left, write_table, tmp_path, tiny_encoder
):
    rows = [*plain_rows(20), ("a film of its own", "a"), ("a film of its own 8/10", label)]
    audit = audit_of_rows(write_table, tmp_path, tiny_encoder, rows)
    written = audit.write(tmp_path / "c.parquet", ["ratings", fix])
    found = [text.strip() for text in texts(written.files["all"])]
    assert found.count("a film of its own") == left
    if left < 2:
        assert ledger(written)[-1]["why"].endswith("once texts are mended")


def test_mending_makes_no_new_leak(tmp_path, tiny_encoder):
    rows = {"train": plain_rows(20), "test": [(f"other {n} film", "ab"[n % 2]) for n in range(8)]}
    rows["train"].append(("other 3 film 8/10", "b"))
    for part, each in rows.items():
        for n, (text, label) in enumerate(each):
            folder = tmp_path / "data" / part / {"a": "neg", "b": "pos"}[label]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{n}_0.txt").write_text(text, encoding="utf-8")
    audit = plaudit.audit(str(tmp_path / "data"), encoder=str(tiny_encoder), label_errors=False)
    written = audit.write(tmp_path / "c.parquet", ["leaks", "ratings"])
    assert len(texts(written.files["test"])) == 8
    assert not any("other 3 film" in text for text in texts(written.files["train"]))


def test_of_blocks_mending_puts_no_text_on_both_sides(write_table, tmp_path, tiny_encoder):
    rows = [*plain_rows(8), ("text 9 here and there", "a"), ("text 9 here and there 8/10", "a")]
    table = audit_of_rows(write_table, tmp_path, tiny_encoder, rows).table
    found = plaudit.audit(
        str(tmp_path / "reviews.csv"), encoder=str(tiny_encoder), label_errors=False
    ).found
    table = replace(
        table,
        order="blocks",
        parts=("train", "validation", "test"),
        parts_N=np.array([0, 0, 0, 0, 0, 1, 1, 2, 2, 0]),
    )
    written = writing.write(table, found, tmp_path / "c.parquet", ["leaks", "ratings"])
    assert "text 9 here and there" in texts(written.files["test"])
    assert not any("text 9" in text for text in texts(written.files["train"]))
    assert ledger(written)[-1]["fix"] == "split"


def test_rows_of_one_part_leak_nowhere_once_the_later_one_is_gone(
    write_table, tmp_path, tiny_encoder
):
    table = audit_of_rows(write_table, tmp_path, tiny_encoder, plain_rows(20)).table
    parts_N = np.zeros(len(table), dtype=np.int64)
    parts_N[2] = 2
    table = replace(table, parts=("train", "validation", "test"), parts_N=parts_N)
    near = [Change(row, "", kept=2) for row in (0, 1)]
    dropped = {2: ("conflicts", "")}
    writing._drop_near(table, dropped, "near_leaks", near)
    assert set(dropped) == {2}
    writing._drop_near(table, dropped, "near_duplicates", near)
    assert set(dropped) == {2, 1}


def test_a_near_repeat_stays_where_what_it_repeats_goes(write_table, tmp_path, tiny_encoder):
    words = " ".join(f"w{n}" for n in range(40))
    rows = [*plain_rows(20), (words, "a"), (words, "b"), (f"{words} coda", "a")]
    audit = audit_of_rows(write_table, tmp_path, tiny_encoder, rows)
    fixes = ["default", "near_duplicates", "near_leaks"]
    written = audit.write(tmp_path / "c.parquet", fixes)
    assert [text for text in texts(written.files["all"]) if text.startswith("w")] == [
        f"{words} coda"
    ]
    assert {entry["fix"] for entry in ledger(written)} == {"conflicts"}


def test_fixes_without_a_file_to_write_are_a_mistake(write_table, tmp_path):
    done = run(write_table(tmp_path / "r.csv", plain_rows(6)), "--fix", "near_duplicates")
    assert done.exit_code == 2
    assert "nothing is written" in done.stderr


def test_the_advice_divides_the_data_as_the_audit_did(write_table, tmp_path, tiny_encoder):
    path = write_table(tmp_path / "r.csv", plain_rows(20))
    done = run(path, "--encoder", tiny_encoder, "--no-label-errors", "--seed", 3)
    assert done.exit_code == 0, done.output
    assert f"next: plaudit train {path} seed=3" in done.stderr


def test_a_test_set_alone_is_not_trained_on(tmp_path, tiny_encoder):
    for label in ("neg", "pos"):
        (tmp_path / "data" / "test" / label).mkdir(parents=True)
        for n in range(4):
            (tmp_path / "data" / "test" / label / f"{n}_0.txt").write_text(f"{label} {n} film")
    done = run(tmp_path / "data", "--encoder", tiny_encoder, "--no-label-errors")
    assert done.exit_code == 0, done.output
    assert "next:" not in done.stderr
    done = run(tmp_path / "data", "--text", "foo")
    assert done.exit_code == 2
    assert "it has no columns" in done.stderr
