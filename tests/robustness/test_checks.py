"""What each check asks of a model, seen with models whose faults are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from plaudit.evaluate.decide import Decision, answer
from plaudit.robustness.checks import Text, build
from plaudit.robustness.judge import Outcome, judge
from plaudit.robustness.lexicon import BLAME, BLAMING, NEGATED_TEMPLATES, PRAISE, PRAISING

LABELS = ("negative", "positive")
TEXTS = [
    Text("Kevin Smith made a good film. I don't regret it, not at all; he is back.", "a.csv:1"),
    Text("A dull film, and a long one. It bored Susan and me, to be honest, a lot.", "a.csv:2"),
    Text("So good that I saw it twice in one week, and would see it once more now!", "a.csv:3"),
]


def bag_of_words(texts: Sequence[str]) -> np.ndarray:
    """A model that counts words of praise and blame, deaf to "not"."""
    rows = []
    for text in texts:
        lower = text.lower()
        praise = sum(lower.count(word) for word in (*PRAISE, "loved", "best", "recommend"))
        blame = sum(lower.count(word) for word in (*BLAME, "hated", "worst", "against"))
        positive = 1 / (1 + np.exp(blame - praise))
        rows.append([1 - positive, positive])
    return np.array(rows)


def outcomes(
    ask=bag_of_words,
    labels: Sequence[str] = LABELS,
    texts: Sequence[Text] = TEXTS,
    decision: Decision | None = None,
) -> dict[str, Outcome]:
    found = judge(build(texts, labels, 0), lambda raw: answer(ask(raw), decision), labels, 0.95)
    return {outcome.check.name: outcome for outcome in found}


def test_a_model_that_counts_words_knows_praise_and_fails_its_denial() -> None:
    found = outcomes()
    for name in ("praise", "blame", "praise added", "blame added", "typos", "names", "repetition"):
        assert found[name].failures == 0, name
    negated = found["negated praise"]
    assert negated.failures == len(negated.check.cases) == len(NEGATED_TEMPLATES) * len(PRAISE)
    assert negated.rate is not None
    assert negated.rate.low is not None
    assert (negated.rate.value, negated.rate.low > 0.9) == (1.0, True)
    assert [len(negated.examples), negated.examples[0].before] == [3, None]
    assert negated.examples[0].after.label == "positive"


def test_a_change_of_label_fails_and_is_shown_with_both_answers() -> None:
    def shouting(texts: Sequence[str]) -> np.ndarray:
        return np.array([[0.9, 0.1] if text.isupper() else [0.2, 0.8] for text in texts])

    found = outcomes(shouting)
    assert found["lower case"].failures == 0
    upper = found["upper case"]
    assert upper.failures == 3
    shown = upper.examples[0].to_dict()
    assert shown["after"] == shown["before"].upper()
    assert (shown["label_before"], shown["probability_before"]) == ("positive", 0.8)
    assert (shown["label_after"], shown["probability_after"]) == ("negative", 0.9)
    assert shown["origin"] == "a.csv:1"


@pytest.mark.parametrize(("fall", "failures"), [(0.05, 0), (0.15, 3)])
def test_an_added_sentence_may_move_a_probability_against_it_by_a_tenth_only(
    fall: float, failures: int
) -> None:
    def contrary(texts: Sequence[str]) -> np.ndarray:
        positive = [0.5 - fall * any(s in text for s in PRAISING) for text in texts]
        return np.array([[1 - p, p] for p in positive])

    assert outcomes(contrary)["praise added"].failures == failures


def test_a_label_is_that_of_the_model_s_threshold() -> None:
    def shouting(texts: Sequence[str]) -> np.ndarray:
        return np.array([[0.9, 0.1] if text.isupper() else [0.7, 0.3] for text in texts])

    assert outcomes(shouting)["upper case"].failures == 0
    found = outcomes(shouting, decision=Decision(costs=((0, 1), (4, 0))))["upper case"]
    assert found.failures == 3
    shown = found.examples[0].to_dict()
    assert (shown["label_before"], shown["probability_before"]) == ("positive", 0.3)


def test_the_surest_failures_come_first() -> None:
    def by_length(texts: Sequence[str]) -> np.ndarray:
        return np.array(
            [[(p := 0.5 + len(t) / 1000), 1 - p] if t.islower() else [0.3, 0.7] for t in texts]
        )

    shown = outcomes(by_length)["lower case"].examples
    assert [e.after.probability for e in shown] == sorted(
        (e.after.probability for e in shown), reverse=True
    )


def test_other_labels_skip_sentiment_and_say_why_but_run_the_rest() -> None:
    found = outcomes(labels=("sport", "politics"))
    for name in ("praise", "blame", "negated praise", "negated blame", "praise added"):
        assert found[name].check.skipped == (
            "the labels are 'sport', 'politics', not negative and positive"
        )
        assert found[name].to_dict()["failure_rate"] is None
    assert found["typos"].check.skipped == ""
    assert len(found["typos"].check.cases) == 3


def test_a_neutral_answer_is_right_where_praise_or_blame_is_denied() -> None:
    def neutral(texts: Sequence[str]) -> np.ndarray:
        return np.array([[0.1, 0.8, 0.1]] * len(texts))

    found = outcomes(neutral, ("Negative", "neutral", "POSITIVE"))
    assert found["negated praise"].failures == found["negated blame"].failures == 0
    assert found["negated blame"].check.expected == "POSITIVE or neutral"
    assert found["praise"].failures == len(found["praise"].check.cases)


def test_a_check_with_nothing_to_change_is_skipped() -> None:
    found = outcomes(texts=[Text("no one is named here, all in all", "b:1")])
    assert found["names"].check.skipped == "there is nothing to change in these texts"
    assert found["lower case"].check.skipped
    assert not found["typos"].check.skipped


def test_checks_depend_on_the_seed_alone() -> None:
    assert build(TEXTS, LABELS, 3) == build(TEXTS, LABELS, 3)
    assert build(TEXTS, LABELS, 3) != build(TEXTS, LABELS, 4)
    # A text's change does not depend on which other texts were drawn.
    alone = {c.name: c.cases for c in build(TEXTS[1:2], LABELS, 3)}
    for check in build(TEXTS, LABELS, 3):
        if check.kind != "MFT":
            assert set(alone[check.name]) <= set(check.cases)


def test_a_text_is_asked_once_however_many_checks_it_stands_in() -> None:
    asked: list[str] = []

    def ask(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return bag_of_words(texts)

    outcomes(ask)
    assert len(asked) == len(set(asked))


def test_the_sentences_that_are_added_say_what_they_should() -> None:
    """By the words that the stand-in knows; or the directional checks would test nothing."""
    assert (bag_of_words(PRAISING)[:, 1] > 0.5).all()
    assert (bag_of_words(BLAMING)[:, 1] < 0.5).all()
