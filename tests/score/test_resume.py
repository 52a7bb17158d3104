"""Whatever ends a job, the same command goes on, and the output is as if nothing had been."""

import csv
import gzip
import json
import multiprocessing
import os
import random
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from plaudit.errors import ConfigError, DataError
from plaudit.score import publish, staging
from tests.score.stub import Stub, scored

ROWS = 10


class Killed(BaseException):
    """As abrupt as a test can be in its own process: no handler of Exception sees it."""


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        for n in range(ROWS):
            writer.writerow([n, "" if n in {1, 6} else f'film {n}, "a\nline"'])
    return path


def steps(monkeypatch, last=None):
    """Count the moments at which something has just reached the disk; be killed at one of them."""
    count = 0

    def after(original):
        def step(*args, **kwargs):
            nonlocal count
            result = original(*args, **kwargs)
            count += 1
            if count == last:
                raise Killed
            return result

        return step

    for module, name in ((os, "fsync"), (os, "link"), (Path, "replace"), (Path, "mkdir")):
        monkeypatch.setattr(module, name, after(getattr(module, name)))
    return lambda: count


@pytest.mark.promise(
    "each row stands once, in order, as without interruption", fault="scoring is killed at a step"
)
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz", "out.parquet"])
def test_a_kill_after_any_step_on_the_disk_changes_nothing_in_the_end(
    data, tmp_path, monkeypatch, name
):
    whole = tmp_path / "whole" / name
    whole.parent.mkdir()
    with monkeypatch.context() as patch:
        count = steps(patch)
        scored(data, whole)
        moments = count()
    assert moments > 20
    expected = whole.read_bytes()
    aside = whole.with_name(name + publish.QUARANTINE).read_bytes()
    for moment in range(1, moments + 1):
        out = tmp_path / f"{moment}" / name
        out.parent.mkdir()
        with monkeypatch.context() as patch:
            steps(patch, moment)
            with pytest.raises(Killed):
                scored(data, out)
        done = scored(data, out)
        assert out.read_bytes() == expected, moment
        assert out.with_name(name + publish.QUARANTINE).read_bytes() == aside, moment
        assert (done.rows, done.scored, done.quarantined) == (ROWS, ROWS - 2, 2)
        assert sorted(path.name for path in out.parent.iterdir()) == [
            name, name + publish.QUARANTINE
        ]  # fmt: skip


def test_rows_that_are_done_are_not_asked_about_again(data, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"

    def stop(standing):
        if standing.rows == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scored(data, out, watcher=stop)
    assert not out.exists()
    predictor = Stub()
    done = scored(data, out, predictor)
    assert (done.resumed, predictor.asked) == (8, ROWS - 8)


@pytest.mark.promise(
    "each row stands once, in order, as without interruption", fault="scoring is killed at random"
)
def test_a_process_killed_at_random_moments_loses_and_doubles_no_row(tmp_path):
    data, out = tmp_path / "in.jsonl.gz", tmp_path / "out.jsonl"
    with gzip.open(data, "wt", encoding="utf-8") as file:
        for n in range(400):
            file.write(json.dumps({"n": n, "text": "" if n % 50 == 7 else f"film {n}"}) + "\n")
    whole = tmp_path / "whole.jsonl"
    scored(data, whole, shard_rows=10)
    # Forked, for a process of its own would spend all its time in imports.
    fork = multiprocessing.get_context("fork")
    random_, kills = random.Random(4), 0
    for _ in range(12):
        child = fork.Process(target=scored, args=(data, out), kwargs={"shard_rows": 10})
        child.start()
        child.join(random_.uniform(0.001, 0.1))
        child.kill()
        child.join()
        kills += child.exitcode == -signal.SIGKILL
        if out.exists() and not publish.folder_of(out).exists():
            break
    assert kills > 0
    if publish.folder_of(out).exists() or not out.exists():
        scored(data, out, shard_rows=10)
    assert out.read_bytes() == whole.read_bytes()
    listed = [json.loads(line)["n"] for line in out.read_text("utf-8").splitlines()]
    assert listed == [n for n in range(400) if n % 50 != 7]


def test_a_kill_while_the_staging_is_removed_leaves_a_finished_job(tmp_path, monkeypatch):
    data, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    data.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("a", "", "b")))

    def killed(folder, ignore_errors=False):
        if ignore_errors:
            return
        (folder / "whole.quarantine").unlink(missing_ok=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(staging.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        scored(data, out)
    assert len(out.read_text().splitlines()) == 2
    assert not publish.folder_of(out).exists()


@pytest.fixture
def begun(data, tmp_path):
    out = tmp_path / "out.csv"

    def stop(standing):
        if standing.rows >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scored(data, out, watcher=stop)
    return out


@pytest.mark.promise("it is noticed and done anew", fault="a shard on the disk is damaged")
@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "torn line"])
def test_a_shard_that_was_damaged_is_done_anew(data, begun, tmp_path, harm):
    folder = publish.folder_of(begun)
    piece = folder / f"{1:08}"
    match harm:
        case "flip":
            content = bytearray(piece.read_bytes())
            content[3] ^= 1
            piece.write_bytes(content)
        case "cut":
            piece.write_bytes(piece.read_bytes()[:-1])
        case "remove":
            piece.unlink()
        case "torn line":
            lines = folder / staging.SHARDS
            lines.write_bytes(lines.read_bytes()[:-20])
    whole = tmp_path / "whole.csv"
    scored(data, whole)
    done = scored(data, begun)
    assert done.resumed == 4
    assert done.redone == (0 if harm == "torn line" else 1)
    assert begun.read_bytes() == whole.read_bytes()


