from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.config import TextConfig
from plaudit.errors import ConfigError
from plaudit.text.policy import head, head_tail, kept, pieces, tail, windows

IDS = list(range(100))


def test_head_keeps_the_first_tokens() -> None:
    assert head(IDS, 3) == [0, 1, 2]


def test_tail_keeps_the_last_tokens() -> None:
    assert tail(IDS, 3) == [97, 98, 99]


def test_head_tail_keeps_the_last_tokens() -> None:
    kept = head_tail(IDS, 8, head_fraction=0.25)
    assert kept == [0, 1, 94, 95, 96, 97, 98, 99]


@pytest.mark.parametrize("policy", ["head", "tail", "head_tail", "windows"])
def test_a_text_that_fits_is_left_alone(policy: str) -> None:
    config = TextConfig(policy=policy, max_tokens=16, stride=2)
    assert pieces(IDS[:10], 10, config) == [IDS[:10]]


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
def test_head_tail_always_has_both_ends(fraction: float) -> None:
    kept = head_tail(IDS, 5, fraction)
    assert len(kept) == 5
    assert kept[0] == 0
    assert kept[-1] == 99


def test_head_tail_refuses_a_limit_without_room() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        head_tail(IDS, 1)


@given(
    length=st.integers(0, 400), limit=st.integers(4, 60), stride=st.integers(0, 3),
)  # fmt: skip
def test_windows_lose_no_token_and_overlap_by_the_stride(
    length: int, limit: int, stride: int
) -> None:
    ids = list(range(length))
    parts = windows(ids, limit, stride, most=10_000)
    assert sorted({token for part in parts for token in part}) == ids
    assert all(len(part) <= limit for part in parts)
    for left, right in pairwise(parts[:-1]):
        assert left[len(left) - stride :] == right[:stride]


def test_windows_are_capped_but_the_last_ends_with_the_text() -> None:
    parts = windows(IDS, 10, 2, most=3)
    assert len(parts) == 3
    assert parts[0][0] == 0
    assert parts[-1][-1] == 99


def test_one_window_is_the_end_of_the_text() -> None:
    assert windows(IDS, 10, 2, most=1) == [IDS[-10:]]


def test_a_stride_without_a_step_forward_is_refused() -> None:
    with pytest.raises(ConfigError, match="stride"):
        windows(IDS, 10, 10)


@given(
    length=st.integers(0, 300),
    limit=st.integers(4, 40),
    stride=st.integers(0, 3),
    most=st.integers(1, 6),
    policy=st.sampled_from(["head", "tail", "head_tail", "windows"]),
)
def test_kept_counts_the_distinct_tokens_of_all_pieces(
    length: int, limit: int, stride: int, most: int, policy: str
) -> None:
    config = TextConfig(policy=policy, stride=stride, max_windows=most)  # type: ignore[arg-type]
    parts = pieces(list(range(length)), limit, config)
    assert kept(length, limit, config) == len({token for part in parts for token in part})
