"""The weight of a second model: known answers, few rows, and rows that do not judge their own."""

from __future__ import annotations

import numpy as np
import pytest

from plaudit.evaluate import mix
from plaudit.evaluate.calibrate import log_loss


def evidence(rows: int, seed: int, *, strengths: tuple[float, float]) -> tuple[np.ndarray, ...]:
    """Two models that saw independent parts of the evidence: their true logits simply add up."""
    random = np.random.default_rng(seed)
    targets_N = random.integers(0, 2, rows)
    signs_N = 2.0 * targets_N - 1
    logits = []
    for strength in strengths:
        # A normal with mean ±s and variance 2s is its own log likelihood ratio, halved or not.
        ratio_N = random.normal(signs_N * strength, np.sqrt(2 * strength))
        logits.append(np.stack([-ratio_N / 2, ratio_N / 2], axis=1))
    return (*logits, targets_N)


def test_independent_evidence_adds_up() -> None:
    first_NC, second_NC, targets_N = evidence(20_000, 1, strengths=(2.0, 1.0))
    assert mix.fit_weight(first_NC, second_NC, targets_N) == pytest.approx(1.0, abs=0.06)


def test_a_model_that_is_too_sure_counts_less() -> None:
    """And its own scale is all that changes: by a third when it is three times too sure."""
    first_NC, second_NC, targets_N = evidence(20_000, 1, strengths=(2.0, 1.0))
    assert mix.fit_weight(first_NC, 3 * second_NC, targets_N) == pytest.approx(1 / 3, abs=0.03)
    assert mix.fit_weight(3 * first_NC, second_NC, targets_N) == pytest.approx(3.0, abs=0.2)


def test_one_that_knows_nothing_or_the_contrary_counts_for_nothing() -> None:
    first_NC, second_NC, targets_N = evidence(5_000, 2, strengths=(2.0, 1.0))
    shuffled_NC = np.random.default_rng(3).permutation(second_NC)
    assert mix.fit_weight(first_NC, shuffled_NC, targets_N) == pytest.approx(0.0, abs=0.05)
    assert mix.fit_weight(first_NC, -second_NC, targets_N) == 0.0


def test_without_rows_nothing_and_with_few_not_much() -> None:
    first_NC, second_NC, targets_N = evidence(6, 4, strengths=(2.0, 8.0))
    assert mix.fit_weight(first_NC[:0], second_NC[:0], targets_N[:0]) == 0.0
    # All six are right by a wide margin: without a prior the weight would go to its bound.
    assert mix.fit_weight(first_NC, second_NC, targets_N) < 2.0


def test_several_classes() -> None:
    random = np.random.default_rng(5)
    targets_N = random.integers(0, 3, 4_000)
    true = np.eye(3)[targets_N]
    first_NC, second_NC = (true * 1.0 + random.normal(0, 1, (4_000, 3)) for _ in range(2))
    weight = mix.fit_weight(first_NC, second_NC, targets_N)
    assert weight == pytest.approx(1.0, abs=0.15)
    both_NC = mix.mixed(first_NC, second_NC, weight)
    assert log_loss(both_NC, targets_N) < log_loss(first_NC, targets_N) - 0.05


def test_each_half_is_mixed_by_the_weight_of_the_other() -> None:
    first_NC, second_NC, targets_N = evidence(4_000, 6, strengths=(2.0, 1.0))
    order = np.argsort(targets_N, kind="stable")
    first_NC, second_NC, targets_N = first_NC[order], second_NC[order], targets_N[order]
    # In the even rows the second model is right, in the odd ones it says the contrary.
    second_NC[1::2] *= -1
    second = second_NC, np.full(4_000, 10)
    found_NC = mix.crossed(first_NC, second, targets_N, weight="fit", most=0.0)
    assert (found_NC[0::2] == first_NC[0::2]).all(), "the odd rows give it no weight"
    weight = mix.fit_weight(first_NC[0::2], second_NC[0::2], targets_N[0::2])
    assert weight > 0.9
    assert found_NC[1::2] == pytest.approx(mix.mixed(first_NC, second_NC, weight)[1::2])


def test_rows_whose_labels_come_in_turn_are_halved_label_by_label() -> None:
    first_NC, second_NC, targets_N = evidence(4_000, 7, strengths=(2.0, 1.0))
    turn = np.argsort(targets_N, kind="stable").reshape(2, -1).T.ravel()  # nearly in turn
    first_NC, second_NC, targets_N = first_NC[turn], second_NC[turn], targets_N[turn]
    second_NC[:, 1] += 1.0
    second = second_NC, np.full(4_000, 10)
    found_NC = mix.crossed(first_NC, second, targets_N, weight="fit", most=0.0)
    weight = mix.fit_weight(first_NC, second_NC, targets_N)
    wanted = log_loss(mix.mixed(first_NC, second_NC, weight), targets_N)
    assert log_loss(found_NC, targets_N) == pytest.approx(wanted, abs=0.01)
