"""A bad row is put aside with its line and the reason; the rows around it are scored."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.data.rows import LONGEST_TEXT
from plaudit.errors import ConfigError, DataError
from plaudit.score import lines, read
from plaudit.score.read import Rows, Table, find
from tests.score.stub import Stub, prediction, scored


def aside(out):
    path = out.with_name(f"{out.name}.quarantine.jsonl")
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def kept(out):
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.promise("it is put aside, and the rest goes on", fault="a row cannot be read")
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"7\n", "the row has 1 fields, the header has 2"),
        (b"7,a,b\n", "the row has 3 fields, the header has 2"),
        (b'7,"never closed\n', "the row cannot be read"),
        (b'7,"closed" too early\n', "the row cannot be read"),
        (b"7,caf\xe9\n", "byte 6 of line 3 is not UTF-8"),
        (b"7,\n", "the text is empty"),
        (b"7,  \n", "the text is empty"),
        (b"7,nul \0 here\n", "the text contains a NUL character"),
        (b"7," + b"x" * (LONGEST_TEXT + 1) + b"\n", "the text has 1,048,577 characters"),
        (b"7,broken\n", "the model failed on it: index out of range"),
    ],
)
def test_a_bad_row_of_csv_costs_itself_alone(tmp_path, bad, reason):
    data, out = tmp_path / "in.csv", tmp_path / "out.csv"
    data.write_bytes(b"id,text\n1,good\n" + bad + b'2,"fi""ne"\n3,"two\nlines"\n4,end\n')
    done = scored(data, out, Stub(poison="broken"))
    assert [row["id"] for row in kept(out)] == ["1", "2", "3", "4"]
    assert [row["text"] for row in kept(out)] == ["good", 'fi"ne', "two\nlines", "end"]
    (found,) = aside(out)
    assert found["line"] == 3
    assert found["reason"].startswith(reason)
    assert (done.rows, done.scored, done.quarantined) == (5, 4, 1)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ('{"text": "cut', "the line is not JSON"),
        ('["a", "list"]', "the line is not an object but list"),
        ('{"text": 7}', "the text is not a string but int"),
        ('{"text": null}', "the row has no text"),
        ('{"other": "x"}', "the row has no text"),
        ('{"text": "half \\ud800"}', "the row contains half of a character"),
        ('{"text": "fine", "label": "mine"}', "the row has the key 'label'"),
        ("[" * 100_000, "the line is not JSON"),
    ],
)
def test_a_bad_line_of_jsonl_costs_itself_alone(tmp_path, bad, reason):
    data, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    good = [{"text": "good"}] * read.PEEKED_ROWS
    lines_ = [*map(json.dumps, good), bad, '{"text": "fine", "x": [1, NaN]}']
    data.write_text("\n".join(lines_), encoding="utf-8")
    done = scored(data, out, shard_rows=500)
    (found,) = aside(out)
    assert found["line"] == read.PEEKED_ROWS + 1
    assert found["reason"].startswith(reason)
    last = json.loads(out.read_text("utf-8").splitlines()[-1])
    assert (last["text"], last["x"]) == ("fine", [1, None])
    assert done.scored == read.PEEKED_ROWS + 1


def test_parquet_keeps_its_types_and_a_text_that_is_none_costs_its_row(tmp_path):
    data, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    invalid = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")]
    )
    text = pa.chunked_array([pa.array(["good", None]), invalid, pa.array(["fine"])])
    table = pa.table({"text": text, "n": pa.array([1, 2, 3, 4], pa.int16())})
    pq.write_table(table, data, row_group_size=1)
    done = scored(data, out, shard_rows=3)
    found = pq.read_table(out)
    assert found.column("text").to_pylist() == ["good", "fine"]
    assert found.column("n").to_pylist() == [1, 4]
    assert found.schema.field("n").type == pa.int16()
    assert [(row["line"], row["reason"][:23]) for row in aside(out)] == [
        (2, "the row has no text"),
        (3, "the row cannot be read "),
    ]
    assert done.labels["negative"] + done.labels["positive"] == 2


def test_a_line_without_end_is_skipped_and_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST_ROW", 1000)
    monkeypatch.setattr(lines, "_PIECE", 100)
    data, out = tmp_path / "in.csv", tmp_path / "out.csv"
    data.write_bytes(b"id,text\n1,good\n2," + b"x" * 5000 + b"\n3,fine\n")
    scored(data, out)
    assert [row["id"] for row in kept(out)] == ["1", "3"]
    (found,) = aside(out)
    assert found["line"] == 3
    assert "longer than" in found["reason"]
    assert len(found["beginning"]) <= 200


@pytest.mark.parametrize("bad", [(0, 1), (0, 1, 2, 3), (4,), (0, 1, 2, 3, 4)])
def test_bad_neighbours_cost_themselves_alone_even_where_they_fill_a_shard(tmp_path, bad):
    data, out = tmp_path / "in.csv", tmp_path / "out.csv"
    texts = [f"{'broken' if n in bad else 'good'} {n}" for n in range(5)]
    data.write_text("\n".join(["text", *texts]) + "\n")
    done = scored(data, out, Stub(poison="broken"))
    assert [row["text"] for row in kept(out)] == [texts[n] for n in range(5) if n not in bad]
    assert [row["beginning"] for row in aside(out)] == [texts[n] for n in bad]
    assert done.quarantined == len(bad)


def test_a_device_that_answers_nothing_any_more_ends_the_job(tmp_path):
    class Wrecked(Stub):
        def predict(self, texts):
            if any("broken" in text for text in texts):
                self.poison = ""  # from here on every text fails
            return super().predict(texts)

    data, out = tmp_path / "in.csv", tmp_path / "out.csv"
    data.write_text("text\nfine\nbroken\ngood\n")
    with pytest.raises(RuntimeError, match="index out of range"):
        scored(data, out, Wrecked())
    assert not out.exists()


@pytest.mark.parametrize("rows", ["a\n", "a\nb\nc\n"])
def test_when_every_row_fails_it_is_not_the_rows(tmp_path, rows):
    data, out = tmp_path / "in.csv", tmp_path / "out.csv"
    data.write_text(f"text\n{rows}")
    with pytest.raises(RuntimeError, match="index out of range"):
        scored(data, out, Stub(poison=""))
    assert not out.exists()


@pytest.mark.parametrize("head", ["text\n", ""])
def test_a_file_without_rows_is_refused(tmp_path, head):
    data = tmp_path / "in.csv"
    data.write_text(head)
    with pytest.raises(DataError, match=r"no row|empty"):
        scored(data, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("in.csv", "text\n".encode("utf-16"), "UTF-16"),
        ("in.csv", b"te\xe9xt\na\n", "not UTF-8"),
        ("in.csv", b"text,text\na,b\n", "columns have one name: 'text'"),
        ("in.csv", b"a,b\n1,2\n", "which column is the text"),
        ("in.jsonl", b"nothing\n", "no column can be told"),
        ("in.txt", b"a\n", "unknown kind of file"),
        (
            "in.csv.gz",
            gzip.compress(b"text\n" + b"a\n" * 99, mtime=0)[:-9],
            "damaged or incomplete",
        ),
    ],
)
def test_a_file_that_cannot_be_used_as_a_whole_is_refused(tmp_path, name, content, said):
    data = tmp_path / name
    data.write_bytes(content)
    with pytest.raises(DataError, match=said):
        scored(data, tmp_path / "out.csv")


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(max_examples=60)
@given(st.lists(st.tuples(cells, cells), max_size=12), st.integers(1, 5))
def test_any_csv_that_was_written_is_read_as_it_was_from_any_row_on(tmp_path_factory, rows, start):
    path = tmp_path_factory.mktemp("any") / "in.csv"
    written = io.StringIO(newline="")
    csv.writer(written).writerows([("id", "text"), *rows])
    path.write_bytes(written.getvalue().encode())
    table = Table(read.tables.find(str(path))[0], ("id", "text"), "text", None)
    found = list(Rows(table, lines.Place()))
    assert [tuple(row.cells.values()) for row in found] == rows
    if start <= len(found):
        rest = list(Rows(table, found[start - 1].after))
        assert rest == found[start:]


@settings(max_examples=120)
@given(st.binary(max_size=120), st.sampled_from(["in.csv", "in.jsonl", "in.tsv"]))
def test_any_bytes_are_read_to_their_end_and_every_row_has_its_place(tmp_path_factory, noise, name):
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(b"id\ttext\n" + noise if name == "in.tsv" else b"id,text\n" + noise)
    table = Table(read.tables.find(str(path))[0], ("id", "text"), "text", None)
    found = list(Rows(table, lines.Place()))
    assert [row.line for row in found] == sorted({row.line for row in found})
    assert [row.after.offset for row in found] == sorted({row.after.offset for row in found})
    for place, row in enumerate(found):
        assert list(Rows(table, row.after)) == found[place + 1 :]


def test_the_answers_are_those_of_the_texts_in_their_order(tmp_path):
    data, out = tmp_path / "in.tsv", tmp_path / "out.csv"
    data.write_text("text\n" + "".join(f"film {n}\n" for n in range(50)))
    done = scored(data, out, probabilities=True, shard_rows=7)
    for n, row in enumerate(kept(out)):
        expected = prediction(f"film {n}")
        assert row["label"] == expected.label
        assert float(row["probability"]) == pytest.approx(expected.probability, abs=1e-6)
        assert float(row["probability_positive"]) == pytest.approx(
            expected.probabilities["positive"], abs=1e-6
        )
    assert sum(done.labels.values()) == 50
    assert find(data).names == ("text",)


def test_lines_that_end_in_a_carriage_return_alone_are_explained(tmp_path):
    data = tmp_path / "in.csv"
    data.write_bytes(b"text,label\rA triumph.,positive\rDull.,negative\r")
    with pytest.raises(DataError, match=r"carriage return stands alone.*tr '"):
        find(data)


def test_times_finer_than_they_can_be_carried_are_refused(tmp_path):
    data = tmp_path / "in.parquet"
    for kind, value in ((pa.time64("ns"), 1), (pa.list_(pa.time64("ns")), [1])):
        pq.write_table(pa.table({"text": ["a"], "when": pa.array([value], kind)}), data)
        with pytest.raises(DataError, match="'when' holds times of a day in nanoseconds"):
            find(data)


def test_no_number_in_a_map_is_no_json(tmp_path):
    data, out = tmp_path / "in.parquet", tmp_path / "out.jsonl"
    pairs = pa.array([[("k", float("nan"))]], pa.map_(pa.string(), pa.float64()))
    pq.write_table(pa.table({"text": ["a"], "more": pairs}), data)
    scored(data, out)

    def refuse(name):
        raise AssertionError(name)

    assert json.loads(out.read_text(), parse_constant=refuse)["more"] == [["k", None]]


def test_a_name_that_leaves_no_room_for_others_beside_it_is_refused(tmp_path):
    data = tmp_path / "in.csv"
    data.write_text("text\na\n")
    with pytest.raises(ConfigError, match="the name is too long"):
        scored(data, tmp_path / f"{'o' * 245}.csv")
    scored(data, tmp_path / f"{'o' * 230}.csv")


def test_a_date_of_no_year_that_can_be_written_costs_its_row_alone(tmp_path):
    data, out = tmp_path / "in.parquet", tmp_path / "out.csv"
    when = pa.array([1, 2, 253_402_300_800_000, 3], pa.timestamp("ms"))
    pq.write_table(pa.table({"text": ["a", "b", "c", "d"], "when": when}), data)
    done = scored(data, out, Stub())
    assert [row["text"] for row in kept(out)] == ["a", "b", "d"]
    assert (done.scored, done.quarantined) == (3, 1)
    assert aside(out)[0]["reason"].startswith("the row cannot be read (")
