"""The benchmarks compare what they say they compare; the speed itself decides nothing here."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "ablate"
SCRIPTS = sorted((ROOT / "benchmarks").glob("*.py"))


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts import what stands beside them, as when they are started."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run a script as from the command line, in this process."""

    def run(name: str, *words: object) -> None:
        path = ROOT / "benchmarks" / name
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, words)])
        runpy.run_path(str(path), run_name="__main__")

    return run


@pytest.fixture
def tiny_world(
    monkeypatch: pytest.MonkeyPatch, tiny_encoder: Path, reviews_file: Path, tmp_path: Path
) -> None:
    """The tiny encoder and 240 small reviews in the place of the bundled ones."""
    import roofline
    from common import reviews, scorers, trainers
    from plaudit.model import build

    lines = [json.loads(line) for line in reviews_file.read_text(encoding="utf-8").splitlines()]
    labels_N = np.array([int(line["label"] == "positive") for line in lines])
    every = reviews.Reviews([line["text"] for line in lines], labels_N)
    monkeypatch.setattr(reviews, "bundled", lambda n=None: every.take(range(len(every))[:n]))
    real = build.encoder_location
    for module in (build, trainers):
        monkeypatch.setattr(
            module,
            "encoder_location",
            lambda name: str(tiny_encoder) if name == "bundled" else real(name),
        )
    for module in (trainers, scorers):
        monkeypatch.setattr(module, "MAX_TOKENS", 64)
    monkeypatch.setattr(roofline, "TOKENS", 8)
    monkeypatch.setattr(roofline, "SECONDS", 0.0)
    # Exporting takes longer than all else here; its sides are skipped as on a machine without it.
    monkeypatch.setattr(scorers, "FORMATS", ())
    monkeypatch.setattr(scorers, "missing", lambda *names: "onnx")
    monkeypatch.chdir(tmp_path)


def raw(**rates: list[float]) -> dict[str, list[dict[str, float]]]:
    return {name: [{"rate": rate} for rate in values] for name, values in rates.items()}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_script_explains_itself_and_has_a_short_form(path, script, capsys):
    with pytest.raises(SystemExit) as ended:
        script(path.name, "--help")
    assert ended.value.code == 0
    assert "--short" in capsys.readouterr().out


def test_make_bench_runs_every_script_and_nothing_else():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pattern = re.search(r"for script in (\S+); do", makefile)[1]
    assert sorted(ROOT.glob(pattern)) == SCRIPTS
    assert all("__main__" in path.read_text(encoding="utf-8") for path in SCRIPTS)


def test_sides_take_turns_and_odd_rounds_run_backwards():
    from common.side_by_side import Sample, alternate

    calls: list[tuple[str, int]] = []
    seen: list[int] = []

    def side(name: str, seconds: float) -> Any:
        def turn(round_: int) -> Sample:
            calls.append((name, round_))
            return Sample(30.0, seconds)

        return turn

    sides = {"ours": side("ours", 2.0), "theirs": side("theirs", 6.0)}
    result = alternate(sides, 3, "token", lambda rows: seen.append(len(rows["ours"])))
    assert calls == [
        ("ours", 0), ("theirs", 0), ("theirs", 1), ("ours", 1), ("ours", 2), ("theirs", 2),
    ]  # fmt: skip
    assert seen == [1, 2, 3]
    assert [row["rate"] for row in result["ours"]] == [15.0] * 3
    assert {"units", "seconds", "cores", "load"} < set(result["theirs"][0])


def test_medians_are_compared_not_means():
    from common.side_by_side import ratio, summary

    rows = raw(ours=[10.0, 40.0, 12.0], theirs=[5.0, 5.0, 2.0])
    assert summary(rows)["ours"] == {"median": 12.0, "low": 10.0, "high": 40.0, "spread": 2.5}
    assert ratio(rows, "ours", "theirs") == {"of_medians": 2.4, "low": 2.0, "high": 8.0}


def test_the_limit_is_no_competitor():
    from common.side_by_side import compared

    section = compared(raw(ours=[30.0], theirs=[15.0], limit=[60.0]), ["ours"], "limit")
    assert section["share_of_limit"] == {"ours": 0.5, "theirs": 0.25}
    assert list(section["ratios"]["ours"]) == ["theirs"]


