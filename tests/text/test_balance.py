"""Resampling balances classes, and the shift of the logits undoes what it did to the priors."""

import numpy as np
import pytest

from plaudit.text.balance import drawn, prior_shift

TARGETS = np.array([0] * 30 + [1] * 7 + [2] * 12)


def shares(rows):
    return np.bincount(TARGETS[rows], minlength=3).tolist()


def test_oversampling_grows_small_classes_to_their_share_of_the_largest():
    assert shares(drawn(TARGETS, "oversample", 1.0, 0)(0)) == [30, 30, 30]
    assert shares(drawn(TARGETS, "oversample", 0.5, 0)(0)) == [30, 15, 15]


def test_oversampled_texts_come_equally_often_up_to_one():
    times = np.bincount(drawn(TARGETS, "oversample", 1.0, 0)(3), minlength=len(TARGETS))
    assert set(times[:30]) == {1}
    assert set(times[30:37]) == {4, 5}


def test_undersampling_shrinks_large_classes_and_repeats_nothing():
    draw = drawn(TARGETS, "undersample", 1.0, 0)
    assert shares(draw(0)) == [7, 7, 7]
    assert shares(drawn(TARGETS, "undersample", 0.5, 0)(0)) == [14, 7, 12]
    assert len(set(draw(0))) == 21


def test_an_epoch_is_drawn_again_alike_and_the_next_one_otherwise():
    one, other = (drawn(TARGETS, "undersample", 1.0, 5) for _ in range(2))
    assert one(2).tolist() == other(2).tolist()
    assert one(2).tolist() != one(3).tolist()
    assert one(2).tolist() != drawn(TARGETS, "undersample", 1.0, 6)(2).tolist()


def test_the_shift_gives_back_the_probabilities_of_the_real_shares():
    """Bayes by hand: likelihoods times other priors."""
    likelihoods = np.array([0.2, 0.5, 0.1])
    real, shown = np.array([80.0, 15.0, 5.0]), np.array([1.0, 1.0, 2.0])
    logits = np.log(likelihoods * shown / shown.sum()) + prior_shift(real, shown)
    found = np.exp(logits) / np.exp(logits).sum()
    wanted = likelihoods * real / (likelihoods * real).sum()
    np.testing.assert_allclose(found, wanted)
    assert found.sum() == pytest.approx(1.0)
