import gzip
import io
import os

import pytest

from plaudit.data.texts import BLOCK, arrivals, gather, read
from plaudit.errors import DataError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(*inputs, column=None):
    return [text for block in gather(inputs, column=column) for text in block]


def test_arguments_are_texts():
    assert texts("A triumph.", "- no", "x" * 5000) == ["A triumph.", "- no", "x" * 5000]


def test_many_texts_come_in_blocks(here):
    (here / "r.txt").write_text("a\n" * (BLOCK + 1))
    assert [len(block) for block in gather(["r.txt"])] == [BLOCK, 1]


@pytest.mark.parametrize("name", ["r.txt", "R.TXT", "r.txt.gz"])
def test_a_text_file_has_a_text_a_line(here, name):
    content = b"\xef\xbb\xbfone\r\n\n three \nfour"
    (here / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert texts(name) == ["one", "", " three ", "four"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.csv", 'id,Review\n1,"good,\nvery"\n2,bad\n'),
        ("r.tsv", "id\treview_text\n1\tgood,\\nvery\n2\tbad\n"),
        ("r.csv", 'id,opinion\n1,"good,\nvery"\n2,bad\n'),
        ("r.jsonl", '{"text": "good,\\nvery", "label": "pos"}\n{"text": "bad"}\n'),
    ],
)
def test_a_table_gives_its_text_column(here, name, content):
    (here / name).write_text(content)
    assert [text.replace("\\n", "\n") for text in texts(name)] == ["good,\nvery", "bad"]


def test_the_column_can_be_named(here):
    (here / "r.csv").write_text("text,title\nlong,short\n")
    assert texts("r.csv", column="title") == ["short"]
    with pytest.raises(DataError, match=r"no column 'titel' \(did you mean 'title'\?\)"):
        gather(["r.csv"], column="titel")


def test_a_column_is_not_guessed_among_several(here):
    (here / "r.csv").write_text("title,plot\na,b\n")
    with pytest.raises(DataError, match=r"which column is the text.*--text COLUMN"):
        gather(["r.csv"])


def test_a_glob_gives_the_texts_of_all_its_files(here):
    (here / "a.csv").write_text("text\none\ntwo\n")
    (here / "b.csv").write_text("id,text\n3,three\n")
    assert texts("*.csv") == ["one", "two", "three"]
    assert texts("a*.csv") == ["one", "two"]
    (here / "c.csv").write_text("id,review\n4,four\n")
    with pytest.raises(DataError, match=r"c\.csv: there is no column 'text'.*--text COLUMN"):
        gather(["*.csv"])


def test_a_glob_of_text_files_gives_their_lines(here):
    (here / "b.txt").write_text("three\n")
    (here / "a.txt").write_text("one\ntwo")
    assert texts("*.txt") == ["one", "two", "three"]
    with pytest.raises(DataError, match="no file matches"):
        gather(["*.txt.gz"])


@pytest.mark.parametrize("name", ["reviews.csv", "no/such.jsonl", "a.txt.gz"])
def test_a_missing_file_is_no_review(name):
    with pytest.raises(DataError, match=r"no such file|unknown kind"):
        gather([name])


def test_a_folder_is_no_review(here):
    (here / "reviews").mkdir()
    with pytest.raises(DataError, match=r"reviews: this is a folder.*'reviews/\*\.csv'"):
        gather(["reviews"])
    assert texts("...") == ["..."]
    assert texts(".") == ["."]
    assert texts("") == [""]


def test_a_row_without_a_text_is_named(here):
    (here / "r.jsonl").write_text('{"text": "a"}\n{"text": null}\n')
    with pytest.raises(DataError, match=r"r\.jsonl:2: 'text' holds None"):
        list(read(here / "r.jsonl"))


def test_a_broken_row_is_named(here):
    (here / "r.csv").write_text("text,id\na,1\nb\n")
    with pytest.raises(DataError, match=r"r\.csv:3"):
        list(read(here / "r.csv"))


def test_bytes_that_are_not_utf8_are_named_with_their_line(here):
    (here / "r.txt").write_bytes(b"fine\nna\xefve\n")
    with pytest.raises(DataError, match=r"r\.txt:2: byte 3 of the line is not UTF-8"):
        list(read(here / "r.txt"))


def test_a_stream_is_answered_as_it_comes():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stream:
        found = arrivals(stream, "pipe")
        os.write(writer, b"one\ntwo\nthr")
        assert next(found) == ["one", "two"]  # although the pipe is still open
        os.write(writer, b"ee\n")
        assert next(found) == ["three"]
        os.write(writer, "é".encode()[:1])
        os.write(writer, "é".encode()[1:])
        os.close(writer)
        assert next(found) == ["é"]
        assert list(found) == []


def test_an_empty_stream_has_no_texts():
    assert list(arrivals(io.BytesIO(b""), "nothing")) == []


@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_column_that_seems_to_be_several_is_not_read_as_a_text(here, sign, name):
    (here / "r.csv").write_text(f"text{sign}label\ngood film{sign}positive\n")
    with pytest.raises(DataError, match=f"separated by {name}"):
        texts("r.csv")
    column = f"text{sign}label"
    assert texts("r.csv", column=column) == [f"good film{sign}positive"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("r.csv", '"Review, in English"\ngood\n'), ("r.jsonl", '{"body|en": "good"}\n')],
)
def test_a_sign_in_the_name_of_the_only_column_is_no_separator(here, name, content):
    (here / name).write_text(content)
    assert texts(name) == ["good"]


def test_a_file_of_lines_has_no_columns(here):
    (here / "r.txt").write_text("good\n")
    with pytest.raises(DataError, match=r"--text review names a column.*r\.txt"):
        texts("r.txt", column="review")


def test_a_text_that_is_too_long_is_named_by_its_place(here, monkeypatch):
    monkeypatch.setattr("plaudit.data.texts.LONGEST_TEXT", 10)
    (here / "r.txt").write_text("short\n" * (BLOCK + 1) + "x" * 11 + "\n")
    with pytest.raises(DataError, match=rf"r\.txt:{BLOCK + 2}: the text has 11 characters"):
        texts("r.txt")
    (here / "r.csv").write_text("text\n" + "short\n" * (BLOCK + 1) + "x" * 11 + "\n")
    with pytest.raises(DataError, match=rf"r\.csv:{BLOCK + 3}: the text has 11 characters"):
        texts("r.csv")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\n" + b"x" * 11 + b"\n")))
    with pytest.raises(DataError, match=r"standard input:2: the text has 11 characters"):
        texts("-")


@pytest.mark.parametrize("others", [["b.csv"], ["A triumph."], ["A triumph.", "b.csv"]])
@pytest.mark.parametrize("column", [None, "text"])
def test_what_a_shell_makes_of_a_pattern_is_not_taken_for_texts(here, others, column):
    (here / "a.csv").write_text("text\nA triumph.\n")
    with pytest.raises(DataError, match=r"a\.csv: that names a file.*quote a pattern"):
        texts("a.csv", *others, column=column)


def test_among_texts_one_that_is_called_like_no_file_there_is_is_a_text(here):
    (here / "docs").mkdir()
    assert texts("great", "notes.txt", "docs") == ["great", "notes.txt", "docs"]
    with pytest.raises(DataError, match=r"a\.csv: that names a file"):
        texts("a.csv", "b.csv")


def test_a_column_that_is_there_twice_is_refused(here):
    (here / "r.csv").write_text("text,label,text\none,a,two\n")
    with pytest.raises(DataError, match=r"2 columns are called 'text'"):
        texts("r.csv", column="text")
