"""A few labelled rows, and labels for the others from a few words of each class."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from plaudit.config import Config, CotrainConfig, SplitConfig, check, load
from plaudit.data.cleaned import Rows
from plaudit.data.cotrain import cotrain
from plaudit.data.few import keep_few
from plaudit.data.fingerprint import fingerprints
from plaudit.data.prepare import Prepared, prepare
from plaudit.data.records import Order
from plaudit.data.split import Division, divide
from plaudit.errors import ConfigError, DataError

THEMES = {
    "sport": ("goal", "match", "team", "striker", "referee", "stadium"),
    "food": ("soup", "bread", "cook", "kitchen", "butter", "oven"),
    "music": ("song", "band", "guitar", "concert", "drummer", "melody"),
}
FILLER = ("the", "a", "and", "was", "very", "it", "then", "of", "we", "saw")
WORDS = {"sport": ["goal"], "food": ["soup"], "music": ["song"]}


def rows_of(count: int, seed: int = 0) -> Rows:
    random_ = random.Random(seed)
    texts, targets = [], []
    for n in range(count):
        label = n % len(THEMES)
        own = random_.choices(list(THEMES.values())[label], k=3)
        texts.append(" ".join([f"n{seed}x{n}", *random_.choices(FILLER, k=8), *own]))
        targets.append(label)
    origins = [f"made:{n}" for n in range(count)]
    return Rows(texts, np.array(targets), origins, fingerprints(texts))


def cotrained(**settings: object) -> tuple[Rows, Rows]:
    few, many = rows_of(6, seed=1), rows_of(300)
    config = CotrainConfig(**{"words": WORDS, "texts": 40, "confident": 0.6, **settings})  # type: ignore[arg-type]
    hidden = Rows(many.texts, np.zeros_like(many.targets_N), many.origins, many.prints_N)
    found, _ = cotrain(few, hidden, tuple(THEMES), config, seed=0)
    return found, many


def truth(found: Rows, many: Rows) -> np.ndarray:
    known = dict(zip(many.texts, many.targets_N.tolist(), strict=True))
    return np.array([known[text] for text in found.texts])


def test_one_word_a_class_labels_texts_that_do_not_hold_it() -> None:
    found, many = cotrained()
    assert Counter(found.targets_N.tolist()) == {0: 40, 1: 40, 2: 40}
    assert (found.targets_N == truth(found, many)).mean() > 0.97
    without = [t for t in found.texts if not {"goal", "soup", "song"} & set(t.split())]
    assert len(without) > 10


def test_words_of_the_wrong_class_label_wrongly() -> None:
    """Or the labels would come from elsewhere."""
    found, many = cotrained(words={"sport": ["soup"], "food": ["goal"], "music": ["song"]})
    right = found.targets_N == truth(found, many)
    assert right[found.targets_N == 2].mean() > 0.9
    assert right[found.targets_N < 2].mean() < 0.1


def test_fewer_confident_texts_leave_fewer_to_draw_from() -> None:
    assert Counter(cotrained(confident=0.1)[0].targets_N.tolist()) == {0: 10, 1: 10, 2: 10}


def test_words_are_needed_of_each_label() -> None:
    with pytest.raises(
        ConfigError, match=r"names words of 'sport'; the labels are 'sport', 'food'"
    ):
        cotrained(words={"sport": ["goal"]})
    with pytest.raises(DataError, match="the words of 'food' stand for it in fewer than two"):
        cotrained(words=WORDS | {"food": ["sushi"]})
    with pytest.raises(ConfigError, match="'goal' stands for more than one label"):
        cotrained(words=WORDS | {"sport": ["goal"], "food": ["Goal", "soup"]})


def test_words_without_unlabelled_texts_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"set split\.per_class"):
        check(load(None, ['cotrain.words={"a" = ["b"]}']))
    with pytest.raises(ConfigError, match=r"split\.per_class and split\.train_size both"):
        check(load(None, ["split.per_class=4", "split.train_size=10"]))


def divided(order: Order, seed: int, per_class: int | None = None) -> tuple[Division, Rows]:
    rows = rows_of(90)
    sizes = SplitConfig(test_size=12, validation_size=9)
    division = divide(rows.prints_N, rows.targets_N, sizes, seed=seed, order=order)
    if per_class is None:
        return division, rows
    barred = np.zeros(90, dtype=bool)
    return keep_few(division, per_class, seed, rows, names=list(THEMES), barred_N=barred), rows


@pytest.mark.parametrize("order", ["any", "blocks"])
def test_as_many_of_each_class_are_drawn_by_the_seed(order: str) -> None:
    division, rows = divided(order, 0, per_class=5)
    assert Counter(rows.targets_N[division.train].tolist()) == {0: 5, 1: 5, 2: 5}
    whole, _ = divided(order, 0)
    assert set(division.train) | set(division.spare) == set(whole.train)
    assert not set(division.train) & set(division.spare)
    np.testing.assert_array_equal(division.test, whole.test)
    np.testing.assert_array_equal(division.train, divided(order, 0, per_class=5)[0].train)
    assert set(division.train) != set(divided(order, 1, per_class=5)[0].train)
    assert set(division.train) < set(divided(order, 0, per_class=6)[0].train)


def test_fewer_texts_of_a_class_than_asked_for_are_named() -> None:
    found = (
        r"split\.per_class is 24, .* sport has 23, food has 23, music has 23\. Set it to 23 or less"
    )
    with pytest.raises(DataError, match=found):
        divided("any", 0, per_class=24)
    division, rows = divided("any", 0, per_class=23)
    assert np.bincount(rows.targets_N[division.train]).tolist() == [23, 23, 23]


def test_few_are_counted_without_what_will_be_left_out(tmp_path: Path) -> None:
    """Else fewer would be trained on than were asked for, and nobody told."""
    found, _ = prepared(tmp_path, "split.test_size=30", "split.validation_size=15")
    few = found.train.texts[: 3 * 4]
    barred = tmp_path / "barred.csv"
    barred.write_text("\n".join(["text", *few[:5]]), encoding="utf-8")
    validation = tmp_path / "validation.csv"
    validation.write_text("\n".join(["text,label", *(f"{text},sport" for text in few[5:8])]))
    for more in (f"data.exclude={barred}", f"data.validation={validation}"):
        other, _ = prepared(tmp_path, "split.test_size=30", "split.validation_size=15", more)
        assert Counter(other.train.targets_N[: 3 * 4].tolist()) == {0: 4, 1: 4, 2: 4}
        gone = few[:5] if "exclude" in more else few[5:8]
        assert not set(gone) & set(other.train.texts)


def prepared(tmp_path: Path, *more: str) -> tuple[Prepared, Config]:
    rows = rows_of(150)
    table = [f"{text},{list(THEMES)[target]}" for text, target in zip(rows.texts, rows.targets_N)]  # noqa: B905
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *table]), encoding="utf-8")
    words = ", ".join(f'"{label}" = ["{word[0]}"]' for label, word in WORDS.items())
    config = load(
        None,
        [f"data.train={tmp_path}/data.csv", "split.per_class=4", f"cotrain.words={{{words}}}",
         "cotrain.texts=10", *more],
    )  # fmt: skip
    return prepare(config, lambda line: None), config


def test_no_text_of_another_part_is_given_a_label(tmp_path: Path) -> None:
    found, _ = prepared(tmp_path, "split.test_size=30", "split.validation_size=15")
    assert len(found.train) == 3 * (4 + 10)
    assert found.cotrained is not None
    assert (found.cotrained.rows, found.cotrained.unlabelled) == (30, 150 - 30 - 15 - 12)
    assert found.test is not None
    found.test.release()
    others = np.concatenate([found.validation.prints_N, found.test.open().prints_N])
    assert not np.isin(found.train.prints_N, others).any()
    assert len(np.unique(found.train.prints_N)) == len(found.train)


def test_excluded_texts_are_not_given_a_label(tmp_path: Path) -> None:
    rows = rows_of(150)
    (tmp_path / "unwanted.csv").write_text("\n".join(["text", *rows.texts[::2]]), encoding="utf-8")
    found, _ = prepared(tmp_path, f"data.exclude={tmp_path}/unwanted.csv", "cotrain.confident=1")
    assert not set(found.train.texts) & set(rows.texts[::2])


def test_where_classes_are_unequal_a_text_is_still_given_one_label() -> None:
    few, many = rows_of(6, seed=1), rows_of(600)
    kept = np.flatnonzero((many.targets_N == 0) | (np.arange(600) % 9 < 3))
    unequal = many.take(kept)
    config = CotrainConfig(words=WORDS, texts=600, confident=1.0)
    found, _ = cotrain(few, unequal, tuple(THEMES), config, seed=0)
    assert max(Counter(found.texts).values()) == 1
    assert len(found) > 250


@pytest.mark.parametrize("word", ["don't", "well-made", "waste of time", ""])
def test_what_can_be_no_word_of_a_text_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match=r"is not one word of letters and digits"):
        cotrained(words=WORDS | {"food": ["soup", word]})


def test_texts_that_share_no_other_word_are_refused() -> None:
    texts = [f"{group[0]} q{n}x{label}" for n in range(4) for label, group in WORDS.items()]
    rows = Rows(texts, np.arange(12) % 3, [str(n) for n in range(12)], fingerprints(texts))
    own = ["one", "two", "three"]
    few = Rows(own, np.arange(3), own, fingerprints(own))
    with pytest.raises(DataError, match="no word stands in two and in fewer than half"):
        cotrain(few, rows, tuple(THEMES), CotrainConfig(words=WORDS), seed=0)
