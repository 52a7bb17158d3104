from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.config import CleanConfig, SplitConfig
from plaudit.data.fingerprint import fingerprints
from plaudit.data.prepare import held_out
from plaudit.data.quotas import fill, quotas
from plaudit.data.records import Order
from plaudit.data.sealed import Sealed
from plaudit.data.sources import read, resolve
from plaudit.data.split import Division, Ints, Prints, divide
from plaudit.errors import ConfigError, DataError, PlauditError

SIZES = SplitConfig(test_size=0.2, validation_size=0.1)


def reviews(texts: int, *, labels: int = 2, copies: int = 1) -> tuple[Prints, Ints]:
    """Distinct texts, each ``copies`` times in a row, labels in blocks as IMDB has them."""
    numbers = np.repeat(np.arange(texts), copies)
    prints = fingerprints(f"review {number}" for number in numbers)
    return prints, np.asarray(numbers * labels // texts)


def parts(division: Division) -> tuple[Ints, Ints, Ints]:
    return division.train, division.validation, division.test


def texts_of(prints: Prints, division: Division) -> list[set[int]]:
    return [set(prints[rows].tolist()) for rows in parts(division)]


ROWS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2)), min_size=40, max_size=150)


@given(ROWS, st.sampled_from(["any", "blocks"]), st.integers(0, 5))
def test_no_text_ever_stands_in_two_parts(
    rows: list[tuple[int, int]], order: Order, seed: int
) -> None:
    prints = fingerprints(f"{text}" for text, _ in rows)
    targets = np.array([label for _, label in rows])
    try:
        division = divide(prints, targets, SIZES, seed=seed, order=order)
    except DataError:
        return
    train, validation, test = texts_of(prints, division)
    assert not train & validation
    assert not train & test
    assert not validation & test
    for rows_of_part in parts(division):
        assert rows_of_part.dtype == np.int64
        assert (np.diff(rows_of_part) > 0).all()
    placed = sum(map(len, parts(division)))
    assert placed == len(rows) - (division.duplicates if order == "blocks" else 0)


@given(ROWS, st.randoms(use_true_random=False), st.integers(0, 2**32 - 1), st.booleans())
def test_the_order_of_rows_does_not_matter(
    rows: list[tuple[int, int]], random: object, seed: int, capped: bool
) -> None:
    sizes = SIZES.model_copy(update={"train_size": 0.3 if capped else None})
    results: list[tuple[list[set[int]], int] | None] = []
    for _ in range(2):
        prints = fingerprints(f"{text}" for text, _ in rows)
        targets = np.array([label for _, label in rows])
        try:
            division = divide(prints, targets, sizes, seed=seed, order="any")
        except DataError:
            results.append(None)
        else:
            results.append((texts_of(prints, division), division.duplicates))
        random.shuffle(rows)  # type: ignore[attr-defined]
    assert results[0] == results[1]


def test_sizes_are_exact_and_stratified() -> None:
    prints, targets = reviews(1000)
    targets = (np.arange(1000) < 300).astype(np.int64)
    for order in ("any", "blocks"):
        sizes = SplitConfig(train_size=333, validation_size=0.05, test_size=101)
        division = divide(prints, targets, sizes, seed=0, order=order)
        assert [len(rows) for rows in parts(division)] == [333, 50, 101]
        assert [int(targets[rows].sum()) for rows in parts(division)] == [100, 15, 30]


def test_none_is_none_and_the_rest_is_train() -> None:
    prints, targets = reviews(10)
    sizes = SplitConfig(validation_size=0, test_size=0.0)
    for order in ("any", "blocks"):
        division = divide(prints, targets, sizes, seed=0, order=order)
        assert [len(rows) for rows in parts(division)] == [10, 0, 0]


def test_a_cap_above_what_is_left_takes_what_is_left() -> None:
    prints, targets = reviews(100)
    sizes = SplitConfig(train_size=95, validation_size=0.1, test_size=0.1)
    for order in ("any", "blocks"):
        assert len(divide(prints, targets, sizes, seed=0, order=order).train) == 80


