"""More data that is only trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from plaudit.config import Config, load
from plaudit.data.prepare import Prepared, prepare
from plaudit.errors import DataError

OWN = [f"Film {n} is worth {n}." for n in range(20)]


def config(folder: Path, extra: list[str], *settings: str) -> Config:
    own = [f"{text},{'good' if n % 2 else 'bad'}" for n, text in enumerate(OWN)]
    for name, lines in (("data.csv", own), ("more.csv", extra)):
        (folder / name).write_text("\n".join(["text,label", *lines]))
    return load(
        None,
        [f"data.train={folder}/data.csv", f"data.extra={folder}/more.csv",
         "split.validation_size=4", "split.test_size=4", *settings],
    )  # fmt: skip


def held(prepared: Prepared) -> list[str]:
    assert prepared.test is not None
    prepared.test.release()
    return prepared.test.open().texts


def test_it_is_trained_on_and_on_nothing_else(tmp_path: Path) -> None:
    said: list[str] = []
    extra = [f"Other {n},{'good' if n % 3 else 'bad'}" for n in range(9)]
    found = prepare(config(tmp_path, extra), said.append)
    assert found.train.texts[12:] == [line.split(",")[0] for line in extra]
    assert [found.labels[t] for t in found.train.targets_N[12:]] == [
        line.split(",")[1] for line in extra
    ]
    assert set(found.train.texts[:12]) | set(found.validation.texts) | set(held(found)) == set(OWN)
    assert found.extra is not None
    assert (found.extra.rows, found.extra.left_out) == (9, 0)
    assert any("9 more texts" in line for line in said)


def test_a_text_of_any_part_is_left_out(tmp_path: Path) -> None:
    """Else a held-out text would be trained on after all."""
    extra = [f"{text},bad" for text in OWN] + ["A new one,good"]
    found = prepare(config(tmp_path, extra), lambda line: None)
    assert found.train.texts[12:] == ["A new one"]
    assert found.extra is not None
    assert (found.extra.rows, found.extra.left_out) == (1, 20)


def test_a_label_that_the_data_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"more\.csv.*'great'"):
        prepare(config(tmp_path, ["One,great", "Two,bad"]), lambda line: None)


def test_a_cap_on_the_training_rows_does_not_cut_it(tmp_path: Path) -> None:
    extra = ["One,good", "Two,bad"]
    found = prepare(config(tmp_path, extra, "split.train_size=4"), lambda line: None)
    assert len(found.train) == 4 + 2
