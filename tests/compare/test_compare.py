"""From runs on disk to a verdict, in the workshop of conftest.py."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import plaudit
from plaudit.cli import app
from plaudit.data.records import Columns
from plaudit.errors import ConfigError, DataError
from plaudit.evaluate.predictions import PREDICTIONS, Predictions, read, write


@pytest.fixture(scope="module")
def runs(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``good`` errs on 4 of 200 texts, ``poor`` on 40 others, ``same`` as good; rows shuffled."""
    folder = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(4)
    targets = rng.integers(0, 2, 200)
    for name, wrong in (("good", range(4)), ("same", range(4)), ("poor", range(10, 50))):
        answers = targets.copy()
        answers[list(wrong)] = 1 - answers[list(wrong)]
        probabilities = np.where(np.eye(2)[answers] == 1, 0.9, 0.1)
        kept = Predictions(
            ("negative", "positive"), np.arange(200, dtype=np.uint64),
            [f"r.csv:{n}" for n in range(200)], targets, answers, probabilities,
            [f"review {n}\x1b[2J" for n in range(200)],
        )  # fmt: skip
        (folder / name).mkdir()
        write(folder / name / PREDICTIONS, kept.take(rng.permutation(200)))
    return folder


def test_the_better_run_wins_by_what_it_is_better(runs: Path) -> None:
    found = plaudit.compare([runs / "poor", runs / "good"])
    (pair,) = found["pairs"]

    assert found["rows"] == 200
    assert (pair["first"], pair["second"], pair["better"]) == ("poor", "good", "good")
    assert pair["words"].startswith("good is better than poor by 18.0 points, 95% interval 1")
    assert (pair["mcnemar"]["only_first"], pair["mcnemar"]["only_second"]) == (4, 40)
    assert pair["differences"]["accuracy"]["value"] == pytest.approx(-0.18)
    accuracies = [each["metrics"]["accuracy"]["value"] for each in found["contenders"]]
    assert accuracies == pytest.approx([0.8, 0.98])


def test_where_they_differ_each_answer_stands_beside_the_truth(runs: Path) -> None:
    found = plaudit.compare([runs / "poor", runs / "good"], most=3)["disagreements"]

    assert (found["rows"], len(found["shown"])) == (44, 3)
    for row in found["shown"]:
        number = int(row["origin"].removeprefix("r.csv:"))
        right = "poor" if number < 4 else "good"
        assert [each["name"] for each in row["answers"] if each["right"]] == [right]
        winner = next(each for each in row["answers"] if each["right"])
        assert winner["predicted"] == row["truth"]
        assert winner["probability"] == winner["probability_of_truth"] == 0.9
        assert row["excerpt"].startswith(f"review {number}")


def test_three_runs_are_compared_in_pairs_with_holms_correction(runs: Path) -> None:
    pairs = plaudit.compare([runs / "good", runs / "same", runs / "poor"])["pairs"]

    assert [(pair["first"], pair["second"]) for pair in pairs] == [
        ("good", "same"), ("good", "poor"), ("same", "poor"),
    ]  # fmt: skip
    assert [pair["better"] for pair in pairs] == [None, "good", "same"]
    assert pairs[1]["mcnemar"]["p_holm"] == pytest.approx(3 * pairs[1]["mcnemar"]["p"])
    assert "too alike for an interval" in pairs[0]["words"]


def test_rows_that_one_run_lacks_are_left_out_and_counted(runs: Path, tmp_path: Path) -> None:
    part = read(runs / "good" / PREDICTIONS)
    write(tmp_path / "part.parquet", part.take(range(50)))
    said: list[str] = []
    found = plaudit.compare([runs / "poor", tmp_path / "part.parquet"], say=said.append)

    assert found["rows"] == 50
    assert said == ["poor has 200 rows, part.parquet has 50 rows; 50 match and are compared."]


def test_a_run_alone_is_compared_with_its_own_baseline(workshop: Path) -> None:
    found = plaudit.compare(workshop / "runs" / "quickstart")
    report = json.loads((workshop / "runs/quickstart/model/report.json").read_text())
    values = [each["metrics"]["accuracy"]["value"] for each in found["contenders"]]

    assert found["rows"] == 24
    assert values == [
        report["test"]["metrics"]["accuracy"]["value"],
        report["baseline"]["scores"]["metrics"]["accuracy"]["value"],
    ]


def test_models_are_scored_on_data_that_neither_has_seen(workshop: Path, tmp_path: Path) -> None:
    """All rows are asked for; what the model was trained on is left out."""
    shutil.copytree(workshop / "runs/quickstart/model", tmp_path / "copy" / "model")
    data = tmp_path / "reviews.csv"
    shutil.copyfile(workshop / "reviews.csv", data)
    found = plaudit.compare(
        [workshop / "runs" / "quickstart", tmp_path / "copy" / "model"], str(data), split="all"
    )

    assert [each["name"] for each in found["contenders"]] == ["quickstart", "copy"]
    assert [each["seen_left_out"] for each in found["contenders"]] == [216, 216]
    assert (found["rows"], found["disagreements"]["rows"]) == (24, 0)


