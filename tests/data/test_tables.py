from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plaudit.data import table_writer
from plaudit.data.records import Columns, Corpus
from plaudit.data.sources import read, resolve
from plaudit.errors import DataError

GUESS = Columns()
GOOD = "text,label\nA triumph.,positive\nA bore.,negative\n"


def load(path: Path | str, columns: Columns = GUESS, **options: Any) -> Corpus:
    return read(resolve(str(path)), None, columns, **options)


def refusal(path: Path | str, columns: Columns = GUESS, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(path, columns, **options)
    return str(caught.value)


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


LINES = """{"text": "A triumph.", "label": "positive"}

{"text": "A bore.", "label": "negative"}"""
CONTENTS = {
    "r.csv": GOOD,
    "r.csv.gz": GOOD,
    "r.tsv": GOOD.replace(",", "\t"),
    "r.tsv.gz": GOOD.replace(",", "\t"),
    "r.jsonl": LINES,
    "r.ndjson.gz": LINES,
}


@pytest.mark.parametrize("name", CONTENTS)
def test_text_formats_give_the_same_rows(tmp_path: Path, name: str) -> None:
    corpus = load(write(tmp_path / name, CONTENTS[name]))
    assert list(corpus.rows["text"]) == ["A triumph.", "A bore."]
    assert corpus.labels == ("negative", "positive")
    assert list(corpus.rows["label"]) == [1, 0]
    assert corpus.rows.features["label"].dtype == "int64"
    assert corpus.order == "any"
    assert corpus.provenance.split is None
    assert list(corpus.provenance.files) == [name]


def test_parquet_rows_are_numbered_across_batches(tmp_path: Path) -> None:
    count = 2500
    table = pa.table(
        {
            "id": list(range(count)),
            "stars": pa.array([n % 2 + 1.0 for n in range(count)]),
            "text": pa.array([f"t{n}" for n in range(count)]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "r.parquet")
    corpus = load(tmp_path / "r.parquet")
    assert corpus.labels == ("1", "2")
    assert corpus.rows[2499] == {"text": "t2499", "label": 1, "origin": "r.parquet:2500"}


def test_a_broken_parquet_file_is_a_data_error(tmp_path: Path) -> None:
    assert "r.parquet: cannot be read as Parquet" in refusal(write(tmp_path / "r.parquet", GOOD))
    pq.write_table(pa.table({}), tmp_path / "none.parquet")
    assert "none.parquet: there are no column names" in refusal(tmp_path / "none.parquet")


def test_a_glob_reads_all_files_in_order_and_hashes_each(tmp_path: Path) -> None:
    for part in ("b", "a"):
        (tmp_path / part).mkdir()
        write(tmp_path / part / "r.csv", GOOD)
    corpus = load(f"{tmp_path}/*/r.csv")
    assert list(corpus.rows["origin"])[::2] == ["a/r.csv:2", "b/r.csv:2"]
    assert set(corpus.provenance.files) == {"a/r.csv", "b/r.csv"}
    assert corpus.provenance.served_by == "2 files"


def test_a_file_whose_name_looks_like_a_glob_is_read(tmp_path: Path) -> None:
    assert len(load(write(tmp_path / "r[1].csv", GOOD)).rows) == 2


def test_each_file_of_a_glob_must_have_the_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / "b.csv", GOOD.replace("label", "lable", 1))
    words = refusal(f"{tmp_path}/*.csv")
    assert words.startswith("b.csv: there is no column 'label'")
    assert "did you mean 'lable'" in words


def test_an_origin_is_the_line_on_which_the_row_starts(tmp_path: Path) -> None:
    content = 'text,label\n"One\nreview, ""two"" lines",b\n\nNext,a\n'
    corpus = load(write(tmp_path / "r.csv", content))
    assert corpus.rows["text"][0] == 'One\nreview, "two" lines'
    assert list(corpus.rows["origin"]) == ["r.csv:2", "r.csv:5"]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    corpus = load(write(tmp_path / "r.csv", b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()))
    assert list(corpus.rows["text"]) == ["A triumph.", "A bore."]
    line = b"\xef\xbb\xbf" + CONTENTS["r.jsonl"].encode()
    assert len(load(write(tmp_path / "r.jsonl", line)).rows) == 2


def test_a_field_longer_than_the_csv_modules_limit_is_read(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)  # the module's own, which an earlier test has raised
    corpus = load(write(tmp_path / "r.csv", GOOD + "x" * 131_073 + ",positive\n"))
    assert len(corpus.rows["text"][2]) == 131_073


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD.encode() + b"caf\xe9,positive\n", "r.csv:4: byte 52 (0xe9) is not UTF-8"),
        (GOOD.encode("utf-16"), "r.csv:1: the file is UTF-16"),
        (GOOD.encode("utf-16-le"), "r.csv:1: the file is UTF-16"),
        (b"", "r.csv: the file is empty"),
        (b"\n\n", "r.csv:1: there are no column names"),
        (b"text,label\n", "r.csv: there is a header and no row"),
        (GOOD + "a,b,c\n", "r.csv:4: the row has 3 fields, the header has 2"),
        (GOOD + "a\n", "r.csv:4: the row has 1 fields"),
        (GOOD + '"open,positive\n\n', "r.csv:4: the row cannot be read"),
        (GOOD + '"a"b,positive\n', "r.csv:4: the row cannot be read"),
        (GOOD + "a\0b,positive\n", "r.csv:4: the text contains a NUL"),
        (GOOD + " \t,positive\n", "r.csv:4: the text is empty"),
        (GOOD + "a, \n", "r.csv:4: the row has no label"),
        ("text,label\na,x\nb,x\n", "one label 'x'"),
        ("text;label\na;x\nb;y\n", "separated by semicolons"),
        ("text,text,label\na,b,x\n", "Rename all but the text"),
        ('label,text\na, "b, c"\n', "as its first character only: remove the space"),
    ],
)
def test_a_bad_csv_names_file_and_line(tmp_path: Path, content: str | bytes, words: str) -> None:
    assert words in refusal(write(tmp_path / "r.csv", content))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{broken", "r.jsonl:3: the line is not JSON"),
        ("[1]", "r.jsonl:3: the line is not an object but list"),
        ("[" * 100_000, "r.jsonl:3: the line is not JSON"),
        ('{"text": 5, "label": "a"}', "r.jsonl:3: the text is not a string but int '5'"),
        ('{"label": "a"}', "r.jsonl:3: the row has no text"),
        ('{"text": "x"}', "r.jsonl:3: the row has no label"),
        ('{"text": "x", "label": NaN}', "r.jsonl:3: the row has no label"),
        ('{"text": "x", "label": ["a"]}', "r.jsonl:3: the label is a list"),
        ('{"text": "\\ud800", "label": "a"}', "r.jsonl:3: the text contains half of a character"),
    ],
)
def test_a_bad_jsonl_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    good = '{"text": "A", "label": "a"}\n{"text": "B", "label": "b"}\n'
    assert words in refusal(write(tmp_path / "r.jsonl", good + line + "\n"))


