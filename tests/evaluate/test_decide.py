from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from plaudit.evaluate import abstain, calibrate, decide, threshold
from plaudit.evaluate.decide import Decision, answer
from tests.evaluate.test_reliability import honest


@pytest.mark.parametrize("planted", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("classes", [2, 4])
def test_a_planted_temperature_is_found(planted, classes):
    logits, _, targets = honest(4000, classes=classes)

    assert calibrate.fit_temperature(logits * planted, targets) == pytest.approx(planted, rel=0.08)


def test_a_fitted_temperature_makes_probabilities_hold():
    logits, _, targets = honest(14_000)
    fit, test = slice(0, 2000), slice(2000, None)
    temperature = calibrate.fit_temperature(3 * logits[fit], targets[fit])
    before = calibrate.softmax(3 * logits[test])
    found = [
        calibrate.quality(each, targets[test])
        for each in (before, calibrate.temper(before, temperature))
    ]

    assert found[0]["ece"] > 0.1
    assert found[1]["ece"] < 0.02
    assert found[1]["log_loss"] < found[0]["log_loss"] - 0.1


@pytest.mark.parametrize("rows", [1, 2, 12, 40])
def test_few_rows_without_a_mistake_do_not_ask_for_certainty(rows):
    logits = np.array([[2.0, 0.0], [0.0, 2.0]] * 20)[:rows]
    temperature = calibrate.fit_temperature(logits, logits.argmax(axis=1))

    assert 0.4 < temperature <= 1.0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [3, 20, 200])
def test_the_temperature_never_costs_log_loss_on_the_rows_that_chose_it(rows, seed):
    logits, _, targets = honest(rows, seed=seed)
    temperature = calibrate.fit_temperature(logits, targets)

    after = calibrate.log_loss(logits / temperature, targets)
    assert after <= calibrate.log_loss(logits, targets)
    assert 1 / calibrate.LARGEST <= temperature <= calibrate.LARGEST


def test_200_rows_of_a_calibrated_model_move_it_little():
    found = [calibrate.fit_temperature(*honest(200, seed=seed)[::2]) for seed in range(20)]
    _, probabilities, targets = honest(20_000, seed=99)
    losses = [
        calibrate.quality(calibrate.temper(probabilities, each), targets)["log_loss"]
        for each in (1.0, *found)
    ]

    assert max(losses) < losses[0] + 0.02


