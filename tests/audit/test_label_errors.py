"""Wrong labels come first among the suspects, by a model that has not seen them."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import numpy as np
import pytest

import plaudit
from plaudit.artifact import load
from plaudit.audit import fast_model, words
from plaudit.audit.noise import suspects
from plaudit.errors import ConfigError, MissingExtra
from tests.audit.conftest import sentence


@pytest.fixture(scope="module")
def flipped():
    """400 texts of which 20 have the other label."""
    random_ = random.Random(1)
    true_N = np.arange(400) % 2
    texts = [sentence(random_, ("neg", "pos")[label]) for label in true_N]
    wrong_N = np.zeros(400, dtype=bool)
    wrong_N[random_.sample(range(400), 20)] = True
    return texts, np.where(wrong_N, 1 - true_N, true_N), wrong_N


def test_flipped_labels_are_first_and_their_number_is_estimated(
    flipped, write_table, tmp_path, tiny_encoder
):
    texts, given_N, wrong_N = flipped
    rows = [(text, ("neg", "pos")[label]) for text, label in zip(texts, given_N, strict=True)]
    path = write_table(tmp_path / "reviews.csv", rows)
    audit = plaudit.audit(str(path), encoder=str(tiny_encoder))
    (found,) = [each for each in audit.found if each.finding.code == "label_errors"]
    first = [change.row for change in found.changes[:20]]
    assert wrong_N[first].sum() >= 12  # by chance: 1
    assert 0.03 < audit.label_noise["noise"] < 0.10
    assert found.finding.numbers["noise"] == audit.label_noise["noise"]
    row = found.changes[0].row
    other = ("neg", "pos")[1 - given_N[row]]
    assert f"likelier {other}" in found.finding.examples[0].detail


def test_three_labels_are_searched_too():
    random_ = np.random.default_rng(0)
    targets_N = np.arange(300) % 3
    texts = [f"{('red', 'green', 'blue')[t]} w{random_.integers(40)}" for t in targets_N]
    given_N = targets_N.copy()
    given_N[:9] = (given_N[:9] + 1) % 3
    has_NF = words.features(words.split(texts)).has_NF
    prints_N = np.arange(300, dtype=np.uint64)
    fold_N = fast_model.folds(prints_N, given_N, "any", seed=0)
    found_NC = fast_model.out_of_fold(has_NF, given_N, prints_N, fold_N)
    np.testing.assert_allclose(found_NC.sum(axis=1), 1.0)
    assert set(suspects(found_NC, given_N).ranked[:9].tolist()) == set(range(9))


def test_equal_texts_share_a_fold_whatever_their_labels():
    prints_N = np.repeat(np.arange(50, dtype=np.uint64), 2)
    fold_N = fast_model.folds(prints_N, np.arange(100) % 2, "any", seed=0)
    assert (fold_N[::2] == fold_N[1::2]).all()
    assert set(fold_N) == set(range(5))


def test_neighbours_share_a_fold_where_they_are_related():
    targets_N = np.repeat([0, 1], 50)
    fold_N = fast_model.folds(np.arange(100, dtype=np.uint64), targets_N, "blocks", seed=0)
    for label in (0, 1):
        assert (np.diff(fold_N[targets_N == label]) >= 0).all()
        assert np.bincount(fold_N[targets_N == label]).tolist() == [10] * 5


def test_a_row_is_never_judged_by_a_model_that_saw_its_text():
    # Each text is one word of its own, twice: only a model that saw the twin could know its label.
    texts = [f"word{n // 2} filler" for n in range(200)]
    targets_N = np.random.default_rng(3).integers(0, 2, 100).repeat(2)
    split = words.split(texts)
    prints_N = (np.arange(200) // 2).astype(np.uint64)
    fold_N = np.arange(200) % 5  # on purpose not that of the twin
    has_NF = words.features(split).has_NF
    found_NC = fast_model.out_of_fold(has_NF, targets_N, prints_N, fold_N)
    assert (found_NC.argmax(axis=1) == targets_N).mean() < 0.65


def test_a_saved_model_judges_only_what_it_has_not_seen(workshop: Path, monkeypatch):
    monkeypatch.chdir(workshop)
    lines: list[str] = []
    with pytest.raises(ConfigError, match="has not seen 24 of 240 rows"):
        plaudit.audit("reviews.csv", encoder="tiny-bert", model="runs/quickstart/model")
    fresh = (workshop / "reviews.csv").read_text(encoding="utf-8").replace("film", "movie ")
    Path("fresh.csv").write_text(fresh, encoding="utf-8")
    _, *rows = (workshop / "reviews.csv").read_text(encoding="utf-8").splitlines()
    Path("both.csv").write_text(fresh + "\n".join(rows[:30]) + "\n", encoding="utf-8")
    audit = plaudit.audit(
        "both.csv", encoder="tiny-bert", model="runs/quickstart/model", say=lines.append
    )
    seen = set(load("runs/quickstart/model").seen_prints_N.tolist())
    known = sum(int(each) in seen for each in audit.table.rows.prints_N)
    assert 0 < known < 31
    assert audit.label_noise["rows"] == 270 - known
    assert audit.label_noise["judged_by"] == "runs/quickstart/model"
    assert any("has not seen" in line for line in lines)


def test_a_model_of_other_labels_is_refused(workshop: Path, monkeypatch, tmp_path):
    monkeypatch.chdir(workshop)
    path = tmp_path / "other.csv"
    path.write_text("text,label\ngood film,five\nbad film,one\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="does not know the label 'five'"):
        plaudit.audit(str(path), encoder="tiny-bert", model="runs/quickstart/model")


def test_too_few_rows_are_not_judged(write_table, tmp_path, tiny_encoder):
    path = write_table(tmp_path / "few.csv", [(f"text {n}", "ab"[n % 2]) for n in range(40)])
    assert plaudit.audit(str(path), encoder=str(tiny_encoder)).label_noise is None


def test_without_cleanlab_the_command_that_installs_it_is_named(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "cleanlab" else real(name)
    )
    with pytest.raises(MissingExtra, match=r"plaudit\[audit\]"):
        plaudit.audit("absent.csv")