def test_latin_1_in_jsonl_is_named_by_line(tmp_path: Path) -> None:
    content = b'{"text": "A", "label": "a"}\n{"text": "caf\xe9", "label": "b"}\n'
    assert "r.jsonl:2: byte 42" in refusal(write(tmp_path / "r.jsonl", content))


def test_a_truncated_gzip_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "r.csv.gz"
    path.write_bytes(gzip.compress((GOOD * 50).encode())[:-9])
    assert "r.csv.gz: the gzip file is damaged" in refusal(path)
    assert "damaged" in refusal(write(tmp_path / "r.jsonl", "x").rename(tmp_path / "r.jsonl.gz"))


def test_ten_bad_rows_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    words = refusal(write(tmp_path / "r.csv", GOOD + " ,positive\n" * 13 + "ragged\n"))
    lines = words.splitlines()
    assert [line.split(": ")[0] for line in lines[:10]] == [f"r.csv:{n}" for n in range(4, 14)]
    assert lines[10] == "... and 4 more bad rows"
    assert len(lines) == 12


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("id,Review_Text,Stars", "Review_Text", "Stars"),
        ("id,blurb,label", "blurb", "label"),
        ("review,verdict", "review", "verdict"),
        (" text , label ", "text", "label"),
    ],
)
def test_the_only_possible_columns_are_guessed_and_said(
    tmp_path: Path, header: str, text: str, label: str
) -> None:
    row = ["7", "A bore.", "2"] if header.count(",") == 2 else ["A bore.", "2"]
    lines = [header, ",".join(row), ",".join([*row[:-1], "1"])]
    said: list[str] = []
    corpus = load(write(tmp_path / "r.csv", "\n".join(lines)), say=said.append)
    assert corpus.rows["text"][0] == "A bore."
    assert f"text from column '{text}', label from column '{label}' (guessed" in said[0]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("text,review,label", "which column is the text? 'text', 'review'"),
        ("text,label,stars", "which column is the label? 'label', 'stars'"),
        ("text,a,b", "which column is the label? 'a', 'b'"),
        ("text,label,label", "2 columns are called 'label'. Rename all but the label"),
        ("text,text,label", "2 columns are called 'text'. Rename all but the text"),
        ("a,b,label", "which column is the text? 'a', 'b'"),
    ],
)
def test_several_possible_columns_are_an_error(tmp_path: Path, header: str, words: str) -> None:
    assert words in refusal(write(tmp_path / "r.csv", f"{header}\nx,y,z\nv,w,u\n"))


