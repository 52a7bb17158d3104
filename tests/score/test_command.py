"""plaudit score, with a real model of two layers, and what it writes."""

import csv
import gzip
import json

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import plaudit
from plaudit.cli import app
from plaudit.errors import ConfigError
from tests.score.stub import Unsure, scored

TEXTS = ["A triumph.", "Dull, and a waste.", "=cmd()|' /C calc'!A0", "I saw it with a friend."]


def plaudit_(*args):
    return CliRunner().invoke(app, [*map(str, args)], prog_name="plaudit")


@pytest.fixture
def model(workshop):
    return workshop / "runs" / "quickstart" / "model"


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"n": n, "text": t}) + "\n" for n, t in enumerate(TEXTS)))
    return path


def test_the_answers_are_those_of_predict(model, data, tmp_path):
    out = tmp_path / "out.jsonl"
    done = plaudit_("score", model, data, out, "--probabilities", "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["rows"], document["scored"], document["quarantine"]) == (4, 4, None)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    for row, text, expected in zip(rows, TEXTS, plaudit.predict(model, TEXTS), strict=True):
        assert (row["text"], row["label"]) == (text, expected.label)
        for label, probability in expected.probabilities.items():
            assert row[f"probability_{label}"] == pytest.approx(probability, abs=1e-6)


@pytest.mark.promise("is put aside with the reason, and the rest goes on", fault="a bad row")
def test_what_could_not_be_scored_is_said_loudly(model, data, tmp_path):
    with data.open("a") as file:
        file.write("no json\n")
    done = plaudit_("score", model, data, tmp_path / "out.csv")
    assert done.exit_code == 0
    assert "out.csv: 4 of 5 rows scored, " in done.stdout
    assert "WARNING: 1 of 5 rows could not be scored" in done.stderr
    assert "out.csv.quarantine.jsonl" in done.stderr
    assert "100% · " in done.stderr
    assert " rows/s · " in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("out.txt",), "unknown kind of file"),
        (("no/out.csv",), "there is no folder"),
        (("in.jsonl",), "never overwritten"),
        (("out.jsonl", "--excel-safe"), "--excel-safe is about CSV and TSV"),
        (("out.csv", "--text", "txet"), "did you mean 'text'?"),
    ],
)
def test_a_mistake_in_what_is_asked_leaves_nothing_behind(model, data, tmp_path, args, said):
    done = plaudit_("score", model, data, tmp_path / args[0], *args[1:])
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_every_format_holds_the_same(data, tmp_path):
    names = ("out.csv", "out.csv.gz", "out.tsv", "out.jsonl.gz", "out.parquet")
    for name in names:
        scored(data, tmp_path / name, shard_rows=3)
    csv_ = (tmp_path / "out.csv").read_text("utf-8")
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()).decode() == csv_
    rows = list(csv.DictReader(csv_.splitlines()))
    assert [row["text"] for row in rows] == TEXTS
    tsv = (tmp_path / "out.tsv").read_text("utf-8").splitlines()
    assert list(csv.DictReader(tsv, delimiter="\t")) == rows
    lines = gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()).decode().splitlines()
    assert [{k: str(v) for k, v in json.loads(line).items()} for line in lines] == rows
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [{k: str(v) for k, v in row.items()} for row in table] == rows


def test_the_columns_of_the_input_are_kept_and_none_is_lost(tmp_path):
    data = tmp_path / "in.csv"
    data.write_text("id,label,text,probability\n007,gold,fine film,0.5\n")
    done = scored(data, tmp_path / "out.csv")
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines())
    assert (row["id"], row["label"], row["probability"]) == ("007", "gold", "0.5")
    assert done.added == ("predicted_label", "predicted_probability")
    assert set(done.added) < set(row)
    data.write_text("label,text,predicted_label\na,b,c\n")
    with pytest.raises(ConfigError, match="has the columns 'predicted_label'"):
        scored(data, tmp_path / "other.csv")


@pytest.mark.promise("is inert with --excel-safe", fault="a cell that spreadsheets run")
@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@sum", "\tx", "\rx"])
def test_excel_safe_cells_are_texts_for_a_spreadsheet(tmp_path, cell):
    data = tmp_path / "in.jsonl"
    data.write_text(json.dumps({"text": f"{cell} fine", cell: cell, "number": "-2.5"}))
    scored(data, tmp_path / "out.csv", excel_safe=True)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)
    assert header[:3] == ["text", f"'{cell}", "number"]
    assert row[:3] == [f"'{cell} fine", f"'{cell}", "-2.5"]
    scored(data, tmp_path / "plain.csv")
    with (tmp_path / "plain.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[1] == cell


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_model_that_abstains_says_where(data, tmp_path, name):
    with data.open("a") as file:
        file.write(json.dumps({"n": 4, "text": "Good?"}) + "\n")
    out = tmp_path / name
    done = scored(data, out, Unsure(), probabilities=True)
    assert done.added == (
        "label", "probability", "unsure", "probability_negative", "probability_positive"
    )  # fmt: skip
    assert (done.unsure, done.scored) == (1, 5)
    if name == "out.csv":
        found = [row["unsure"] for row in csv.DictReader(out.read_text("utf-8").splitlines())]
        assert found == ["false"] * 4 + ["true"]
    else:
        assert pq.read_table(out).column("unsure").to_pylist() == [False] * 4 + [True]


def test_what_is_empty_once_cleaned_is_put_aside(model, data, tmp_path):
    with data.open("a") as file:
        file.write(json.dumps({"n": 4, "text": "<br /> &nbsp;"}) + "\n")
    out = tmp_path / "out.jsonl"
    done = plaudit.score(model, data, out)
    assert (done.rows, done.quarantined) == (5, 1)
    aside = json.loads((tmp_path / "out.jsonl.quarantine.jsonl").read_text())
    assert (aside["line"], aside["reason"]) == (5, "the text is empty once cleaned")