def test_a_result_file_keeps_sections_that_were_not_measured_again(tmp_path):
    from common.side_by_side import Document

    path = tmp_path / "results" / "x.json"
    Document(path, "How fast?").put("search", {"best": 32})
    Document(path, "How fast?").put("throughput", {"rounds": {"a": [1.5, 2.5]}})
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["question"] == "How fast?"
    assert stored["search"]["best"] == 32
    assert stored["throughput"]["rounds"] == {"a": [1.5, 2.5]}
    assert {"processor", "cores", "threads", "torch", "transformers", "plaudit", "commit"} <= set(
        stored["search"]["machine"]
    )
    assert [each.name for each in path.parent.iterdir()] == ["x.json"]


def test_flop_of_a_token_are_those_of_the_bundled_encoder():
    from roofline import Encoder

    assert Encoder().weights == 10_646_784
    assert Encoder().training_flop(100) == 6 * 10_646_784 + 12 * 6 * 384 * 100
    assert Encoder().scoring_flop(100) * 3 == Encoder().training_flop(100)


def test_the_average_token_stands_in_a_long_text():
    from common.reviews import mean_length

    assert mean_length(np.array([100, 300])) == 250.0


def test_a_turn_takes_batches_of_all_widths_and_other_ones_in_the_next_round():
    from common.batches import chosen, with_warm_up

    longest_N = np.arange(1, 101)
    plan = [[n] for n in range(100)]
    first, second = (chosen(plan, longest_N, 200, round_) for round_ in (0, 1))
    assert [batch[0] // 25 for batch in first] == [0, 1, 2, 3]
    assert first != second
    assert with_warm_up([[5, 4], [1, 0]], first, longest_N, 1) == [[1], *first]


def test_batches_of_one_size_leave_the_rest_out():
    from common.batches import sixteens

    assert sixteens(7, 3, [6, 5, 4, 3, 2, 1, 0]) == [[6, 5, 4], [3, 2, 1]]


@pytest.mark.usefixtures("tiny_world")
def test_training_measures_every_side_on_real_tokens_only(script, tmp_path):
    out = tmp_path / "training.json"
    script("training.py", "--rounds", 1, "--tokens", 200, "--pool", 48, "--out", out)
    section = json.loads(out.read_text(encoding="utf-8"))["throughput"]
    names = {"plaudit", "tutorial loop", "Trainer, defaults", "Trainer, best"}
    assert names | {"products' limit", "Trainer, best, no dropout"} == set(section["rounds"])
    assert all(len(turns) == 1 for turns in section["rounds"].values())
    assert set(section["ratios"]["plaudit"]) >= names - {"plaudit"}
    # Padded to 64, a batch of 16 has 1,024 positions; far fewer of them are tokens.
    assert 16 * 8 < section["rounds"]["tutorial loop"][0]["units"] < 16 * 36


@pytest.mark.usefixtures("tiny_world")
def test_the_search_is_used_on_the_same_kind_of_machine(script, tmp_path, capsys):
    out = tmp_path / "training.json"
    words = ["--rounds", 1, "--tokens", 50, "--pool", 48, "--out", out]
    script("training.py", "--search", *words)
    stored = json.loads(out.read_text(encoding="utf-8"))
    assert set(stored["search"]["rounds"]) == {"8", "16", "32", "64"}
    best = stored["search"]["best"]
    assert f"fastest with batches of {best}" in capsys.readouterr().out
    found_batch = runpy.run_path(str(ROOT / "benchmarks" / "training.py"))["found_batch"]
    stored["search"]["best"] = 4
    out.write_text(json.dumps(stored), encoding="utf-8")
    assert found_batch(out) == 4
    stored["search"]["machine"]["processor"] = "another"
    out.write_text(json.dumps(stored), encoding="utf-8")
    assert found_batch(out) == 16
    assert found_batch(tmp_path / "absent.json") == 16


@pytest.mark.usefixtures("tiny_world")
def test_scoring_compares_equal_tokens(script, tmp_path, capsys):
    out = tmp_path / "scoring.json"
    script("scoring.py", "--reviews", 30, "--rounds", 2, "--probe", 4, "--out", out)
    printed = capsys.readouterr().out
    assert "plaudit, fp32 / pipeline, defaults" in printed
    assert "ONNX Runtime is skipped: onnx not installed" in printed
    section = json.loads(out.read_text(encoding="utf-8"))["scoring"]
    units = {name: [row["units"] for row in rows] for name, rows in section["rounds"].items()}
    del units["products' limit"]
    assert len({tuple(each) for each in units.values()}) == 1
    assert sum(units["plaudit, fp32"]) == section["tokens"]
    assert section["baseline"]["trained_on"] == 210


@pytest.mark.usefixtures("tiny_world")
def test_peers_compute_what_plaudit_computes(tmp_path):
    from common import reviews, scorers
    from plaudit.model.device import plan

    model = scorers.prepare(None, tmp_path, plan("cpu", "fp32"))
    texts = reviews.bundled(40).texts
    (ours,) = scorers.plaudit_sides(model, tmp_path, short=True).values()
    peers = scorers.peer_sides(model, 4)
    assert [score(texts) for score in peers.values()] == [ours(texts)] * 2
    assert len(set(ours(texts))) == 2


@pytest.mark.usefixtures("tiny_world")
def test_the_short_form_writes_nothing(script, tmp_path):
    script("latency.py", "--short", "--out", tmp_path / "latency.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("tiny_world")
def test_latency_keeps_the_time_of_every_call(script, tmp_path):
    out = tmp_path / "latency.json"
    script("latency.py", "--calls", 3, "--rounds", 2, "--out", out)
    section = json.loads(out.read_text(encoding="utf-8"))["latency"]
    assert {name: len(ms) for name, ms in section["times_ms"].items()} == {
        "plaudit, fp32": 6,
        "pipeline, defaults": 6,
    }
    for name, ms in section["times_ms"].items():
        assert min(ms) <= section["quantiles"][name]["p50_ms"] <= max(ms)


def test_unseen_reviews_are_scored_first_and_the_rest_taught(monkeypatch):
    from common import reviews
    from common.reviews import Reviews
    from plaudit.data.fingerprint import fingerprints

    scoring = runpy.run_path(str(ROOT / "benchmarks" / "scoring.py"), run_name="scoring")
    texts = [f"text {n}" for n in range(10)]
    monkeypatch.setattr(reviews, "bundled", lambda n: Reviews(texts, np.arange(10) % 2))
    seen_N = fingerprints(texts[:7])
    scored, unseen_N, rest = scoring["open_reviews"](seen_N, 5, 10)
    assert [text for text, new in zip(scored.texts, unseen_N, strict=True) if new] == texts[7:]
    assert len(scored) == 5
    assert not set(rest.texts) & set(scored.texts)
    assert set(rest.texts) < set(texts[:7])


def test_growth_compares_sizes():
    growth = runpy.run_path(str(ROOT / "benchmarks" / "growth.py"), run_name="growth")
    rounds = {
        "1000": [{"ms_per_review": ms, "peak_mb": 100.0} for ms in (10.0, 90.0, 10.0)],
        "50000": [{"ms_per_review": 11.0, "peak_mb": 120.0}],
    }
    found = growth["compared"](rounds)
    assert found["slowest_over_fastest"] == pytest.approx(1.1)
    assert found["largest_over_smallest_peak"] == pytest.approx(1.2)


def test_a_gain_in_each_run_of_neighbours_is_sure_and_one_that_hangs_on_the_seed_is_not() -> None:
    import cleaning

    wrong_SN = np.zeros((3, 100), dtype=bool)
    runs_N = np.arange(100) // 25
    none = cleaning.difference(wrong_SN, wrong_SN, runs_N)
    assert none["difference_points"] == {"value": 0, "low": 0, "high": 0}
    one_a_run_SN = np.tile(np.arange(100) % 25 == 7, (3, 1))
    sure = cleaning.difference(wrong_SN, one_a_run_SN, runs_N)
    assert sure["difference_points"] == {"value": 4, "low": 4, "high": 4}
    assert (sure["rows_won"], sure["rows_lost"]) == (12, 0)
    one_seed_SN = np.repeat([[True], [False], [False]], 100, axis=1)
    unsure = cleaning.difference(wrong_SN, one_seed_SN, runs_N)
    assert unsure["difference_points"] == {"value": 33.333, "low": 0, "high": 100}
    assert unsure["difference_points_by_seed"] == [100, 0, 0]


def test_neighbours_have_one_label_and_are_at_most_25() -> None:
    import cleaning

    labels = ["negative", "positive"] * 30
    runs = cleaning.neighbours(labels)
    assert {len(set(np.array(labels)[runs == run])) for run in set(runs)} == {1}
    assert sorted(np.bincount(runs)) == [5, 5, 25, 25]


def test_texts_that_differ_in_punctuation_only_stand_in_one_part(tmp_path: Path) -> None:
    import cleaning
    from plaudit.config import load

    table = tmp_path / "reviews.csv"
    rows = [f"film{n % 40} was fine{'!' * (n // 40)},{n % 2}" for n in range(80)]
    table.write_text("\n".join(["text,label", *rows]) + "\n")
    sizes = ["split.train_size=40", "split.validation_size=20", "split.test_size=20"]
    parts = cleaning.write_parts(load("quickstart", [f"data.train={table}", *sizes]), tmp_path)
    texts = [set(re.findall(r"film\d+", path.read_text())) for path in parts.values()]
    assert sum(map(len, texts)) == 40
    assert set.union(*texts) == {f"film{n}" for n in range(40)}


@pytest.mark.usefixtures("tiny_world")
def test_bookkeeping_is_a_part_of_scoring(script, tmp_path, monkeypatch, capsys):
    from plaudit.score import job, staging

    for owner, name in [
        *((staging, name) for name in ("imprint", "sha256_of_bytes")),
        *((staging.Staging, name) for name in ("resume", "add", "remove")),
        (job, "publish"),
    ]:
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back what the script replaces
    out = tmp_path / "overhead.json"
    script("score_overhead.py", "--reviews", 40, "--rounds", 2, "--out", out)
    section = json.loads(out.read_text(encoding="utf-8"))["score"]
    assert {row["units"] for rows in section["rounds"].values() for row in rows} == {40}
    assert all(0 < book["share"] < 1 for book in section["bookkeeping"])
    assert "plaudit score / plain prediction" in capsys.readouterr().out


def test_flips_are_three_in_a_hundred_and_recall_counts_the_first_of_a_ranking() -> None:
    import label_errors

    labels_N = np.arange(200) % 2
    given_N, wrong_N = label_errors.flip(labels_N, seed=0)
    assert wrong_N.sum() == 6
    assert ((given_N != labels_N) == wrong_N).all()
    ranked = np.concatenate([np.flatnonzero(wrong_N)[:3], np.flatnonzero(~wrong_N)])
    assert label_errors.recall(ranked, wrong_N, 0.06) == 0.5


def test_padding_changes_nothing_with_the_mask_and_logits_without_it(workshop) -> None:
    import attention_mask
    from plaudit import Classifier

    classifier = Classifier.load(workshop / "runs" / "quickstart" / "model")
    texts = ["a great film", "the plot was awful and the actor is dull, very dull !", "best"] * 6
    found = attention_mask.compare(classifier, texts, np.array([1, 0, 1] * 6))
    padded, forgotten = found["padded to 512, mask"], found["padded to 512, no mask"]
    assert padded["same_label"] == 1.0
    assert padded["largest_logit_difference"] < 1e-4
    assert forgotten["largest_logit_difference"] > 0.1
    assert found["padded to the longest of 16, no mask"]["largest_logit_difference"] > 0.0


def test_folds_are_blocks_or_drawn_at_random_and_hold_each_label_alike() -> None:
    import film_leak

    labels_N = np.repeat([0, 1], 50)
    blocks_N, random_N = (film_leak.folds(labels_N, 5, seed) for seed in (None, 0))
    assert (np.diff(blocks_N.reshape(2, 50), axis=1) >= 0).all()
    assert not (np.diff(random_N.reshape(2, 50), axis=1) >= 0).all()
    for fold_N in (blocks_N, random_N):
        assert [np.bincount(fold_N[labels_N == c]).tolist() for c in (0, 1)] == [[10] * 5] * 2


def test_what_a_random_split_adds_is_uncertain_by_films_not_by_rows() -> None:
    import film_leak

    blocks_N = np.zeros(1000, dtype=bool)
    films_N = (np.arange(1000) // 25) % 2 == 0
    found = film_leak.difference(films_N, blocks_N)
    assert found["value"] == 50
    # Forty films of which half are known: far wider than the ±3 of a thousand single rows.
    assert found["high"] - found["low"] > 20


@pytest.fixture
def ablation() -> dict[str, Any]:
    def arm(value: str, accuracy: float, difference: dict[str, Any] | None) -> dict[str, Any]:
        estimate = {"value": accuracy, "low": accuracy - 0.02, "high": accuracy + 0.02}
        return {
            "values": {"text.policy": value},
            "metrics": {"accuracy": estimate, "log_loss": {"value": 0.4}, "ece": {"value": 0.05}},
            "by_seed": {"accuracy": [accuracy, accuracy]},
            "epochs": 1.0,
            "tokens_lost": 0.5,
            "difference": difference,
        }

    less = {
        "accuracy": {"value": -0.013, "low": -0.03, "high": 0.004},
        "log_loss": {"value": 0.02, "low": 0.01, "high": 0.03},
    }
    return {
        "command": "plaudit ablate quickstart text.policy=head,tail --seeds 2",
        "table": {
            "rows": 500, "seeds": 2, "interval": {"confidence": 0.95},
            "arms": [arm("head", 0.8, None), arm("tail", 0.787, less)],
        },
        "machine": {
            "processor": "a processor", "torch": "2", "commit": "abc", "time": "2026-11-24T00:00"
        },
    }  # fmt: skip


def test_a_table_has_the_command_and_each_values_interval(ablation) -> None:
    import results_table

    shown = results_table.block("policy", ablation)
    assert "```\nplaudit ablate quickstart text.policy=head,tail --seeds 2\n```" in shown
    assert "| policy=head | 80.0 (78.0 to 82.0) | 80.0, 80.0 |  |" in shown
    assert "| policy=tail | 78.7 (76.7 to 80.7) | 78.7, 78.7 | −1.3 (−3.0 to +0.4) |" in shown
    assert "500 validation rows; 2 seeds" in shown


def test_tables_are_renewed_appended_and_refused_when_they_were_not_measured(
    ablation, tmp_path
) -> None:
    import results_table

    empty = results_table.page("# Results\n", tmp_path)
    assert empty == "# Results\n"
    (tmp_path / "policy.json").write_text(json.dumps({"ablation": ablation}), encoding="utf-8")
    first = results_table.page("# Results\n", tmp_path)
    assert "## Long texts" in first
    ablation["table"]["arms"][0]["by_seed"]["accuracy"] = [0.1]
    (tmp_path / "policy.json").write_text(json.dumps({"ablation": ablation}), encoding="utf-8")
    second = results_table.page(first + "\nProse stays.\n", tmp_path)
    assert second == first.replace("80.0, 80.0 ", "10.0 ") + "\nProse stays.\n"
    (tmp_path / "policy.json").unlink()
    with pytest.raises(SystemExit, match="'summary', which was not measured"):
        results_table.page(second, tmp_path)


def test_the_summary_links_each_value_best_first_and_marks_what_can_be_told_from_0(
    ablation, tmp_path
) -> None:
    import results_table

    assert results_table.summary(tmp_path) == ""
    more = json.loads(json.dumps(ablation["table"]["arms"][1]).replace("tail", "windows"))
    more["difference"]["accuracy"] = {"value": 0.01, "low": 0.002, "high": 0.02}
    ablation["table"]["arms"].append(more)
    (tmp_path / "policy.json").write_text(json.dumps({"ablation": ablation}), encoding="utf-8")
    lines = results_table.summary(tmp_path).splitlines()[3:-1]
    link = "#long-texts-what-is-kept-of-them"
    worse = "**+0.020 (+0.010 to +0.030)**"
    assert lines == [
        f"| [text.policy=windows]({link}) | text.policy=head | **+1.0 (+0.2 to +2.0)** "
        f"| {worse} | 500 |",
        f"| [text.policy=tail]({link}) | text.policy=head | −1.3 (−3.0 to +0.4) | {worse} | 500 |",
    ]


def test_the_table_of_unequal_classes_has_each_method_s_range(tmp_path) -> None:
    import results_table

    spread = {"mean": 0.5, "low": 0.4, "high": 0.6}
    both = {"minority_f1": spread, "balanced_accuracy": spread, "ece": {**spread, "mean": 0.45}}
    row = {"ratio": 10, "method": "weights", "seeds": 3, "natural": both, "balanced": both}
    machine = {"processor": "p", "gpu": "a card", "torch": "2", "commit": "abc"}
    command = "python benchmarks/imbalance.py --ratios 10"
    result = {"summary": [row], "steps": 300, "machine": machine, "commands": [command]}
    (tmp_path / "imbalance.json").write_text(json.dumps(result), encoding="utf-8")
    page = results_table.page("# Results\n", tmp_path / "ablate")
    one = "50.0 (40.0 to 60.0)"
    assert f"| 1:10 | weights | {one} | {one} | {one} | 45.0 (40.0 to 60.0) |" in page
    assert f"```\n{command}\n```" in page
    assert "3 seeds, their mean and range, 300 steps each. a card, torch 2, commit abc." in page
    assert results_table.page(page, tmp_path / "ablate") == page


def test_arms_are_compared_with_the_plain_one_row_by_row() -> None:
    import composition

    rows = {"plain-0": "1100", "plain-1": "1000", "both-0": "1110", "both-1": "1110"}
    found = composition.compared({name: {"right": right} for name, right in rows.items()})
    assert list(found) == ["plain", "both"]
    assert found["plain"]["seeds"] == [50.0, 25.0]
    assert found["plain"]["accuracy"]["value"] == 37.5
    assert "over_plain" not in found["plain"]
    gain = found["both"]["over_plain"]
    # Per row 0, 0.5, 1 and 0: no resample of rows loses, and one of ones alone gains 100.
    assert (gain["value"], gain["low"]) == (37.5, 0.0)
    assert 75 <= gain["high"] <= 100
    # Of the seeds that both have: the easy first one alone.
    one = composition.compared({n: {"right": r} for n, r in rows.items() if n != "both-1"})
    assert one["both"]["over_plain"]["value"] == 25.0


def test_an_arm_of_the_composition_is_laid_out_with_its_runs(tmp_path: Path) -> None:
    import composition
    import results_table

    def one(right: str, loss: float) -> dict[str, Any]:
        test = {"log_loss": {"value": loss}, "ece": {"value": 0.02}}
        machine = {"compute": "a card", "torch": "2"}
        return {"right": right, "test": test, "rows": 4, "machine": machine, "commit": "abc"}

    runs = {"plain-0": one("1100", 0.3), "plain-1": one("1000", 0.5), "both-0": one("1111", 0.2)}
    raw = {"runs": runs | {"machine": {}}, "arms": composition.compared(runs) | {"machine": {}}}
    (tmp_path / "composition.json").write_text(json.dumps(raw), encoding="utf-8")
    page = results_table.page("# Results\n", tmp_path / "ablate")
    assert "| 50.0, 25.0 |  | 0.400 | 2.0 |" in page
    assert "| 100.0 | +50.0 (" in page  # beside the seed that both have
    assert "taught" not in page
    assert "4 held-out rows" in page
    assert "a card, torch 2, commit abc." in page
    assert results_table.page(page, tmp_path / "ablate") == page


def test_docs_results_says_what_the_raw_results_say() -> None:
    import results_table

    text = results_table.PAGE.read_text(encoding="utf-8")
    assert results_table.page(text, results_table.RESULTS / "ablate") == text


@pytest.mark.parametrize(
    ("name", "key"),
    {
        "average": "train.average", "distill": "distill.weight", "dropout": "model.dropout",
        "fgm": "craft.fgm", "frozen": "model.freeze_layers", "head-lr": "optim.head_lr",
        "lora": "lora.rank", "ngrams": "ngrams.weight", "pretrain": "pretrain.epochs",
        "pull": "craft.pull", "rdrop": "craft.rdrop", "reinit": "model.reinit_layers",
        "smoothing": "craft.label_smoothing", "unfreezing": "craft.unfreeze_fraction",
    }.items(),
)  # fmt: skip
def test_an_option_that_gave_nothing_says_so_in_its_help(name: str, key: str) -> None:
    import results_table
    from plaudit.config import describe

    arms = results_table.stored(name, results_table.RESULTS / "ablate")["table"]["arms"]
    differences = [arm["difference"]["accuracy"] for arm in arms[1:]]
    (words,) = (each.help for each in describe() if each.key == key)
    gave = any(each["low"] > 0 for each in differences)
    assert ("no gain (docs/results.md)" in " ".join(words.split())) is not gave


def test_every_experiment_is_a_command_that_parses_and_resolves() -> None:
    import results_table
    from tests.commands import mistakes

    known = results_table.experiments().values()
    commands = [line for each in known for line in (each["command"], *each.get("before", []))]
    assert {line: found for line in commands if (found := mistakes(line))} == {}
    asked = results_table.arguments(commands[0])
    assert (asked.what, asked.seeds, asked.budget) == ("imdb-minilm", 3, "steps")


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.glob("*.json")))
def test_a_stored_ablation_is_of_the_command_that_reproduces_it(name) -> None:
    import results_table

    stored = results_table.stored(name, RESULTS)
    for key in ("command", "before"):
        assert stored.get(key) == results_table.experiments()[name].get(key)
    asked = results_table.arguments(stored["command"])
    assert stored["table"]["seeds"] == asked.seeds


@pytest.mark.parametrize("factor", [1.0, 1.01])
def test_embedding_compares_sides_that_give_the_same_vectors(
    factor, tiny_world, tmp_path, monkeypatch, capsys
) -> None:
    import embedding
    import plaudit

    other = plaudit.Embedder.load("bundled", device="cpu")

    def sized(size: int) -> Any:
        return lambda texts: factor * other.embed(texts, normalize=True)

    monkeypatch.setattr(embedding, "peer", lambda: sized)
    monkeypatch.setattr(embedding, "missing", lambda *names: "")
    words = ["embedding.py", "--reviews", "12", "--probe", "3", "--rounds", "2", "--out"]
    monkeypatch.setattr(sys, "argv", [*words, str(tmp_path / "embedding.json")])
    if factor != 1.0:
        with pytest.raises(SystemExit, match="compute different vectors"):
            embedding.main()
        return
    embedding.main()
    assert "plaudit / sentence-transformers" in capsys.readouterr().out
    kept = json.loads((tmp_path / "embedding.json").read_text(encoding="utf-8"))["embedding"]
    assert kept["reviews"] == 12
    assert {len(rows) for rows in kept["rounds"].values()} == {2}


def indexes_of_packages() -> tuple[str, str]:
    packages, translations = [], []
    for n in range(40):
        tags = ["role::program", "use::editing" if n % 2 else "use::viewing", "suite::kde"]
        packages.append(
            f"Package: p{n}\nSource: s{n // 2} (1.{n})\nSection: {'xy'[n % 4 > 1]}\n"
            f"Tag: {', '.join(tags[:2])},\n {tags[2]}\n"
        )
        translations.append(f"Package: p{n}\nDescription-en: line {n}\n About {n}.\n .\n More.\n")
    packages.append("Package: untagged\nSection: x\n")
    translations.append("Package: untagged\nDescription-en: line\n About it.\n")
    return "\n".join(packages), "\n".join(translations)


def test_of_each_source_one_package_is_read_with_its_tags():
    import packages

    found = packages.read(*indexes_of_packages())
    assert [each.name for each in found] == [f"p{n}" for n in range(0, 40, 2)]
    assert found[1].tags == ("role::program", "use::viewing", "suite::kde")
    assert (found[1].line, found[1].description) == ("line 2", "About 2. More.")
    rows = packages.several_labels(found, 10, seed=0)
    assert len({row["text"] for row in rows}) == 10
    assert rows[0]["text"].startswith("line ")
    assert {tuple(row["label"]) for row in rows} == {("use::viewing",)}


def test_another_line_is_of_the_same_section_and_no_package_stands_in_two_pairs():
    import packages

    found = packages.read(*indexes_of_packages())
    rows = packages.pairs(found, 12, seed=0)
    own = {each.line: each for each in found}
    about = {each.description: each for each in found}
    kinds = {"its own": 0, "another's": 0}
    used: list[str] = []
    for row in rows:
        one, other = about[row["description"]], own[row["line"]]
        kinds[row["label"]] += 1
        used += {one.name, other.name}
        assert (one is other) == (row["label"] == "its own")
        assert one.section == other.section
    assert kinds == {"its own": 6, "another's": 6}
    assert len(set(used)) == len(used) == 18
    # However few there are, both kinds come.
    assert len({row["label"] for row in packages.pairs(found[:9], 6_000, seed=0)}) == 2
