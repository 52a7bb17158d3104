"""Large files, and kills at random until the count is full: the long form of test_resume."""

import csv
import hashlib
import multiprocessing
import random
import signal

import pytest

from plaudit.score import publish
from tests.score.stub import Stub, prediction, scored

FORK = multiprocessing.get_context("fork")  # imports and models are there already


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_done(out):
    return out.exists() and not publish.folder_of(out).exists()


def live(data, out, predictor, options, seconds=None):
    """Let a process score, and kill it after some seconds; return whether it was killed."""
    child = FORK.Process(target=scored, args=(data, out, predictor), kwargs=options)
    child.start()
    child.join(seconds)
    child.kill()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode == -signal.SIGKILL


def survive(data, out, predictor, kills, lives_s, options):
    """Kill the job at random moments, as often as that; return how often it took."""
    random_ = random.Random(7)
    count = 0
    while count < kills and not is_done(out):
        count += live(data, out, predictor, options, random_.uniform(*lives_s))
    while not is_done(out):
        live(data, out, predictor, options)
    return count


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.promise(
    "each row stands once, in order, as without interruption",
    fault="a million rows, killed at random",
)
def test_a_million_rows_survive_kills_at_random(tmp_path, record_property):
    rows, bad = 1_000_000, {5, 77_777, 999_999}
    data, whole, out = tmp_path / "in.csv", tmp_path / "whole.csv", tmp_path / "out.csv"
    with data.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["n", "text"])
        writer.writerows([n, "" if n in bad else f'film {n}, "good"'] for n in range(rows))
    options = {"shard_rows": 2048}
    live(data, whole, Stub(), options)
    kills = survive(data, out, Stub(), 150, (0.05, 1.0), options)
    assert digest(out) == digest(whole)
    with out.open(encoding="utf-8", newline="") as file:
        expected = (n for n in range(rows) if n not in bad)
        for n, row in zip(expected, csv.DictReader(file), strict=True):
            assert int(row["n"]) == n
            if n % 1000 == 0:
                assert row["label"] == prediction(row["text"]).label
    record_property("rows", rows)
    record_property("kills", kills)
    assert kills >= 50


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.promise(
    "each row stands once, in order, as without interruption",
    fault="ten thousand rows and the bundled encoder, killed at random",
)
def test_ten_thousand_rows_of_a_real_encoder_survive_kills_at_random(tmp_path, record_property):
    rows = 10_000
    data, whole, out = tmp_path / "in.jsonl", tmp_path / "whole.csv", tmp_path / "out.csv"
    from plaudit.data.sources import read, resolve

    texts = read(resolve("bundled:rotten_tomatoes"), None).rows["text"]
    import json

    with data.open("w", encoding="utf-8") as file:
        for n in range(rows):
            file.write(json.dumps({"n": n, "text": texts[n % len(texts)]}) + "\n")
    options = {"shard_rows": 512}
    predictor = untrained()
    live(data, whole, predictor, options)
    kills = survive(data, out, predictor, 20, (0.5, 6.0), options)
    assert digest(out) == digest(whole)
    with out.open(encoding="utf-8", newline="") as file:
        assert [int(row["n"]) for row in csv.DictReader(file)] == list(range(rows))
    record_property("rows", rows)
    record_property("kills", kills)
    assert kills >= 5


def untrained():
    """The bundled encoder under a head that nobody trained: its answers are as good as any."""
    import numpy as np
    import torch

    from plaudit import artifact
    from plaudit.config import CleanConfig, ModelConfig, SplitConfig, TextConfig
    from plaudit.model.build import build, load_tokenizer
    from plaudit.model.device import plan
    from plaudit.predict import Classifier

    torch.manual_seed(0)
    labels, text = ("negative", "positive"), TextConfig(max_tokens=64)
    model = build(ModelConfig(), labels, max_tokens=64, window_pooling="mean")
    spec = artifact.Spec(
        labels=labels, pooling="mean", window_pooling="mean", text=text, clean=CleanConfig(),
        split=SplitConfig(), seed=0, data="bundled", data_files={}, label_mapping=None,
        config_digest="", versions={},
    )  # fmt: skip
    prints_N = np.zeros(0, np.uint64)
    loaded = artifact.Loaded(model.eval(), load_tokenizer("bundled"), spec, prints_N)
    return Classifier(loaded, plan("cpu", "fp32"))
