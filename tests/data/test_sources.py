from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plaudit.data.records import Columns
from plaudit.data.sources import read, resolve
from plaudit.errors import DataError

GOOD = "text,label\nA triumph.,positive\nA bore.,negative\n"


def test_resolving_a_table_reads_nothing_and_says_one_line(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"\xff\xfe broken")
    said: list[str] = []
    source = resolve(str(path), say=said.append)
    assert said == [source.note]
    assert "\n" not in source.note
    assert "without official splits" in source.note
    assert (source.kind, source.splits, source.served_by) == ("table", (), "file")
    with pytest.raises(DataError, match="UTF-16"):
        read(source, None)


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "r.csv").write_text(GOOD)
    assert len(read(resolve("~/r.csv"), None).rows) == 2


def test_a_misspelt_name_lists_what_data_may_be() -> None:
    with pytest.raises(DataError, match=r"did you mean 'imdb'.*hub:owner/name"):
        resolve("imbd")
    with pytest.raises(DataError, match="reads no URLs"):
        resolve("https://example.org/reviews.csv")


def test_a_relative_path_is_read_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.csv").write_text(GOOD)
    assert read(resolve("r.csv"), None).rows["origin"][0] == "r.csv:2"
    Path("imdb").mkdir()
    with pytest.raises(DataError, match="train/LABEL"):
        resolve("./imdb")


def test_the_data_room_imports_neither_torch_nor_heavy_libraries() -> None:
    code = (
        "import sys, plaudit.data.sources as s\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'numpy', 'rich'}\n"
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("columns", "labels", "said"),
    [
        (Columns(), ("Good", "bad", "good"), ["'Good', 'good' differ in case alone"]),
        (Columns(mapping={"Good": "good", "good": "good", "bad": "bad"}), ("bad", "good"), []),
    ],
)
def test_labels_that_differ_in_case_alone_are_remarked(
    tmp_path: Path, columns: Columns, labels: tuple[str, ...], said: list[str]
) -> None:
    table = tmp_path / "a.csv"
    table.write_text("text,label\na,good\nb,Good\nc,bad\n", encoding="utf-8")
    lines: list[str] = []
    assert read(resolve(str(table)), None, columns, say=lines.append).labels == labels
    remarks = [line for line in lines if "case" in line]
    assert len(remarks) == len(said)
    assert all(part in line for part, line in zip(said, remarks, strict=True))
