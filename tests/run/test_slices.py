"""Evaluation by parts, in the workshop of conftest.py."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from plaudit import run
from plaudit.cli import app
from plaudit.report.html import render


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reviews of two shops; shop b has its labels the wrong way round, and one review twice."""
    path = tmp_path_factory.mktemp("shelf") / "shelf.csv"
    texts = [("a good great film", "positive"), ("a bad awful film", "negative")]
    swapped = {"positive": "negative", "negative": "positive"}
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "<b>shop</b>"])
        for n in range(20):
            text, label = texts[n % 2]
            shop = "b" if n < 4 else "a\x1b[2J"
            writer.writerow([f"{text} film{n}", swapped[label] if n < 4 else label, shop])
        writer.writerow(["a good great film film0", "negative", "b"])
    return path


def test_evaluate_by_a_column_scores_each_of_its_values(workshop: Path, shelf: Path) -> None:
    found = run.evaluate(workshop / "runs/quickstart/model", str(shelf), by=["<b>shop</b>"])
    cut = found["slices"][-1]
    groups = {group["value"][0]: group for group in cut["groups"]}

    assert (cut["kind"], cut["by"]) == ("column", "<b>shop</b>")
    assert (groups["a"]["rows"], groups["b"]["rows"]) == (16, 5)
    assert groups["a"]["accuracy"]["value"] == 1.0
    assert groups["b"]["accuracy"]["value"] == 0.0
    assert found["deduplicated"]["repeated"] == 1
    assert found["deduplicated"]["test"]["metrics"]["accuracy"]["value"] == 0.8


def test_a_run_reports_its_parts(workshop: Path) -> None:
    report = json.loads((workshop / "runs/quickstart/model/report.json").read_text())

    assert report["deduplicated"] == {"rows": 24, "repeated": 0, "test": None}
    (cut,) = report["slices"]
    assert sum(group["rows"] for group in cut["groups"]) == report["test"]["rows"]
    assert "Parts of the test set" in (workshop / "runs/quickstart/model/report.html").read_text()


def test_the_page_shows_parts_and_keeps_their_names_inert(workshop: Path, shelf: Path) -> None:
    report = json.loads((workshop / "runs/quickstart/model/report.json").read_text())
    found = run.evaluate(workshop / "runs/quickstart/model", str(shelf), by=["<b>shop</b>"])
    page = render(report | {name: found[name] for name in ("slices", "deduplicated")})

    assert "By &lt;b&gt;shop&lt;/b&gt;" in page
    assert "1 of the texts is a copy of another one" in page
    assert "80.0% of 20 are labelled correctly" in page
    assert "<b>shop" not in page


def test_a_report_from_before_there_were_parts_still_renders(workshop: Path) -> None:
    report = json.loads((workshop / "runs/quickstart/model/report.json").read_text())
    del report["slices"], report["deduplicated"]

    assert "Parts of the test set" not in render(report)


def test_the_terminal_shows_one_line_a_part(workshop: Path, shelf: Path) -> None:
    model = str(workshop / "runs/quickstart/model")
    done = CliRunner().invoke(app, ["evaluate", model, str(shelf), "--by", "<b>shop</b>"])
    lines = [line.split() for line in done.stdout.splitlines()]

    assert done.exit_code == 0
    assert ["<b>shop</b>:", "b", "5", "0%", "0", "to", "43.4", "0%"] in lines
    assert ["slice", "rows", "accuracy", "interval", "macro", "F1"] in lines
    assert "\x1b" not in done.stdout

    refused = CliRunner().invoke(app, ["evaluate", model, str(shelf), "--by", "shop"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "results by 'shop' need one column of that name" in refused.stderr


def test_paths_and_one_column_are_taken_as_they_are_given(workshop: Path, tmp_path: Path) -> None:
    model = workshop / "runs/quickstart/model"
    data = tmp_path / "some.csv"
    data.write_text("text,label,kind\nA good film.,positive,a\nA bad film.,negative,b\n")
    kept = str(tmp_path / "rows.parquet")
    found = run.evaluate(model, data, by="kind", rows_file=kept)  # type: ignore[arg-type]
    assert [group["value"] for group in found["slices"][-1]["groups"]] == ["a", "b"]
    assert Path(kept).is_file()
