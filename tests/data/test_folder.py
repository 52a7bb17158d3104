from __future__ import annotations

from pathlib import Path

import pytest

from plaudit.data.records import Columns
from plaudit.data.sources import read, resolve
from plaudit.errors import DataError


@pytest.fixture
def acl(tmp_path: Path) -> Path:
    root = tmp_path / "aclImdb"
    for split in ("train", "test"):
        for label, text in (("pos", "A triumph."), ("neg", "A bore.")):
            (root / split / label).mkdir(parents=True)
            for number in (10, 2):
                file = root / split / label / f"{number}_7.txt"
                file.write_text(f"{text} {split} {number} é", encoding="utf-8")
    (root / "train" / "unsup").mkdir()
    (root / "train" / "unsup" / "0_0.txt").write_text("no label")
    (root / "train" / "labeledBow.feat").write_text("1 0:9")
    (root / "README").write_text("hello")
    return root


def test_both_splits_are_found_and_labels_get_their_full_names(acl: Path) -> None:
    source = resolve(str(acl))
    assert (source.kind, source.splits, source.order) == ("folder", ("train", "test"), "blocks")
    corpus = read(source, "train")
    assert corpus.labels == ("negative", "positive")
    assert list(corpus.rows["origin"]) == [
        "aclImdb/train/neg/2_7.txt",
        "aclImdb/train/neg/10_7.txt",
        "aclImdb/train/pos/2_7.txt",
        "aclImdb/train/pos/10_7.txt",
    ]
    assert corpus.rows["text"][2] == "A triumph. train 2 é"
    assert list(corpus.rows["label"]) == [0, 0, 1, 1]
    assert corpus.provenance.split == "train"


def test_the_folder_around_and_a_split_alone_can_be_named(acl: Path) -> None:
    assert resolve(str(acl.parent)).splits == ("train", "test")
    source = resolve(str(acl / "test"))
    assert source.splits == ()
    assert read(source, None).rows["text"][0] == "A bore. test 2 é"


def test_a_validation_part_under_another_name_is_told_of(acl: Path) -> None:
    (acl / "dev").mkdir()
    assert "not read" not in resolve(str(acl)).note
    (acl / "dev" / "pos").mkdir()
    (acl / "dev" / "pos" / "1_7.txt").write_text("A film.")
    note = resolve(str(acl)).note
    assert note.endswith(
        f"its folder 'dev' is not read: call it 'validation', or give it as "
        f"data.validation={acl / 'dev'}"
    )
    (acl / "dev").rename(acl / "validation")
    assert resolve(str(acl)).splits == ("train", "validation", "test")
    assert "not read" not in resolve(str(acl)).note


def test_reading_train_opens_no_file_of_test(acl: Path) -> None:
    for file in (acl / "test").rglob("*.txt"):
        file.write_bytes(b"\xff")
    source = resolve(str(acl))
    assert len(read(source, "train").rows) == 4
    with pytest.raises(DataError, match=r"aclImdb/test/neg/2_7\.txt:1: byte 1 \(0xff\)"):
        read(source, "test")


def test_the_digest_follows_the_content(acl: Path) -> None:
    source = resolve(str(acl))
    first = read(source, "train").provenance.files
    assert list(first) == ["aclImdb/train"]
    assert read(source, "train").provenance.files == first
    (acl / "train" / "pos" / "2_7.txt").write_text("Other.")
    assert read(source, "train").provenance.files != first


def test_other_labels_are_kept_and_other_file_names_carry_no_order(tmp_path: Path) -> None:
    for label in ("sport", "neg"):
        (tmp_path / "train" / label).mkdir(parents=True)
        (tmp_path / "train" / label / "a.txt").write_text("words")
    source = resolve(str(tmp_path))
    assert (source.splits, source.order) == (("train",), "any")
    assert "no 'test'" in source.note
    assert read(source, "train").labels == ("negative", "sport")


def test_a_mapping_is_applied_to_folder_names(acl: Path) -> None:
    corpus = read(resolve(str(acl)), "train", Columns(mapping={"neg": "bad", "pos": "good"}))
    assert corpus.labels == ("bad", "good")


def test_a_split_must_be_named_and_must_exist(acl: Path) -> None:
    source = resolve(str(acl))
    with pytest.raises(DataError, match="name the split to read; allowed are 'train', 'test'"):
        read(source, None)
    with pytest.raises(DataError, match=r"no split 'tset'.*did you mean 'test'"):
        read(source, "tset")
    with pytest.raises(DataError, match="no official splits, so there is no split 'train'"):
        read(resolve(str(acl / "train")), "train")


def test_an_empty_review_is_named(acl: Path) -> None:
    (acl / "train" / "neg" / "10_7.txt").write_text(" \n")
    with pytest.raises(DataError, match=r"aclImdb/train/neg/10_7\.txt: the text is empty"):
        read(resolve(str(acl)), "train")


def test_a_folder_of_something_else_says_what_to_give(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n")
    with pytest.raises(DataError, match=r"train/LABEL/\*\.txt.*\*\.csv"):
        resolve(str(tmp_path))