def test_the_seed_draws_another_test_set_and_the_same_seed_the_same() -> None:
    prints, targets = reviews(200)
    first, again, other = (
        divide(prints, targets, SIZES, seed=seed, order="any").test for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist()
    # 40 of 200 drawn twice by chance share 8; a seed that only moved an offset would share 40.
    assert len(np.intersect1d(first, other)) < 20


def test_a_draw_is_the_same_on_every_machine_and_in_every_version() -> None:
    prints, targets = reviews(40)
    division = divide(prints, targets, SIZES, seed=0, order="any")
    assert division.test.tolist() == [10, 13, 15, 17, 25, 29, 31, 34]
    assert division.validation.tolist() == [9, 12, 20, 23]


def test_test_rows_stay_when_the_other_sizes_change_and_smaller_caps_nest() -> None:
    prints, targets = reviews(300)
    tests, trains = [], []
    for cap in (20, 50, None):
        sizes = SplitConfig(train_size=cap, validation_size=0.05 if cap else 0.2, test_size=0.2)
        division = divide(prints, targets, sizes, seed=3, order="any")
        tests.append(division.test.tolist())
        trains.append(set(division.train.tolist()))
    assert tests[0] == tests[1] == tests[2]
    assert trains[0] < trains[1]


def test_equal_texts_move_together_and_are_counted() -> None:
    prints, targets = reviews(50, copies=3)
    division = divide(prints, targets, SplitConfig(test_size=31), seed=0, order="any")
    assert division.duplicates == 100
    # Groups of three, 15 or 16 rows of each label: five groups of each come nearest.
    assert len(division.test) == 30
    assert all(np.sum(prints[division.test] == text) == 3 for text in prints[division.test])


def test_equal_texts_with_different_labels_are_one_group() -> None:
    prints, targets = reviews(100)
    prints, targets = np.tile(prints, 2), np.concatenate([targets, 1 - targets])
    division = divide(prints, targets, SIZES, seed=0, order="any")
    train, validation, test = texts_of(prints, division)
    assert len(train) + len(validation) + len(test) == 100
    assert len(division.test) == 2 * len(test)


def test_blocks_are_contiguous_with_test_last_whatever_the_seed() -> None:
    prints, targets = reviews(100)
    for seed in (0, 7):
        division = divide(prints, targets, SIZES, seed=seed, order="blocks")
        assert division.test.tolist() == [*range(40, 50), *range(90, 100)]
        assert division.validation.tolist() == [*range(35, 40), *range(85, 90)]
        assert division.train.tolist() == [*range(35), *range(50, 85)]
        assert division.duplicates == 0


def test_blocks_drop_a_duplicate_from_train_first_then_from_validation() -> None:
    prints, targets = reviews(100)
    prints[0] = prints[37]  # train = validation
    prints[1] = prints[95]  # train = test, under the other label
    prints[36] = prints[40]  # validation = test
    prints[2] = prints[3]  # both in train: stay
    division = divide(prints, targets, SIZES, seed=0, order="blocks")
    assert division.duplicates == 3
    assert {0, 1}.isdisjoint(division.train)
    assert {2, 3} <= set(division.train)
    assert 36 not in division.validation
    assert 37 in division.validation
    assert {40, 95} <= set(division.test)


def test_a_train_row_that_equals_a_dropped_validation_row_is_dropped_too() -> None:
    prints, targets = reviews(100)
    prints[0] = prints[36] = prints[40]
    division = divide(prints, targets, SIZES, seed=0, order="blocks")
    assert division.duplicates == 2
    assert 0 not in division.train


def test_a_cap_on_blocks_takes_rows_spread_over_the_whole_block() -> None:
    prints, targets = reviews(1000)
    sizes = SIZES.model_copy(update={"train_size": 70})
    train = divide(prints, targets, sizes, seed=0, order="blocks").train
    assert train.tolist() == [*range(0, 350, 10), *range(500, 850, 10)]


@pytest.mark.parametrize("order", ["any", "blocks"])
def test_a_rare_label_stands_in_every_part(order: Order) -> None:
    prints, _ = reviews(1000)
    targets = np.zeros(1000, dtype=np.int64)
    targets[[100, 500, 900]] = 1
    division = divide(prints, targets, SplitConfig(), seed=0, order=order)
    assert [int(targets[rows].sum()) for rows in parts(division)] == [1, 1, 1]
    assert [len(rows) for rows in parts(division)] == [850, 50, 100]


@pytest.mark.parametrize("order", ["any", "blocks"])
def test_a_label_with_too_few_rows_is_named_with_its_numbers(order: Order) -> None:
    prints, _ = reviews(1000)
    targets = np.zeros(1000, dtype=np.int64)
    targets[[100, 500]] = 1
    with pytest.raises(DataError, match=r"label 'bad' has 2 of 1,000 rows.*left for train"):
        divide(prints, targets, SplitConfig(), seed=0, order=order, labels=("good", "bad"))
    with pytest.raises(DataError, match=r"label 1 has 2"):
        divide(prints, targets, SplitConfig(), seed=0, order=order)


def test_a_label_of_one_text_cannot_be_divided() -> None:
    prints, targets = reviews(100)
    prints[50:] = prints[50]
    with pytest.raises(DataError, match="same text stay together"):
        divide(prints, targets, SIZES, seed=0, order="any")


@pytest.mark.parametrize(
    ("sizes", "messages"),
    [
        ({"test_size": 60, "validation_size": 40}, ["take 100 of 100 rows"]),
        ({"test_size": 0.5, "validation_size": 0.5}, ["take 100 of 100 rows"]),
        ({"test_size": 1}, ["split.test_size = 1 is 1 of 100 rows, too few for 2 labels"]),
        ({"validation_size": 0.001}, ["split.validation_size = 0.001 is 0 of 100 rows"]),
        ({"train_size": 0}, ["split.train_size = 0 leaves nothing"]),
        ({"train_size": 1, "test_size": 500}, ["split.train_size = 1 is 1", "take 505 of 100"]),
    ],
)
def test_sizes_that_do_not_fit_are_all_named(sizes: dict[str, float], messages: list[str]) -> None:
    prints, targets = reviews(100)
    with pytest.raises(ConfigError) as caught:
        divide(prints, targets, SplitConfig(**sizes), seed=0, order="any")
    assert len(caught.value.problems) == len(messages)
    for message in messages:
        assert message in str(caught.value)


def test_no_rows_is_an_error() -> None:
    nothing = np.array([], dtype=np.int64)
    with pytest.raises(DataError, match="no rows"):
        divide(nothing.astype(np.uint64), nothing, SplitConfig(), seed=0, order="any")


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.integers(0, 500))
def test_quotas_add_up_and_stay_in_proportion(counts: list[int], total: int) -> None:
    counts_L = np.array(counts)
    shared_L = quotas(counts_L, total)
    total = min(total, sum(counts))
    assert shared_L.sum() == total
    assert (shared_L <= counts_L).all()
    if total >= np.count_nonzero(counts_L):
        assert (shared_L[counts_L > 0] > 0).all()
    above = shared_L - total * counts_L / max(sum(counts), 1)
    assert above.max() < 1 or (shared_L[above >= 1] == 1).all()