def test_models_that_clean_otherwise_still_match_by_what_the_text_was(
    workshop: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "model"
    shutil.copytree(workshop / "runs/quickstart/model", other)
    manifest = json.loads((other / "plaudit.json").read_text())
    manifest["clean"]["html"] = False
    (other / "plaudit.json").write_text(json.dumps(manifest))
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("text", "label"), ("a good<br />film", "positive"), ("a bad<br />film", "negative")]
        )
    found = plaudit.compare([workshop / "runs/quickstart/model", other], str(tmp_path / "new.csv"))

    assert found["rows"] == 2


def test_evaluate_keeps_rows_that_can_be_compared(workshop: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.parquet"
    model, data = workshop / "runs/quickstart/model", str(workshop / "reviews.csv")
    result = plaudit.evaluate(model, data, rows_file=rows)
    found = plaudit.compare([rows, workshop / "runs" / "quickstart"])

    assert result["rows"] == found["rows"] == 24
    assert found["disagreements"]["rows"] == 0
    with pytest.raises(ConfigError, match="exists and is never overwritten"):
        plaudit.evaluate(model, data, rows_file=rows)


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        (["good"], ConfigError, "no baseline beside it"),
        (["good", "good"], ConfigError, "the same path stands twice"),
        (["good", "./good/"], ConfigError, "the same path stands twice"),
        (["good", "good/predictions.parquet"], ConfigError, "the same path stands twice"),
        (["good", "none"], DataError, "there is nothing"),
        (["good", "."], DataError, "Give --data DATA"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    runs: Path, names: list[str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        plaudit.compare([str(runs / name) for name in names])


def test_a_split_or_column_without_data_is_refused(runs: Path) -> None:
    with pytest.raises(ConfigError, match="bootstrap must be 1 at least, not 0"):
        plaudit.compare([runs / "poor", runs / "good"], bootstrap=0)
    for of_data in ({"split": "test"}, {"columns": Columns(text="body")}):
        with pytest.raises(ConfigError, match="about DATA, and none was given"):
            plaudit.compare([runs / "good", runs / "poor"], **of_data)


def test_few_shared_rows_are_warned_of(runs: Path, tmp_path: Path) -> None:
    good, poor = (read(runs / name / PREDICTIONS) for name in ("good", "poor"))
    by_text = [np.argsort(each.prints_N) for each in (good, poor)]
    write(tmp_path / "first.parquet", good.take(by_text[0][:120]))
    write(tmp_path / "last.parquet", poor.take(by_text[1][-120:]))
    files = [str(tmp_path / name) for name in ("first.parquet", "last.parquet")]

    done = CliRunner().invoke(app, ["compare", *files])
    assert done.stdout.startswith("Only 40 rows are shared and compared, where each has 120 or")
    assert plaudit.compare([runs / "good", runs / "poor"])["note"] is None


def test_on_the_terminal_the_words_come_first_and_reviews_are_inert(runs: Path) -> None:
    done = CliRunner().invoke(app, ["compare", str(runs / "good"), str(runs / "poor")])
    lines = done.stdout.splitlines()

    assert done.exit_code == 0
    assert lines[0].startswith("good is better than poor by 18.0 points")
    assert lines[1].split() == ["accuracy", "interval", "macro", "F1", "log", "loss"]
    assert lines[2].split()[:2] == ["good", "98.0%"]
    assert "they answer differently on 44 of 200 rows; the 10 with the widest gap:" in lines
    assert "\x1b" not in done.stdout
    assert done.stderr.endswith("to compare other models\n")


def test_as_json_it_is_one_document_and_a_mistake_is_the_users(runs: Path) -> None:
    done = CliRunner().invoke(app, ["compare", "--json", str(runs / "good"), str(runs / "poor")])
    assert json.loads(done.stdout)["pairs"][0]["better"] == "good"

    refused = CliRunner().invoke(app, ["compare", str(runs / "good"), "nowhere"])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "nowhere: there is nothing." in refused.stderr


def test_thresholds_that_decide_otherwise_are_respected(runs: Path, tmp_path: Path) -> None:
    """What was predicted counts, whatever is most probable."""
    good = read(runs / "good" / PREDICTIONS)
    write(tmp_path / "moved.parquet", replace(good, predicted_N=1 - good.predicted_N))
    found = plaudit.compare([runs / "good", tmp_path / "moved.parquet"])

    assert found["contenders"][1]["metrics"]["accuracy"]["value"] == pytest.approx(0.02)