@pytest.mark.promise(
    "it is refused, and the difference named", fault="scoring goes on with another job"
)
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": "other"}, r"model\.sha256: there 'm', asked for 'other'"),
        ({"probabilities": True}, r"options\.probabilities: there False, asked for True"),
        ({"shard_rows": 8}, r"options\.shard_rows: there 4, asked for 8"),
        ({"text": "id"}, r"options\.text: there 'text', asked for 'id'"),
    ],
)
def test_what_was_begun_is_not_mixed_with_another_job(data, begun, change, named):
    with pytest.raises(ConfigError, match=named):
        scored(data, begun, **change)


def test_what_was_begun_is_not_mixed_with_other_rows(data, begun):
    content = data.read_bytes()
    data.write_bytes(content.replace(b"film 9", b"film x"))
    with pytest.raises(ConfigError, match=r"input\.tail_sha256"):
        scored(data, begun)


def test_an_input_that_grows_meanwhile_is_not_called_scored(data, tmp_path):
    def grow(standing):
        with data.open("a", encoding="utf-8") as file:
            file.write("99,late\n")

    with pytest.raises(DataError, match="was changed while it was scored"):
        scored(data, tmp_path / "out.csv", watcher=grow)
    assert not (tmp_path / "out.csv").exists()


def test_two_processes_do_not_share_a_job(data, tmp_path):
    out = tmp_path / "out.csv"
    working = staging.held(publish.folder_of(out))
    with working, pytest.raises(ConfigError, match="another process is at work"):
        scored(data, out)
    scored(data, out)


@pytest.mark.parametrize("taken", ["out.csv", "out.csv.quarantine.jsonl"])
def test_nothing_that_is_there_is_overwritten(data, tmp_path, taken):
    (tmp_path / taken).write_text("mine")
    with pytest.raises(ConfigError, match="never overwritten"):
        scored(data, tmp_path / "out.csv")
    assert (tmp_path / taken).read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", taken]


def test_a_file_that_appears_meanwhile_is_kept_and_so_is_what_was_done(data, tmp_path):
    out = tmp_path / "out.csv"
    with pytest.raises(ConfigError, match="has appeared"):
        scored(data, out, watcher=lambda standing: out.write_text("mine"))
    assert out.read_text() == "mine"
    out.unlink()
    assert scored(data, out).resumed == ROWS


@pytest.mark.promise("what was done is kept", fault="the disk is full while scoring")
def test_a_full_disk_costs_nothing_that_was_done(data, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    original, count = os.fsync, 0

    def full(handle):
        nonlocal count
        count += 1
        if count > 6:
            raise OSError(28, "No space left on device")
        original(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            scored(data, out)
    assert not out.exists()
    done = scored(data, out)
    assert done.resumed > 0


def test_an_output_that_was_published_is_not_opened_again(data, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"

    def killed(*args):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(staging.Staging, "remove", killed)
        with pytest.raises(Killed):
            scored(data, out)
    published = out.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(publish, "assemble", killed)
        with pytest.raises(Killed):
            scored(data, out)
    assert out.read_bytes() == published
    assert scored(data, out).resumed == ROWS


def test_an_input_that_was_only_touched_can_be_the_same_again(data, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    steps(monkeypatch, last=12)
    with pytest.raises(Killed):
        scored(data, out, Stub())
    monkeypatch.undo()
    before = data.stat().st_mtime_ns
    os.utime(data, ns=(before, before + 7))
    with pytest.raises(ConfigError, match=r"Only the time of its last change differs") as caught:
        scored(data, out, Stub())
    command = re.search(r"touch -c -d .*", str(caught.value))
    assert command is not None
    subprocess.run(shlex.split(command[0]), check=True)
    assert scored(data, out, Stub()).rows == ROWS
