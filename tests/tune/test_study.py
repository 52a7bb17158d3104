"""The study proposes, judges and remembers; no trial is lost in it, and none is there twice."""

import sys
from contextlib import contextmanager

import pytest

from plaudit.errors import MissingExtra
from plaudit.tune.records import Direction, Ended
from plaudit.tune.space import Dimension
from plaudit.tune.strategy import COMPARED, need_optuna
from plaudit.tune.study import opened

SPACE = (
    Dimension("imbalance.method", choices=("none", "focal")),
    Dimension("imbalance.gamma", low=1.0, high=5.0, when={"imbalance.method": ("focal",)}),
    Dimension("model.head_dropout", low=0.0, high=0.5, step=0.1),
    Dimension("model.freeze_layers", low=0, high=6, step=2, whole=True),
)


@contextmanager
def study(folder, *, seed=0, pruner="none", most=9, minimised=False):
    folder.mkdir(exist_ok=True)
    with opened(folder, SPACE, Direction(minimised, pruner, seed, most)) as found:
        yield found


def complete(found, number, value):
    found.tell(Ended(number, "complete", value, {"seconds": 1.0}))


def made(found, trials):
    """Make trials whose result is their dropout; return what was proposed."""
    proposed = []
    while found.wanted(trials):
        order = found.ask()
        proposed.append(dict(order.values))
        complete(found, order.number, float(order.values.get("model.head_dropout", 0.25)))
    return proposed


def test_the_same_seed_proposes_the_same_trials_and_another_seed_others(tmp_path):
    with study(tmp_path / "a") as one, study(tmp_path / "b") as two:
        first = made(one, 7)
        assert made(two, 7) == first
    with study(tmp_path / "c", seed=1) as other:
        assert made(other, 4) != first[:4]
    assert first[0] == {}
    assert len({str(values) for values in first}) > 4


def test_what_is_cut_off_in_between_goes_on_with_the_same_proposals(tmp_path):
    with study(tmp_path / "whole") as found:
        whole = made(found, 8)
    with study(tmp_path / "cut") as found:
        before = made(found, 6)
        lost = found.ask()  # and the process is killed
    with study(tmp_path / "cut") as found:
        assert found.recover() == [lost.number]
        assert found.recover() == []
        after = made(found, 8)
        assert before + after == whole
        assert after[0] == lost.values
        assert [one.number for one in found.results()] == [0, 1, 2, 3, 4, 5, 7, 8]
        assert (found.interrupted(), found.wanted(8)) == (1, 0)


def test_a_crash_between_queueing_and_marking_doubles_nothing(tmp_path, monkeypatch):
    with study(tmp_path / "cut") as found:
        made(found, 2)
        found.ask()
        with monkeypatch.context() as patch:
            patch.setattr(found._study, "tell", lambda *_, **__: (_ for _ in ()).throw(OSError))
            with pytest.raises(OSError):
                found.recover()
    with study(tmp_path / "cut") as found:
        found.recover()
        assert len(made(found, 3)) == 1
        assert len(found.results()) == 3


def test_values_stay_in_the_space_and_conditions_hold(tmp_path):
    with study(tmp_path / "a") as found:
        for values in made(found, 8)[1:]:
            assert ("imbalance.gamma" in values) == (values["imbalance.method"] == "focal")
            assert values["model.head_dropout"] in ("0.0", "0.1", "0.2", "0.3", "0.4", "0.5")
            assert values["model.freeze_layers"] in ("0", "2", "4", "6")
            assert 1.0 <= float(values.get("imbalance.gamma", 3.0)) <= 5.0


@pytest.mark.parametrize(("minimised", "best"), [(True, 2), (False, 1)])
def test_the_best_is_the_first_of_equal_ones_in_the_wanted_direction(tmp_path, minimised, best):
    with study(tmp_path / "a", minimised=minimised) as found:
        kept = []
        for value in (0.5, 0.9, 0.1, 0.9, 0.1):
            order = found.ask()
            if found.is_best(value):
                kept.append(order.number)
            complete(found, order.number, value)
        assert found.best().number == best == kept[-1]


def test_the_median_pruner_stops_what_lags_behind_and_spares_what_leads(tmp_path):
    with study(tmp_path / "a", pruner="median", most=4) as found:
        for _ in range(COMPARED):
            order = found.ask()
            for evaluation in (1, 2):
                assert not found.validated(order.number, evaluation, 0.5)
            complete(found, order.number, 0.5)
        good, bad, late = found.ask(), found.ask(), found.ask()
        for number, values in ((good.number, (0.6, 0.6)), (late.number, (0.3, 0.6))):
            assert not found.validated(number, 1, values[0])
            assert not found.validated(number, 2, values[1])
        assert not found.validated(bad.number, 1, 0.4)
        assert found.validated(bad.number, 2, 0.4)


def test_hyperband_lets_some_of_the_laggards_go(tmp_path):
    with study(tmp_path / "a", pruner="hyperband", most=3) as found:
        stopped = set()
        for n in range(12):
            order = found.ask()
            value = 0.9 - n / 100
            for evaluation in range(1, 4):
                if found.validated(order.number, evaluation, value):
                    stopped.add(n)
                    break
            complete(found, order.number, value)
        assert stopped
        assert 0 not in stopped


def test_refused_trials_are_told_with_their_reason_and_never_the_best(tmp_path):
    with study(tmp_path / "a") as found:
        order = found.ask()
        found.tell(Ended(order.number, "refused", None, {"why": "they do not go together"}))
        assert found.best() is None
        [told] = found.results()
        assert (told.outcome, told.why, told.value) == ("refused", "they do not go together", None)


def test_importance_names_what_the_result_depends_on(tmp_path):
    with study(tmp_path / "a") as found:
        made(found, 3)
        assert found.importance() is None
        made(found, 11)
        shares = found.importance()
    assert next(iter(shares)) == "model.head_dropout"
    assert shares["model.head_dropout"] > 0.8
    assert sum(shares.values()) == pytest.approx(1.0)
    # It did not count in every trial.
    assert "imbalance.gamma" not in shares


def test_the_study_is_one_file_whatever_its_folder_is_called(tmp_path):
    with study(tmp_path / "a b?x%20#y") as found:
        made(found, 2)
    assert [path.name for path in (tmp_path / "a b?x%20#y").iterdir()] == ["study.db"]


def test_without_optuna_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"plaudit\[tune\]"):
        need_optuna()