def test_tempering_is_undone_by_its_inverse_and_keeps_the_likeliest_label():
    _, probabilities, _ = honest(300, classes=3)
    softened = calibrate.temper(probabilities, 2.3)

    assert (softened.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    np.testing.assert_allclose(calibrate.temper(softened, 1 / 2.3), probabilities, atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_decisions_by_costs_equal_brute_force(classes):
    _, probabilities, _ = honest(200, classes=classes)
    costs = np.random.default_rng(1).random((classes, classes))
    chosen = decide.choose(probabilities, tuple(map(tuple, costs)))

    for row, found in zip(probabilities, chosen, strict=True):
        expected = [
            sum(row[true] * costs[true, given] for true in range(classes))
            for given in range(classes)
        ]
        assert found == min(range(classes), key=expected.__getitem__)
    assert (chosen != probabilities.argmax(axis=1)).any()


def test_costs_of_two_labels_are_a_threshold():
    costs = ((0.0, 1.0), (4.0, 0.0))
    grid = np.linspace(0.01, 0.99, 99)
    chosen = decide.choose(np.stack([1 - grid, grid], axis=1), costs)

    assert decide.threshold(costs) == pytest.approx(0.2)
    assert grid[chosen == 1].min() == pytest.approx(0.21, abs=0.011)


def every_threshold(probabilities, targets, quantity):
    """Brute force: the quantity of label 1 at every threshold that changes an answer."""
    for cut in [-1.0, *np.unique(probabilities[:, 1])]:
        yield quantity(targets, (probabilities[:, 1] > cut).astype(int))


@pytest.mark.parametrize("seed", range(3))
def test_f1_of_a_label_and_over_labels_are_the_best_that_any_threshold_has(seed):
    _, probabilities, targets = honest(80, seed=seed)
    of_one = threshold.of_label(probabilities, targets, 1, ("f1", 0.0))
    of_all = threshold.by_macro_f1(probabilities, targets)

    def one(truth, given):
        return f1_score(truth, given, zero_division=0)

    def both(truth, given):
        return f1_score(truth, given, average="macro", zero_division=0)

    for fitted, quantity in ((of_one, one), (of_all, both)):
        chosen = decide.choose(probabilities, fitted.costs)
        best = max(every_threshold(probabilities, targets, quantity))
        assert fitted.after == pytest.approx(best)
        assert quantity(targets, chosen) == pytest.approx(best)
        assert fitted.before == pytest.approx(quantity(targets, probabilities.argmax(axis=1)))


def test_macro_f1_of_three_labels_of_which_one_is_rare_gets_better_and_is_what_is_said():
    rng = np.random.default_rng(4)
    targets = rng.choice(3, size=900, p=[0.6, 0.34, 0.06])
    logits = rng.normal(size=(900, 3)) + np.log([0.6, 0.34, 0.06])
    logits[np.arange(900), targets] += 1.0
    probabilities = calibrate.softmax(logits)
    fitted = threshold.by_macro_f1(probabilities, targets)
    chosen = decide.choose(probabilities, fitted.costs)

    assert fitted.after > fitted.before + 0.02
    assert fitted.after == pytest.approx(f1_score(targets, chosen, average="macro"))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("quantity", ["precision", "recall"])
def test_a_wanted_precision_or_recall_is_reached_at_the_least_price(classes, quantity):
    _, probabilities, targets = honest(300, classes=classes, spread=2.0)
    probabilities = probabilities.round(2)  # fewer thresholds to go through
    fitted = threshold.of_label(probabilities, targets, 1, (quantity, 0.9))
    given = decide.choose(probabilities, fitted.costs) == 1
    functions = {
        "precision": partial(precision_score, zero_division=0),
        "recall": partial(recall_score, zero_division=0),
    }
    other = "recall" if quantity == "precision" else "precision"

    assert fitted.reached
    assert functions[quantity](targets == 1, given) == pytest.approx(fitted.after)
    assert fitted.after >= 0.9
    if classes == 2:
        pairs = zip(
            every_threshold(probabilities, targets, functions[quantity]),
            every_threshold(probabilities, targets, functions[other]),
            strict=True,
        )
        most = max(beside for value, beside in pairs if value >= 0.9)
        assert functions[other](targets == 1, given) == pytest.approx(most)


def test_a_precision_that_cannot_be_had_is_not_claimed():
    probabilities = np.array([[0.2, 0.8], [0.3, 0.7], [0.6, 0.4], [0.9, 0.1]])
    fitted = threshold.of_label(probabilities, np.array([0, 1, 0, 0]), 1, ("precision", 0.9))

    assert not fitted.reached
    assert fitted.after == 0.5


@pytest.mark.parametrize("least", [1e-5, 1e-7, 1e-13, 0.0])
def test_what_a_rule_is_said_to_reach_it_reaches_however_sure_the_model(least):
    """One of 51 positive rows that the model is sure is none: no weight is large enough for it."""
    positive = np.concatenate([np.linspace(0.6, 0.99, 50), [least], np.linspace(0.01, 0.4, 30)])
    probabilities = np.stack([1 - positive, positive], axis=1)
    targets = np.repeat([1, 0], [51, 30])
    found = threshold.of_label(probabilities, targets, 1, ("recall", 1.0))
    recall = recall_score(targets, decide.choose(probabilities, found.costs))

    assert found.after == pytest.approx(recall)
    assert found.reached == (recall == 1.0) == (least > 1e-6)


def test_the_best_macro_f1_is_one_that_the_rule_has_however_sure_the_model():
    probabilities = np.array([[1e-12, 1 - 1e-12]] * 5 + [[0.9, 0.1]] * 2 + [[0.4, 0.6]])
    targets = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    found = threshold.by_macro_f1(probabilities, targets)
    answers = decide.choose(probabilities, found.costs)

    assert found.after == pytest.approx(f1_score(targets, answers, average="macro"))


@pytest.mark.parametrize("quantity", ["f1", "precision", "recall"])
def test_what_is_said_of_logits_in_bf16_is_what_the_rule_does(quantity):
    """Many of them are equal, and their ratios, after a temperature, but for rounding."""
    functions = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        targets = rng.integers(0, 3, 60)
        logits = rng.integers(-6, 7, (60, 3)) / 4
        logits[np.arange(60), targets] += 0.5
        probabilities = calibrate.softmax(logits / 1.7)
        of_one = threshold.of_label(probabilities, targets, 1, (quantity, 0.8))
        of_all = threshold.by_macro_f1(probabilities, targets)
        for costs, name in ((None, "before"), (of_one.costs, "after")):
            given = decide.choose(probabilities, costs) == 1
            found = functions[quantity](targets == 1, given, zero_division=0)
            assert found == pytest.approx(getattr(of_one, name)), (seed, name)
        for costs, name in ((None, "before"), (of_all.costs, "after")):
            given = decide.choose(probabilities, costs)
            found = f1_score(targets, given, average="macro", zero_division=0)
            assert found == pytest.approx(getattr(of_all, name)), (seed, name)


def test_conformal_sets_cover_as_often_as_asked():
    """Over many splits into fitted and fresh rows, the temperature fitted on the same rows."""
    covered = []
    for seed in range(300):
        logits, _, targets = honest(500, classes=3, seed=seed)
        fit, fresh = slice(0, 200), slice(200, None)
        temperature = calibrate.fit_temperature(2 * logits[fit], targets[fit])
        probabilities = calibrate.softmax(2 * logits / temperature)
        limit = abstain.limit_sets(probabilities[fit], targets[fit], 0.9)
        decision = Decision(abstain="conformal", least=limit.least)
        answers = answer(probabilities[fresh], decision)
        covered.append(
            decide.measure(answers, targets[fresh], decision, 0.95)["sets"]["coverage"]["value"]
        )

    assert np.mean(covered) == pytest.approx(0.9, abs=0.01)


def test_answers_are_unsure_unless_their_label_is_the_only_possible_one():
    probabilities = np.array([[0.95, 0.04, 0.01], [0.5, 0.4, 0.1], [0.34, 0.33, 0.33]])
    found = answer(probabilities, Decision(abstain="conformal", least=0.35))

    assert found.unsure_N.tolist() == [False, True, True]
    assert found.possible_NC is not None
    assert found.possible_NC.sum(axis=1).tolist() == [1, 2, 0]
    assert found.chosen_N.tolist() == [0, 0, 0]
    # Costs may choose a label that is not the possible one: that is no sure answer either.
    costs = ((0.0, 1.0, 1.0), (99.0, 0.0, 99.0), (1.0, 1.0, 0.0))
    turned = answer(probabilities, Decision(costs=costs, abstain="conformal", least=0.35))
    assert turned.chosen_N[0] == 1
    assert turned.unsure_N[0]


def test_the_error_among_answers_keeps_its_bound():
    broken, shares = 0, []
    for seed in range(100):
        _, probabilities, targets = honest(3000, spread=4.0, seed=seed)
        right, confidence = probabilities.argmax(axis=1) == targets, probabilities.max(axis=1)
        limit = abstain.limit_error(confidence[:500], right[:500], 0.1)
        answered = confidence[500:] >= limit.least
        broken += (~right[500:])[answered].mean() > 0.1
        shares.append(answered.mean())
        assert limit.reached
        assert limit.promised <= 0.1

    assert broken <= 100 * abstain.DOUBT
    assert np.mean(shares) > 0.4


def test_an_error_that_cannot_be_promised_is_not_claimed():
    _, probabilities, targets = honest(60)
    right = probabilities.argmax(axis=1) == targets
    limit = abstain.limit_error(probabilities.max(axis=1), right, 0.001)

    assert not limit.reached
    assert limit.promised > 0.001


def test_a_coverage_that_so_few_rows_cannot_promise_is_not_claimed():
    _, probabilities, targets = honest(30)

    assert abstain.limit_sets(probabilities, targets, 0.96).reached
    limit = abstain.limit_sets(probabilities, targets, 0.99)
    assert not limit.reached
    assert limit.promised == pytest.approx(30 / 31)


def test_what_is_measured_counts_rows():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.55, 0.45], [0.3, 0.7]])
    decision = Decision(costs=((0, 1), (2, 0)), abstain="error", least=0.6)
    targets = np.array([0, 1, 0, 1])
    found = decide.measure(answer(probabilities, decision), targets, decision, 0.95)

    assert (found["rows"], found["answered"]) == (4, 3)
    assert found["accuracy_answered"]["value"] == pytest.approx(2 / 3)
    assert found["error_answered"]["value"] == pytest.approx(1 / 3)
    assert found["mean_cost"] == pytest.approx((0 + 2 + 1 + 0) / 4)


def test_answers_without_any_sure_one_have_no_accuracy():
    probabilities = np.array([[0.6, 0.4]])
    decision = Decision(abstain="error", least=0.9)
    found = decide.measure(answer(probabilities, decision), np.array([0]), decision, 0.95)

    assert found["coverage"]["value"] == 0
    assert found["accuracy_answered"] == {"value": None, "low": None, "high": None}


def test_weights_choose_the_largest_weighted_probability():
    _, probabilities, _ = honest(100, classes=4)
    weights = np.array([1.0, 0.2, 3.0, 1.5])

    chosen = decide.choose(probabilities, decide.weighted(weights))
    assert (chosen == (probabilities * weights).argmax(axis=1)).all()


def test_a_decision_is_the_same_after_a_trip_through_json():
    for costs, least in itertools.product([None, ((0.0, 1 / 3), (0.7, 0.0))], [0.1 + 0.2]):
        decision = Decision(temperature=1 / 3, costs=costs, abstain="error", least=least, rows=9)
        assert Decision.model_validate_json(decision.model_dump_json()) == decision