def test_named_columns_are_used_exactly(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "text,body,label,stars\na,b,1,5\nc,d,2,4\n")
    said: list[str] = []
    corpus = load(path, Columns("body", "stars"), say=said.append)
    assert list(corpus.rows["text"]) == ["b", "d"]
    assert corpus.labels == ("4", "5")
    assert said == []
    words = refusal(path, Columns("Body", "stars"))
    assert "no column 'Body' (data.text) among 'text', 'body', 'label', 'stars'" in words
    assert "did you mean 'body'" in words
    assert "both name the column 'body'" in refusal(path, Columns("body", "body"))


def test_a_mapping_names_rows_that_it_does_not_cover(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "text,stars\na,1\nb,10\nc,5\n")
    mapping = {"1-4": "negative", "7-10": "positive"}
    assert "r.csv:4: label '5' is covered by no key" in refusal(path, Columns(mapping=mapping))
    path.write_text("text,stars\na,10\nb,1\n")
    corpus = load(path, Columns(mapping=mapping))
    assert corpus.labels == ("negative", "positive")
    assert list(corpus.rows["label"]) == [1, 0]


def test_a_fixed_label_set_keeps_its_order_and_may_lack_classes(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "text,label\na,x\n")
    corpus = load(path, labels=("y", "x", "z"))
    assert corpus.labels == ("y", "x", "z")
    assert list(corpus.rows["label"]) == [1]
    words = refusal(path, labels=("yes", "no"))
    assert "r.csv:2: label 'x' is not one of 'yes', 'no'" in words
    assert "data.labels" in words


def test_numbers_as_labels_sort_by_value(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"t{n}", "label": n}) for n in (10, 9.0, 1, 10)]
    corpus = load(write(tmp_path / "r.jsonl", "\n".join(lines)))
    assert corpus.labels == ("1", "9", "10")
    assert list(corpus.rows["label"]) == [2, 1, 0, 2]