@pytest.mark.parametrize(
    ("sizes", "quota", "chosen"),
    [
        ([1, 1, 1, 1], 2, [0, 1]),
        ([1, 3, 1, 1], 3, [0, 2, 3]),
        ([3, 3, 3], 5, [0, 1]),
        ([3, 3, 3], 4, [0]),
        ([9, 7, 8], 2, [1]),
        ([2, 9], 3, [0]),
        ([2, 2], 0, []),
        ([], 3, []),
    ],
)
def test_groups_fill_a_quota_as_nearly_as_they_can(
    sizes: list[int], quota: int, chosen: list[int]
) -> None:
    assert fill(np.array(sizes, dtype=np.int64), quota) == chosen


def test_sealed_data_cannot_be_read_before_training_has_ended() -> None:
    reads: list[str] = []
    sealed = Sealed(lambda: reads.append("read"))
    with pytest.raises(PlauditError, match="before training had ended"):
        sealed.open()
    assert not reads
    assert (sealed.released_at, sealed.opened_at) == (None, None)


def test_sealed_data_says_when_training_ended_and_when_it_was_first_read() -> None:
    sealed = Sealed(lambda: "rows")
    sealed.release()
    before = sealed.opened_at
    assert before is None
    assert sealed.open() == "rows"
    released, opened = map(
        datetime.fromisoformat, (sealed.released_at or "", sealed.opened_at or "")
    )
    assert released <= opened
    assert released.utcoffset() is not None


def test_only_the_first_times_count(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter("1234")
    monkeypatch.setattr("plaudit.data.sealed._now", lambda: next(times))
    sealed = Sealed(lambda: "rows")
    for _ in range(2):
        sealed.release()
        sealed.open()
    assert (sealed.released_at, sealed.opened_at) == ("1", "2")


def test_a_reading_that_fails_has_still_begun() -> None:
    sealed = Sealed(lambda: float("broken"))
    sealed.release()
    with pytest.raises(ValueError, match="broken"):
        sealed.open()
    assert isinstance(sealed.opened_at, str)


def test_what_was_held_out_is_found_again_whatever_was_kept_to_train_on(tmp_path: Path) -> None:
    """Also by a model of the days when too few texts of a class were no mistake."""
    rows = [f"review {n},{('bad', 'good')[n % 2]}" for n in range(80)]
    (tmp_path / "r.csv").write_text("\n".join(["text,label", *rows]))
    corpus = read(resolve(str(tmp_path / "r.csv")), None)
    found = held_out(corpus, CleanConfig(), SplitConfig(per_class=999), 0)
    assert found.texts == held_out(corpus, CleanConfig(), SplitConfig(), 0).texts
    assert len(found) == 8
