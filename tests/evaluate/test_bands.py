from __future__ import annotations

import numpy as np
import pytest

from plaudit.evaluate import bands


def counted(groups):
    return dict(zip(groups.names, np.bincount(groups.group_N).tolist(), strict=True))


def test_lengths_fall_into_about_equal_bands_with_round_edges():
    words = np.random.default_rng(0).lognormal(5.2, 0.6, 1000).astype(np.int64)
    sizes = counted(bands.lengths(words))

    assert list(sizes) == ["up to 120", "121 to 170", "171 to 260", "over 260"]
    assert min(sizes.values()) > 200


def test_each_row_is_in_the_band_that_its_name_says():
    words = np.array([8] * 30 + [9] * 30 + [10] * 40 + [40] * 20)

    assert counted(bands.lengths(words)) == {"up to 9": 60, "10": 40, "over 10": 20}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([5] * 200, ("all",)),
        ([1, 2, 3, 4], ("all",)),
        (list(range(60)), ("up to 30", "over 30")),
        ([5] * 190 + [6] * 10, ("up to 5", "over 5")),
    ],
)
def test_few_or_equal_lengths_make_fewer_bands(words, names):
    assert bands.lengths(np.array(words)).names == names


def test_confidences_are_cut_at_fixed_edges_and_empty_bands_left_out():
    groups = bands.confidences(np.array([0.5, 0.599, 0.6, 0.9, 0.99, 1.0]))

    assert counted(groups) == {
        "below 60%": 2, "60% to 80%": 1, "90% to 95%": 1, "99% and more": 2,
    }  # fmt: skip


def test_a_few_numbers_are_shown_in_their_order_each_by_itself():
    assert bands.values(["10", "2", "2", "1"]).names == ("1", "2", "10")


def test_many_numbers_are_put_into_bands():
    groups = bands.values([str(n / 2) for n in range(200)] + [None])

    assert groups.names == ("up to 25", "over 25 to 50", "over 50 to 75", "over 75", "(none)")
    assert counted(groups)["(none)"] == 1
    assert counted(groups)["up to 25"] == 51


def test_endless_numbers_stand_in_the_outermost_bands():
    plain = counted(bands.values([str(n) for n in range(200)]))
    found = counted(bands.values([*(str(n) for n in range(200)), "inf", "-inf"]))
    assert list(found) == list(plain)
    first, *_, last = plain
    assert {name: found[name] - plain[name] for name in (first, last)} == {first: 1, last: 1}


def test_what_stands_for_no_number_among_numbers_is_no_value():
    found = counted(bands.values([*(str(n) for n in range(200)), "nan", "NaN"]))
    assert found == counted(bands.values([*(str(n) for n in range(200)), None, None]))
    assert bands.values(["nan", "naan", "1"]).names == ("1", "naan", "nan")


def test_names_that_python_would_read_as_numbers_are_names():
    names = bands.values([f"2024_{n:02}" for n in range(1, 31)]).names
    assert names[:2] == ("2024_01", "2024_02")


def test_years_are_cut_between_years_and_have_no_thousands():
    sizes = counted(bands.values([str(1998 + n % 26) for n in range(260)]))
    assert len(sizes) == 4
    assert min(sizes.values()) >= 50
    assert next(iter(sizes)) == "up to 2004"
    odd = counted(bands.values([str(1998 + n % 26) for n in range(260)] + ["0", "9999"]))
    assert list(odd)[:2] == ["up to 2004", "2005 to 2010"]
    large = counted(bands.values([str(1_000_000 + n) for n in range(200)]))
    assert len(large) == 4
    assert min(large.values()) >= 40


def test_words_are_ordered_by_how_often_they_occur_and_the_rest_put_together():
    column = ["common"] * 5 + [f"word{n:02}" for n in range(30)] + [None] * 2
    sizes = counted(bands.values(column))

    assert list(sizes)[:2] == ["common", "word00"]
    assert list(sizes)[-2:] == ["12 other values", "(none)"]
    assert (sizes["12 other values"], sizes["(none)"]) == (12, 2)
    assert sum(sizes.values()) == len(column)


def test_a_column_without_any_value_is_one_group():
    assert bands.values([None, None]).names == ("(none)",)
    assert counted(bands.values(["(none)", "x", None, "(none)"])) == {
        "'(none)'": 2,
        "x": 1,
        "(none)": 1,
    }
