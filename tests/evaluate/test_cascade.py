"""When a quick model answers alone: how far it goes, and what its answers then mean."""

from __future__ import annotations

import numpy as np
import pytest

from plaudit.evaluate import mix
from plaudit.evaluate.calibrate import fit_temperature
from plaudit.evaluate.cascade import Cascade, fit_cascade, leads
from tests.evaluate.test_mix import evidence


def margins(*values: float) -> np.ndarray:
    """Logits of two classes, whose second leads by these."""
    return np.array([[-value / 2, value / 2] for value in values])


def test_a_lead_is_that_over_the_next_class() -> None:
    assert leads(np.array([[1.0, 4.0, 3.5], [2.0, -1.0, 0.0], [1.0, 1.0, 1.0]])) == pytest.approx(
        [0.5, 2.0, 0.0]
    )


def known(quick_NC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """With ten known features in each row."""
    return quick_NC, np.full(len(quick_NC), 10)


QUICK = margins(5, -4, 3, 2, -1)
BOTH = margins(1, -1, -1, 1, 1)  # of other labels in the third row and in the last


@pytest.mark.parametrize(("most", "lead"), [(0.2, 2.0), (0.39, 2.0), (0.4, 1.0)])
def test_as_many_are_answered_as_may_change(most: float, lead: float) -> None:
    found = fit_cascade(BOTH, known(QUICK), np.array([1, 0, 1, 1, 0]), most)
    assert found is not None
    assert found.lead == pytest.approx(lead, rel=1e-5)
    assert found.sure(*known(QUICK)).tolist() == [abs(m) >= lead for m in (5, 4, 3, 2, 1)]


def test_rows_that_are_equally_sure_are_answered_alike() -> None:
    quick_NC, both_NC = margins(5, 3, 3, 3, 1), margins(1, 1, -1, -1, 1)
    found = fit_cascade(both_NC, known(quick_NC), np.ones(5, dtype=int), 0.2)
    assert found is not None
    assert found.lead == pytest.approx(5.0, rel=1e-5), "or two of the three change"


def test_where_the_surest_rows_would_change_nothing_is_answered_so() -> None:
    quick_NC, both_NC = margins(5, 5, 1), margins(-1, -1, 1)
    assert fit_cascade(both_NC, known(quick_NC), np.array([0, 0, 1]), 0.4) is None
    assert fit_cascade(both_NC, known(quick_NC), np.array([0, 0, 1]), 0.7) is not None


@pytest.mark.parametrize("rows", [0, 1, 5, 199])
def test_too_few_rows_to_show_the_share_give_no_cascade(rows: int) -> None:
    quick_NC = margins(*range(1, 1 + rows)) if rows else np.zeros((0, 2))
    targets_N = np.ones(rows, dtype=int)
    assert fit_cascade(quick_NC, known(quick_NC), targets_N, 0.005) is None
    enough_NC = margins(*range(1, 201))
    assert fit_cascade(enough_NC, known(enough_NC), np.ones(200, dtype=int), 0.005) is not None


@pytest.mark.parametrize(("rows", "most"), [(200, 0.005), (200, 0.01), (1000, 0.01)])
def test_of_new_rows_one_more_changes_than_might(rows: int, most: float) -> None:
    """On average: where k of n may change, the threshold lies just before the change after."""
    fresh_NC, quick_NC, _ = evidence(50_000, 11, strengths=(2.0, 1.0))
    shares = []
    for seed in range(60):
        first_NC, second_NC, targets_N = evidence(rows, 100 + seed, strengths=(2.0, 1.0))
        found = fit_cascade(first_NC, known(second_NC), targets_N, most)
        assert found is not None
        changed_N = quick_NC.argmax(axis=1) != fresh_NC.argmax(axis=1)
        shares.append((changed_N & found.sure(*known(quick_NC))).mean())
    expected = (round(most * rows) + 1) / (rows + 1)
    assert np.mean(shares) == pytest.approx(expected, rel=0.2)


def test_rows_of_which_little_is_known_are_left_to_both() -> None:
    """One row in a hundred may know less than what is asked of a row, be it as sure as can be."""
    quick_NC, targets_N = margins(9, *range(1, 201)), np.ones(201, dtype=int)
    known_N = np.append([1], np.arange(20, 220))
    found = fit_cascade(quick_NC, (quick_NC, known_N), targets_N, 0.005)
    assert found is not None
    assert found.known == 21
    assert found.sure(quick_NC, known_N).tolist() == [False, False, *[True] * 199]


def test_what_it_answers_alone_holds_at_the_temperature_of_the_rest() -> None:
    """Too sure by three and by two: by one and a half it differs, and two is left for all."""
    first_NC, second_NC, targets_N = evidence(40_000, 8, strengths=(2.0, 1.0))
    first_NC, second_NC = 2 * first_NC, 3 * second_NC
    found = fit_cascade(first_NC, known(second_NC), targets_N, 0.02)
    assert found is not None
    assert found.scale == pytest.approx(2 / 3, abs=0.06)
    mixture = mix.Mixture(0.0, found)
    joint_NC = mixture.logits(first_NC, known(second_NC))
    assert fit_temperature(joint_NC, targets_N) == pytest.approx(2.0, abs=0.1)


def test_a_mixture_is_the_second_alone_where_it_is_sure_and_both_elsewhere() -> None:
    mixture = mix.Mixture(0.5, Cascade(lead=2.5, known=10, scale=2.0))
    assert mixture.sure(known(QUICK)).tolist() == [True, True, True, False, False]
    assert mixture.logits(BOTH, known(QUICK)) == pytest.approx(margins(10, -8, 6, 2, 0.5))
    assert not mix.Mixture(0.5).sure(known(QUICK)).any()
    assert mix.Mixture(0.5).logits(BOTH, known(QUICK)) == pytest.approx(BOTH + 0.5 * QUICK)


def test_a_mixture_goes_as_far_as_asked() -> None:
    first_NC, second_NC, targets_N = evidence(4_000, 9, strengths=(2.0, 1.0))
    parts = (first_NC, known(second_NC), targets_N)
    always = mix.fit_mixture(*parts, weight="fit", most=0.0)
    assert always == mix.Mixture(mix.fit_weight(first_NC, second_NC, targets_N))
    both_NC = always.logits(first_NC, known(second_NC))
    shares = []
    for most in (0.002, 0.01, 0.05):
        mixture = mix.fit_mixture(*parts, weight="fit", most=most)
        assert mixture.weight == always.weight
        changed_N = mixture.logits(first_NC, known(second_NC)).argmax(1) != both_NC.argmax(1)
        # Rows are many, and their leads all different: it stops just before the next change.
        assert changed_N.sum() == most * 4_000
        shares.append(mixture.sure(known(second_NC)).mean())
    assert shares == sorted(shares)
    assert shares[0] > 0.05
    assert mix.fit_mixture(*parts, weight=0.3, most=0.01).weight == 0.3


def test_no_half_judges_its_own_lead() -> None:
    first_NC, second_NC, targets_N = evidence(4_000, 10, strengths=(2.0, 1.0))
    order = np.argsort(targets_N, kind="stable")
    first_NC, second_NC, targets_N = first_NC[order], second_NC[order], targets_N[order]
    second_NC[1::2] *= -1  # in the odd rows it says the contrary: never sure enough there
    found_NC = mix.crossed(first_NC, known(second_NC), targets_N, weight=0.0, most=0.01)
    even, odd = slice(0, None, 2), slice(1, None, 2)
    few = fit_cascade(first_NC[odd], known(second_NC[odd]), targets_N[odd], 0.01)
    many = fit_cascade(first_NC[even], known(second_NC[even]), targets_N[even], 0.01)
    assert few is not None
    assert many is not None
    assert few.sure(*known(second_NC[even])).sum() < many.sure(*known(second_NC[odd])).sum() / 2
    assert found_NC[even] == pytest.approx(
        mix.Mixture(0.0, few).logits(first_NC[even], known(second_NC[even]))
    )
    assert found_NC[odd] == pytest.approx(
        mix.Mixture(0.0, many).logits(first_NC[odd], known(second_NC[odd]))
    )
