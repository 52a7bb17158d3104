"""Each change is a pure function of text and random that keeps what it promises to keep."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.data.clean import clean
from plaudit.robustness import lexicon, perturb
from plaudit.robustness.checks import INVARIANCES

CHANGES = {name: change for name, (_, change) in INVARIANCES.items()}
NAMED = [*lexicon.NAMES[0][:3], *lexicon.NAMES[1][:3]]
SENTENCES = st.lists(
    st.sampled_from([*NAMED, "and", "film", "wonderful", "don't", "A", "was", "3", "good.", "Why?"])
    | st.text(min_size=1, max_size=8),
    max_size=30,
).map(" ".join)
CLEANED = SENTENCES.map(clean).filter(bool)
SEEDS = st.integers(0, 2**32)


@pytest.mark.parametrize("name", sorted(CHANGES))
@settings(max_examples=40)
@given(text=CLEANED, seed=SEEDS)
def test_the_same_random_gives_the_same_text_and_never_nothing(
    name: str, text: str, seed: int
) -> None:
    change = CHANGES[name]
    changed = change(text, Random(seed))
    assert changed == change(text, Random(seed))
    assert changed.strip()


@settings(max_examples=100)
@given(text=CLEANED, seed=SEEDS)
def test_typos_keep_every_letter_and_the_ends_of_words(text: str, seed: int) -> None:
    changed = perturb.typos(text, Random(seed))
    assert Counter(changed) == Counter(text)
    before, after = (re.findall(r"[^\W\d_]{4,}", each) for each in (text, changed))
    assert [w[0] + w[-1] for w in after] == [w[0] + w[-1] for w in before]
    assert (changed != text) == any(len(set(w[1:-1])) > 1 for w in before)


@settings(max_examples=100)
@given(text=CLEANED, seed=SEEDS)
def test_html_is_what_cleaning_takes_away_again(text: str, seed: int) -> None:
    assert clean(perturb.with_html(text, Random(seed))) == clean(text)


@settings(max_examples=100)
@given(text=CLEANED, seed=SEEDS)
def test_words_and_their_order_survive_without_punctuation(text: str, seed: int) -> None:
    def letters(some: str) -> list[str]:
        return [sign for sign in some if sign.isalnum()]

    assert letters(perturb.without_punctuation(text, Random(seed))) == letters(text)


@settings(max_examples=100)
@given(text=CLEANED, seed=SEEDS)
def test_names_are_swapped_for_others_of_their_kind_and_nothing_else(text: str, seed: int) -> None:
    changed = perturb.with_other_names(text, Random(seed))
    kinds = {name: place for place, kind in enumerate(lexicon.NAMES) for name in kind}
    pattern = re.compile(rf"\b({'|'.join(kinds)})\b")
    assert pattern.sub("*", changed) == pattern.sub("*", text)
    before, after = pattern.findall(text), pattern.findall(changed)
    assert [kinds[name] for name in before] == [kinds[name] for name in after]
    assert not set(before) & set(after)
    assert len(set(zip(before, after, strict=True))) == len(set(before))


@settings(max_examples=60)
@given(text=CLEANED, seed=SEEDS)
def test_what_is_added_leaves_the_text_whole(text: str, seed: int) -> None:
    for change in (perturb.with_emoji, perturb.with_irrelevant_sentence):
        changed = change(text, Random(seed))
        assert text in changed
        assert len(changed) > len(text)
    assert perturb.repeated(text, Random(seed)) == f"{text} {text}"
    words = text.split()
    kept = perturb.shortened(text, Random(seed)).split()
    assert kept == words[: len(kept)]
    assert len(kept) >= 0.6 * len(words)


def test_the_lexicons_do_not_contradict_themselves() -> None:
    assert not set(lexicon.PRAISE) & set(lexicon.BLAME)
    judging = re.compile("|".join([*lexicon.PRAISE, *lexicon.BLAME]), re.IGNORECASE)
    assert not any(judging.search(sentence) for sentence in lexicon.IRRELEVANT)
    assert not set(lexicon.NAMES[0]) & set(lexicon.NAMES[1])
    for template in (*lexicon.PLAIN_TEMPLATES, *lexicon.NEGATED_TEMPLATES):
        assert " a {word}" not in template  # "a awful film"