def test_a_column_of_identifiers_is_not_a_label(tmp_path: Path) -> None:
    few = "text,label\n" + "".join(f"t{n},id{n}\n" for n in range(30))
    assert "30 different labels in 30 rows" in refusal(write(tmp_path / "r.csv", few))
    many = "text,label\n" + "".join(f"t{n},id{n // 3}\n" for n in range(4000))
    assert "1,001 different labels" in refusal(write(tmp_path / "r.csv", many))


@pytest.mark.parametrize(
    ("name", "words"),
    [("r.json", "jq -c"), ("r.xlsx", "unknown kind"), ("r.parquet.gz", "unknown kind")],
)
def test_an_unknown_kind_of_file_names_the_known(tmp_path: Path, name: str, words: str) -> None:
    assert words in refusal(write(tmp_path / name, GOOD))


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "reviews.csv", GOOD)
    assert "did you mean 'reviews.csv'" in refusal(tmp_path / "review.csv")
    assert "no file matches" in refusal(f"{tmp_path}/*.tsv")


def test_large_tables_move_to_disk_and_stay_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "text,label\n" + "".join(f"text {n} é,{'ba'[n % 2]}\n" for n in range(500))
    path = write(tmp_path / "r.csv", content)
    held = load(path).rows
    monkeypatch.setattr(table_writer, "CHUNK_ROWS", 64)
    monkeypatch.setattr(table_writer, "SPILL_BYTES", 1000)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = pa.total_allocated_bytes()
    spilled = load(path).rows
    assert pa.total_allocated_bytes() - before < 20_000
    assert spilled.to_dict() == held.to_dict()
    assert not list(tmp_path.glob("plaudit-*"))


def test_equal_content_has_an_equal_fingerprint_and_other_content_another(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", GOOD)
    first = load(path).rows._fingerprint
    assert load(path).rows._fingerprint == first
    write(path, GOOD.replace("bore", "joke"))
    assert load(path).rows._fingerprint != first


def test_column_advice_names_the_option_of_evaluate_too(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("title,plot,label\na,b,x\nc,d,y\n")
    advice = r"data\.{0}=\w+, or --{0} \w+ with plaudit evaluate"
    with pytest.raises(DataError, match=advice.format("text")):
        read(resolve(str(path)), None)
    with pytest.raises(DataError, match=advice.format("label")):
        read(resolve(str(path)), None, Columns("title", "lable"))
    with pytest.raises(DataError, match=r"--text and --label"):
        read(resolve(str(path)), None, Columns("title", "title"))


def test_a_key_that_a_later_line_brings_is_a_column_and_not_guessed_over(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "source": "web"} for n in range(60)]
    late = [{"text": f"more {n}", "source": "app", "label": "ab"[n % 2]} for n in range(10)]
    path = write(tmp_path / "r.jsonl", "\n".join(map(json.dumps, rows + late)))
    # By the first rows alone "source" would be the label.
    said = refusal(path)
    assert "r.jsonl:1: the row has no label" in said
    assert "there is no column" not in refusal(path, Columns(label="label"))


def test_a_late_key_leaves_the_choice_among_the_first_as_it_is(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"phrase": f"text {n}", "label": "ab"[n % 2]} for n in range(60)]
    rows += [{"phrase": "more", "label": "a", "comment": "late", "rating": 3}]
    path = write(tmp_path / "r.jsonl", "\n".join(map(json.dumps, rows)))
    found = load(path)
    assert found.labels == ("a", "b")
    assert found.rows["text"][0] == "text 0"


def test_minus_nought_is_nought(tmp_path: Path) -> None:
    corpus = load(write(tmp_path / "r.csv", "text,label\na,0\nb,-0.0\nc,1\nd,-0\n"))
    assert corpus.labels == ("0", "1")


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.csv"))
    try:
        path.write_text("text,label\ngood,a\nbad,b\n")
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    for asked in (str(path), str(tmp_path / "*.csv")):
        with pytest.raises(DataError, match=r"name is not UTF-8\. Rename it"):
            read(resolve(asked), None)
