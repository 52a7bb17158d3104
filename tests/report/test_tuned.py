"""The page of a search: what was chosen, how it went, and nothing of a user's that could run."""

import re

import pytest

from plaudit.report.tuned import headline, render, sentences

PLANTED = "</script><script>document.title='ran'</script>$x$"


def trial(number, value, values, **more):
    found = {
        "number": number, "outcome": "complete", "value": value, "values": values,
        "validations": [0.5, value], "steps": 30, "seconds": 12.0, "why": None,
    }  # fmt: skip
    return found | more


@pytest.fixture
def document():
    one = {"optim.lr": "0.0001", "imbalance.method": "focal", "imbalance.gamma": "2.0"}
    two = {"optim.lr": "0.001", "imbalance.method": PLANTED}
    share = {"value": 0.86, "low": 0.8, "high": 0.91}
    return {
        "name": PLANTED, "folder": PLANTED, "select": "accuracy", "minimised": False,
        "budget": "steps", "steps": 30, "pruner": "median", "seed": 0, "rows": 100,
        "note": "A note.", "seconds": 60.0, "recipe": 0.8,
        "counts": {"complete": 3, "pruned": 1, "refused": 1, "failed": 0, "cut_off": 1},
        "space": [
            {"key": "optim.lr", "low": 1e-5, "high": 1e-2, "log": True, "step": None},
            {"key": "imbalance.method", "choices": ["none", "focal", PLANTED]},
            {"key": "imbalance.gamma", "low": 1.0, "high": 5.0, "log": False, "step": 0.5,
             "when": {"imbalance.method": ["focal"]}},
        ],
        "trials": [
            trial(0, 0.8, {}),
            trial(1, 0.9, one),
            trial(2, None, two, outcome="pruned", validations=[0.4], steps=10),
            trial(3, None, two, outcome="refused", validations=[], steps=0, why=PLANTED),
            trial(4, 0.7, two),
        ],
        "best": {
            "number": 1, "value": 0.9, "values": one, "metrics": {"accuracy": share},
            "difference": {"accuracy": {"value": 0.1, "low": 0.02, "high": 0.18}},
            "run": PLANTED, "model": PLANTED, "test_first_read": "2026-11-24T10:00:00+00:00",
            "test": {"rows": 200, "metrics": {"accuracy": share}},
        },
        "importance": {"optim.lr": 0.7, "imbalance.method": 0.3},
    }  # fmt: skip


def test_nothing_of_a_users_runs_and_nothing_is_loaded(document):
    page = render(document)
    assert "<script" not in page
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)[^"']*""", page) == []
    assert "default-src 'none'" in page


def test_it_draws_the_course_the_importance_and_the_values(document):
    page = render(document)
    assert [f'aria-labelledby="{name}-title' in page for name in ("course", "importance", "values")]
    assert page.count("<svg") == 3
    assert "optim.lr 70%, imbalance.method 30%" in page


def test_what_cannot_be_told_is_not_drawn(document):
    alone = {**document, "importance": None, "trials": document["trials"][:2]}
    page = render(alone)
    assert page.count("<svg") == 1
    assert "Too few trials" in page


def test_every_trial_is_listed_with_its_outcome(document):
    rows = re.findall(r'<tr><th scope="row">(\d[^<]*)</th><td>([^<]*)</td>', render(document))
    assert [name for name, _ in rows] == ["0 (the recipe)", "1 (the best)", "2", "3", "4"]
    assert [said.partition(":")[0] for _, said in rows] == [
        "80.0%", "90.0%", "stopped early", "refused by the rules of the settings", "70.0%",
    ]  # fmt: skip


def test_it_says_that_the_best_of_several_flatters_itself_and_what_the_test_set_gave(document):
    first, second, third = sentences(document)
    assert "5 trials, of which 3 came to their end, 1 stopped early" in first
    assert "+10.0 points (+2.0 to +18.0)" in second
    assert "looks better than it is" in second
    assert "opened once after the search: accuracy 86.0%" in third


def test_where_the_recipe_wins_that_is_said(document):
    best = {**document["best"], "number": 0, "value": 0.8, "values": {}, "difference": None}
    told = {**document, "best": best}
    assert headline(told).startswith("No trial was better than the recipe as it is")
    assert len(sentences(told)) == 2
