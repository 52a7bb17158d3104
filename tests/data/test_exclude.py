"""Texts that a run is told not to learn from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plaudit.config import CleanConfig, Config, load
from plaudit.data import exclude
from plaudit.data.fingerprint import fingerprints, loose_fingerprints
from plaudit.data.prepare import prepare
from plaudit.errors import DataError

TEXTS = [f"Film {n} is, as my café said, of some length<br />and value {n}." for n in range(20)]


def config(folder: Path, *settings: str) -> Config:
    lines = [f'"{text}",{n % 2}' for n, text in enumerate(TEXTS)]
    (folder / "data.csv").write_text("\n".join(["text,label", *lines]))
    return load(
        None,
        [f"data.train={folder}/data.csv", "split.validation_size=4", "split.test_size=4",
         *settings],
    )  # fmt: skip


def left_out(folder: Path, exclude: str, *settings: str):
    (folder / "pairs.tsv").write_text(exclude)
    said: list[str] = []
    plain = prepare(config(folder), lambda line: None)
    found = prepare(config(folder, f"data.exclude={folder}/pairs.tsv", *settings), said.append)
    return plain, found, said


def test_every_row_but_the_test_s_is_left_out_whatever_the_copy_did_to_it(tmp_path: Path) -> None:
    copies = [f'"""{text.upper().replace("É", "").replace(", ", " ,  ")}"""' for text in TEXTS]
    plain, found, said = left_out(
        tmp_path, "\n".join(["a\tb", *(f"x\t{copy}" for copy in copies[:10])])
    )
    assert found.excluded is not None
    gone = set(plain.train.texts + plain.validation.texts) - set(
        found.train.texts + found.validation.texts
    )
    assert plain.test is not None
    assert found.test is not None
    for sealed in (plain.test, found.test):
        sealed.release()
    held = plain.test.open().texts
    assert found.test.open().texts == held
    expected = {t.replace("<br />", " ") for t in TEXTS[:10]} - set(held)
    assert gone == expected
    counts = found.excluded
    assert counts.train + counts.validation == counts.matched == len(expected)
    assert counts.train == len(plain.train) - len(found.train) > 0
    assert f"{counts.matched} of the 11 texts" in said[-1]


def test_a_given_validation_set_is_kept_clear_too(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_text(f'text,label\n"{TEXTS[0]}",0\nnew,1\nother,0\n')
    _, found, _ = left_out(
        tmp_path, f"text\n{TEXTS[0]}\nnew\n", f"data.validation={tmp_path}/val.csv"
    )
    assert found.validation.texts == ["other"]
    assert found.excluded is not None
    assert found.excluded.validation == 2


def test_a_file_of_which_nothing_matches_is_said_loudly(tmp_path: Path) -> None:
    plain, found, said = left_out(tmp_path, "text\nnothing like it\n")
    assert len(found.train) == len(plain.train)
    assert said[-1].startswith("ATTENTION: data.exclude left nothing out: none of the 1 texts")


def test_labels_are_no_texts(tmp_path: Path) -> None:
    _, found, _ = left_out(tmp_path, "Sentiment\tText\tbatch_id\nPositive\tgood\t3\n")
    assert found.excluded is not None
    assert (found.excluded.columns, found.excluded.texts) == (("Text",), 1)


def test_leaving_all_of_a_label_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"stand in data\.validation or data\.exclude"):
        left_out(tmp_path, "\n".join(["text", *TEXTS[::2]]))


def test_a_wrong_path_is_found_before_the_data_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.tsv: there is no such file"):
        prepare(config(tmp_path, f"data.exclude={tmp_path}/nowhere.tsv"), lambda line: None)


def test_texts_without_latin_letters_differ_in_their_own() -> None:
    a, b, c, smile, frown = loose_fingerprints(["пло́хо!", "Плохо", "хорошо", ":-)", ":-("])
    assert len({int(each) for each in (b, c, smile, frown)}) == 4
    assert a != c
    # Of two scripts in one text, neither is dropped.
    good, bad = loose_fingerprints(["我的iPhone手机好", "我的iPhone手机坏"])
    assert good != bad
    assert not set(loose_fingerprints(["good"]).tolist()) & set(fingerprints(["good"]).tolist())


@pytest.mark.parametrize("kind", ["tsv", "jsonl"])
def test_a_column_whose_words_come_late_is_excluded_too(kind: str, tmp_path: Path) -> None:
    rows = [{"a": f"nothing {n}", "b": ""} for n in range(60)]
    late = [{"a": "", "b": text.replace("<br />", " ")} for text in TEXTS[:6]]
    lines = (
        [json.dumps({key: value for key, value in row.items() if value}) for row in rows + late]
        if kind == "jsonl"
        else ["a\tb", *(f"{row['a']}\t{row['b']}" for row in rows + late)]
    )
    (tmp_path / f"late.{kind}").write_text("\n".join(lines))
    setting = f"data.exclude={tmp_path}/late.{kind}"
    found = prepare(config(tmp_path, setting), lambda line: None).excluded
    held = prepare(config(tmp_path), lambda line: None).test
    assert found is not None
    assert held is not None
    held.release()
    in_test = {text.replace("<br />", " ") for text in TEXTS[:6]} & set(held.open().texts)
    assert found.matched == 6 - len(in_test) > 0
    assert set(found.columns) == {"a", "b"}


def test_of_a_column_of_numbers_words_alone_are_texts(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "\n".join(["a,n", *(f"text {n},{n}" for n in range(60)), "b,n/a"])
    )
    found = exclude.read(str(tmp_path / "e.csv"), CleanConfig())
    assert len(found.prints_K) == 62
