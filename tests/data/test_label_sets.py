"""Several labels a text: how they are read, and how such rows are divided."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plaudit.config import SplitConfig
from plaudit.data.label_sets import SetRule, named
from plaudit.data.labels import label_rule
from plaudit.data.problems import Flaw
from plaudit.data.records import Columns, Corpus
from plaudit.data.sources import read, resolve
from plaudit.data.split import divide
from plaudit.data.stratify import drawn
from plaudit.errors import DataError

SEVERAL = Columns(separator="|")


def corpus(path: Path, text: str, columns: Columns = SEVERAL, **more: object) -> Corpus:
    path.write_text(text, encoding="utf-8")
    return read(resolve(str(path)), None, columns, **more)  # type: ignore[arg-type]


def sets(found: Corpus) -> list[tuple[str, ...]]:
    return named(np.array(found.rows["label"]), found.labels)


def test_a_string_a_list_and_columns_say_the_same(tmp_path: Path) -> None:
    expected = [("anger", "joy"), (), ("joy",)]
    joined = corpus(tmp_path / "a.csv", "text,label\na,joy | anger\nb,\nc,joy\n")
    lines = [("a", ["joy", "anger"]), ("b", []), ("c", ["joy"])]
    listed = corpus(
        tmp_path / "a.jsonl",
        "".join(json.dumps({"text": text, "label": own}) + "\n" for text, own in lines),
    )
    marked = corpus(
        tmp_path / "b.csv",
        "text,joy,anger\na,1,true\nb,0,0\nc,1,0\n",
        Columns(label="anger,joy", separator="|"),
    )
    for found in (joined, listed, marked):
        assert found.labels == ("anger", "joy")
        assert sets(found) == expected


def test_columns_keep_the_order_in_which_they_were_named(tmp_path: Path) -> None:
    table = "text,joy,anger,fear\na,1,1,0\nb,0,1,0\n"
    said: list[str] = []
    columns = Columns(label="joy, anger,fear", separator="|")
    found = corpus(tmp_path / "a.csv", table, columns, say=said.append)
    assert found.labels == ("joy", "anger")
    assert any("no row has a 1 in 'fear'" in line for line in said)


def test_a_parquet_file_may_hold_lists(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"text": ["a", "b", "c"], "label": [[2, 10], None, [2]]})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(resolve(str(tmp_path / "a.parquet")), None, SEVERAL)
    assert found.labels == ("2", "10")
    assert sets(found) == [("2", "10"), (), ("2",)]


def test_a_mapping_names_each_label_and_may_join_some() -> None:
    rule = SetRule(label_rule({"1": "joy", "2": "joy", "3": "fear"}), "|")
    assert rule.names("1|2|3") == ("fear", "joy")
    assert isinstance(rule.names("1|4"), Flaw)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("joy||anger", "no label on one side of '|' in 'joy||anger'"),
        ("joy|", "no label on one side"),
        ("joy|joy", "the label 'joy' stands twice"),
        (["joy", None], "one of the labels is empty"),
        (["joy", ["anger"]], "the label is a list"),
        (["joy|anger"], "the label 'joy|anger' holds '|'"),
        ("['joy', 'anger']", "a list written as text"),
        ({"joy": 2}, "the column 'joy' has '2', not 0 or 1"),
        ({"joy": None}, "the column 'joy' has nothing, not 0 or 1"),
    ],
)
def test_an_odd_value_is_a_flaw(value: object, found: str) -> None:
    flaw = SetRule(label_rule(None), "|").names(value)
    assert isinstance(flaw, Flaw)
    assert found in flaw.found


def test_odd_values_are_named_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        corpus(tmp_path / "a.csv", "text,label\na,joy|fear\nb,joy||fear\nc,joy|joy\n")
    assert "a.csv:3: there is no label on one side" in str(caught.value)
    assert "a.csv:4: the label 'joy' stands twice" in str(caught.value)
    assert "data.label_separator" in str(caught.value)


def test_another_separator_is_recognised(tmp_path: Path) -> None:
    text = "text,label\na,joy;anger\nb,joy\nc,anger;joy\n"
    with pytest.raises(DataError, match=r"set data.label_separator=';'"):
        corpus(tmp_path / "a.csv", text)
    found = corpus(tmp_path / "a.csv", text, Columns(separator=";"))
    assert sets(found) == [("anger", "joy"), ("joy",), ("anger", "joy")]


def test_a_label_that_a_trained_model_does_not_have_is_an_error(tmp_path: Path) -> None:
    text = "text,label\na,joy|angr\nb,\n"
    with pytest.raises(DataError, match=r"a.csv:2: label 'angr' .*did you mean 'anger'"):
        corpus(tmp_path / "a.csv", text, labels=("anger", "joy"))
    found = corpus(tmp_path / "a.csv", "text,label\na,joy\nb,\n", labels=("anger", "joy"))
    assert np.array(found.rows["label"]).tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("text", "found"),
    [("text,label\na,\nb,\n", "none of 2 rows has a label"),
     ("text,label\na,joy\nb,\n", "there is the one label 'joy'")],
)  # fmt: skip
def test_two_labels_are_needed(text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=found):
        corpus(tmp_path / "a.csv", text)


def test_a_source_with_one_label_a_text_is_refused(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            (tmp_path / part / label).mkdir(parents=True)
            (tmp_path / part / label / "0_1.txt").write_text("film")
    with pytest.raises(DataError, match=r"each of its texts has one label, but data.multilabel"):
        read(resolve(str(tmp_path)), "train", SEVERAL)


def test_without_the_setting_a_list_is_refused_and_the_setting_named(tmp_path: Path) -> None:
    line = json.dumps({"text": "a", "label": ["joy"]})
    with pytest.raises(DataError, match=r"a list, not a single value.*\n.*data.multilabel=true"):
        corpus(tmp_path / "a.jsonl", line + "\n", Columns())


def some_labels(rows: int) -> np.ndarray:
    random_ = np.random.default_rng(0)
    return (random_.random((rows, 5)) < [0.6, 0.3, 0.2, 0.05, 0.012]).astype(np.int64)


def prints(rows: int) -> np.ndarray:
    return np.random.default_rng(1).integers(1, 2**60, rows).astype(np.uint64)


def test_each_label_stands_in_each_part_in_proportion() -> None:
    targets_NL = some_labels(1000)
    sizes = SplitConfig(validation_size=0.2, test_size=0.3)
    division = divide(prints(1000), targets_NL, sizes, seed=0, order="any")
    assert (len(division.test), len(division.validation), len(division.train)) == (300, 200, 500)
    for rows, share in ((division.test, 0.3), (division.validation, 0.2), (division.train, 0.5)):
        expected_L = targets_NL.sum(axis=0) * share
        assert np.abs(targets_NL[rows].sum(axis=0) - expected_L).max() <= 2.0


def test_it_is_nearer_to_proportion_than_chance() -> None:
    targets_NL = some_labels(1000)
    ours, by_chance = [], []
    for seed in range(5):
        sizes = SplitConfig(validation_size=0, test_size=100)
        test = divide(prints(1000), targets_NL, sizes, seed=seed, order="any").test
        drawn_N = np.random.default_rng(seed).permutation(1000)[:100]
        for rows, found in ((test, ours), (drawn_N, by_chance)):
            found.append(np.abs(targets_NL[rows].mean(axis=0) - targets_NL.mean(axis=0)).mean())
    assert np.mean(ours) < np.mean(by_chance) / 4


def test_the_split_is_by_seed_and_text_and_not_by_order() -> None:
    targets_NL, prints_N = some_labels(300), prints(300)
    sizes = SplitConfig(validation_size=30, test_size=40)
    first = divide(prints_N, targets_NL, sizes, seed=3, order="any")
    order = np.random.default_rng(5).permutation(300)
    mixed = divide(prints_N[order], targets_NL[order], sizes, seed=3, order="any")
    assert set(prints_N[first.test]) == set(prints_N[order][mixed.test])
    larger = SplitConfig(validation_size=90, test_size=40)
    assert (divide(prints_N, targets_NL, larger, seed=3, order="any").test == first.test).all()
    other = divide(prints_N, targets_NL, sizes, seed=4, order="any")
    assert set(other.test) != set(first.test)


def test_rows_of_one_text_stay_together() -> None:
    prints_N = np.repeat(prints(100), 3)
    targets_NL = some_labels(300)
    division = divide(
        prints_N, targets_NL, SplitConfig(validation_size=30, test_size=60), seed=0, order="any"
    )
    parts = [set(prints_N[rows]) for rows in (division.train, division.validation, division.test)]
    assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
    assert division.duplicates == 200
    assert len(division.test) == 60


def test_a_label_with_no_row_left_to_train_on_is_an_error() -> None:
    targets_NL = np.zeros((40, 2), dtype=np.int64)
    targets_NL[:20, 0], targets_NL[39, 1] = 1, 1
    prints_N = prints(40)
    for seed in range(20):
        sizes = SplitConfig(validation_size=0, test_size=36)
        try:
            division = divide(
                prints_N, targets_NL, sizes, seed=seed, order="any", labels=("joy", "fear")
            )
        except DataError as error:
            assert "no row is left to train on that has 'fear'" in str(error)
            return
        assert targets_NL[division.train, 1].any()
    pytest.fail("a label with one row never went to the larger part")


def test_rare_labels_get_a_row_of_a_small_part() -> None:
    member_GL = np.zeros((100, 1), dtype=bool)
    member_GL[:3] = True
    chosen = drawn(member_GL, np.ones(100, dtype=np.int64), np.arange(100), 10)
    assert chosen.sum() == 10
    assert member_GL[chosen].sum() == 1


def test_one_column_of_nought_and_one_is_no_set_of_labels(tmp_path: Path) -> None:
    text = "text,joy,anger\na,1,0\nb,0,1\nc,1,1\n"
    joy = Columns(label="joy", separator="|")
    with pytest.raises(DataError, match=r"one of '0', '1'.*data\.label=joy,anger.*data\.labels"):
        corpus(tmp_path / "a.csv", text, joy)
    several = corpus(tmp_path / "b.csv", "text,joy\na,0|1\nb,1\nc,\n", joy)
    assert sets(several) == [("0", "1"), ("1",), ()]


def test_a_label_without_a_column_is_not_counted_as_absent_everywhere(tmp_path: Path) -> None:
    text, labels = "text,joy,anger\na,1,0\nb,0,1\n", ("anger", "dog", "joy")
    two = Columns(label="joy,anger", separator="|")
    with pytest.raises(DataError, match=r"no column for 'dog' among those named, 'joy', 'anger'"):
        corpus(tmp_path / "a.csv", text, two, labels=labels)
    mapped = replace(two, mapping={"joy": "dog", "anger": "anger"})
    assert corpus(tmp_path / "b.csv", text, mapped, labels=("anger", "dog")).labels == (
        "anger", "dog",
    )  # fmt: skip
