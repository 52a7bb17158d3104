"""Texts without labels from any DATA, each once, and none that is validated or tested on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plaudit.config import CleanConfig, Config, load
from plaudit.data.prepare import Prepared, prepare
from plaudit.data.unlabelled import NO_LABEL, gather
from plaudit.errors import ConfigError, DataError

OWN = [f"Film {n} is worth {n}." for n in range(20)]


def written(path: Path, lines: list[str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_a_table_needs_no_label_and_a_label_is_not_looked_at(tmp_path: Path) -> None:
    bare = written(tmp_path / "bare.csv", ["id,review", "1,One film", "2,Two  films", "3,"])
    labelled = written(
        tmp_path / "labelled.csv", ["review,sentiment", "One film,odd", "Two films,", "One film,x"]
    )
    found, other = gather(bare, CleanConfig()), gather(labelled, CleanConfig())
    assert found.rows.texts == other.rows.texts == ["One film", "Two films"]
    assert set(found.rows.targets_N) == {NO_LABEL}
    assert found.rows.origins == ["bare.csv:2", "bare.csv:3"]
    assert (found.repeated, other.repeated) == (0, 1)
    assert set(found.files) == {"bare.csv"}


def test_the_text_column_of_other_data_is_taken_where_it_is_there(tmp_path: Path) -> None:
    data = written(tmp_path / "two.csv", ["head,tail", "One,Two"])
    assert gather(data, CleanConfig(), column="tail").rows.texts == ["Two"]
    with pytest.raises(DataError, match=r"two\.csv: which column is the text"):
        gather(data, CleanConfig(), column="body")


def test_a_folder_of_text_files_is_read_as_unsup_is(tmp_path: Path) -> None:
    for n, text in enumerate(["One<br />film", "Two"]):
        written(tmp_path / "unsup" / f"{n + 9}_0.txt", [text])
    found = gather(str(tmp_path / "unsup"), CleanConfig())
    assert found.rows.texts == ["One film", "Two"]
    assert found.rows.origins == ["unsup/9_0.txt", "unsup/10_0.txt"]
    before = found.files
    written(tmp_path / "unsup" / "9_0.txt", ["Three"])
    assert gather(str(tmp_path / "unsup"), CleanConfig()).files != before


def test_of_official_splits_the_one_for_training_is_read(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            written(tmp_path / "aclImdb" / split / label / "0_1.txt", [f"{split} {label}"])
    found = gather(str(tmp_path / "aclImdb"), CleanConfig())
    assert found.rows.texts == ["train neg", "train pos"]


def test_a_text_file_has_a_text_a_line(tmp_path: Path) -> None:
    found = gather(written(tmp_path / "texts.txt", ["One", "", "Two", "One"]), CleanConfig())
    assert found.rows.texts == ["One", "Two"]
    assert found.rows.origins == ["texts.txt:1", "texts.txt:3"]


def test_nothing_at_all_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no text in it"):
        gather(written(tmp_path / "none.txt", ["", ""]), CleanConfig())


def config(folder: Path, *settings: str) -> Config:
    own = [f"{text},{'good' if n % 2 else 'bad'}" for n, text in enumerate(OWN)]
    written(folder / "data.csv", ["text,label", *own])
    written(folder / "more.csv", ["text", *OWN, "A new one", "Another", "A new one"])
    return load(
        None,
        [f"data.train={folder}/data.csv", "split.validation_size=4", "split.test_size=4",
         *settings],
    )  # fmt: skip


ASKED = {
    "pretrain": ["pretrain.epochs=1"],
    "distill": ["distill.teacher=somewhere"],
    "pseudo": ["pseudo.model=somewhere"],
}


@pytest.mark.parametrize("section", ASKED)
def test_what_stands_in_another_part_is_left_out(section: str, tmp_path: Path) -> None:
    said: list[str] = []
    settings = [*ASKED[section], f"{section}.texts={tmp_path}/more.csv"]
    found = prepare(config(tmp_path, *settings), said.append).unlabelled[section]
    assert found.rows.texts == ["A new one", "Another"]
    # Of pretraining, the training texts are no leak: they are learnt from in any case.
    assert found.left_out == (8 if section == "pretrain" else 20)
    assert found.repeated == 1
    assert any(line.startswith(f"{section}.texts: 2 texts") for line in said)


def test_what_data_exclude_names_is_not_learnt_from_either(tmp_path: Path) -> None:
    written(tmp_path / "pairs.tsv", ["text", "another!"])
    settings = [f"data.exclude={tmp_path}/pairs.tsv", f"pretrain.texts={tmp_path}/more.csv"]
    found: Prepared = prepare(config(tmp_path, "pretrain.epochs=1", *settings), lambda line: None)
    assert found.unlabelled["pretrain"].rows.texts == ["A new one"]


def test_texts_of_which_none_is_left_are_a_mistake(tmp_path: Path) -> None:
    settings = ["pseudo.model=somewhere", f"pseudo.texts={tmp_path}/data.csv"]
    with pytest.raises(DataError, match=r"pseudo\.texts = .*no text is left; all 20"):
        prepare(config(tmp_path, *settings), lambda line: None)


@pytest.mark.parametrize(
    "settings",
    [["pretrain.texts=nowhere.csv"], ["distill.weight=0", "distill.teacher=x", "distill.texts=y"]],
)
def test_what_is_switched_off_is_not_read(settings: list[str], tmp_path: Path) -> None:
    assert prepare(config(tmp_path, *settings), lambda line: None).unlabelled == {}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("distill.texts=more.csv", r"there is no distill\.teacher"),
        ("pseudo.texts=more.csv", r"pseudo\.model and pseudo\.texts go together"),
        ("pseudo.model=somewhere", r"pseudo\.model and pseudo\.texts go together"),
    ],
)
def test_one_without_the_other_is_refused(setting: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, setting)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_each_file_of_a_pattern_has_its_own_text_column(kind: str, tmp_path: Path) -> None:
    for name, column in (("u1", "text"), ("u2", "review")):
        lines = (
            [column, f"a film of {name}"]
            if kind == "csv"
            else [json.dumps({column: f"a film of {name}"})]
        )
        written(tmp_path / f"{name}.{kind}", lines)
    found = gather(f"{tmp_path}/u*.{kind}", CleanConfig())
    assert found.rows.texts == ["a film of u1", "a film of u2"]
    assert len(found.files) == 2


def test_what_served_for_one_file_of_a_pattern_serves_for_the_next(tmp_path: Path) -> None:
    written(tmp_path / "u1.csv", ["phrase", "one"])
    written(tmp_path / "u2.csv", ["phrase,source", "two,web"])
    assert gather(f"{tmp_path}/u*.csv", CleanConfig()).rows.texts == ["one", "two"]
