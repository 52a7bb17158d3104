from __future__ import annotations

import numpy as np
import pytest
import torch

from plaudit.text.packing import PackedLoader, pack
from plaudit.text.sampling import TokenBudgetSampler
from tests.text.test_batches import encoded, random_lengths


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_text_is_packed_once_within_the_budget_of_real_tokens(shuffle: bool) -> None:
    data = encoded(random_lengths())
    sampler = TokenBudgetSampler(data, 4096, shuffle=shuffle, packed=True)
    batches = list(sampler)
    assert sorted(n for batch in batches for n in batch) == list(range(len(data)))
    tokens = [int(data.longest_N()[batch].sum()) for batch in batches]
    assert max(tokens) <= 4096
    assert min(tokens[:-1]) > 4096 - 512
    assert len(sampler) == len(batches)


def test_windows_count_with_all_their_tokens() -> None:
    data = encoded([5, 5, 5, 5], pieces=[1, 3, 1, 1])
    assert TokenBudgetSampler(data, 15, packed=True).batches() == [[0], [1], [2, 3]]


def test_a_text_beyond_the_budget_has_a_row_of_its_own() -> None:
    assert TokenBudgetSampler(encoded([5, 50, 5, 5]), 20, packed=True).batches() == [
        [0],
        [1],
        [2, 3],
    ]


def test_packed_batches_by_examples() -> None:
    batches = TokenBudgetSampler(encoded([5] * 10), 8, batch_examples=4, packed=True).batches()
    assert [len(b) for b in batches] == [4, 4, 2]


def test_same_seed_and_epoch_same_rows_else_others() -> None:
    data = encoded(random_lengths(500))

    def batches(seed: int, epoch: int) -> list[list[int]]:
        sampler = TokenBudgetSampler(data, 2048, shuffle=True, seed=seed, packed=True)
        sampler.epoch = epoch
        return sampler.batches()

    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 2) != batches(1, 3)
    assert batches(1, 2) != batches(2, 2)


def test_a_packed_row_holds_its_texts_and_nothing_else() -> None:
    data = encoded([3, 2, 4], pieces=[1, 2, 1])
    batch = pack(data, [2, 1], np.array([7, 8, 9]))
    assert batch.ids_1S.tolist() == [[1, 2, 3, 4, 1, 2, 1, 2]]
    assert batch.spans.bounds_P1.tolist() == [0, 4, 6, 8]
    assert batch.spans.bounds_P1.dtype == torch.int32
    assert (batch.spans.longest, batch.spans.texts, batch.tokens) == (4, 2, 8)
    assert batch.owner_P.tolist() == [0, 1, 1]
    assert batch.rows_B.tolist() == [2, 1]
    assert batch.labels_B is not None
    assert batch.labels_B.tolist() == [9, 8]


def test_the_loader_follows_its_sampler_into_the_next_epoch() -> None:
    data = encoded(random_lengths(50))
    sampler = TokenBudgetSampler(data, 1024, shuffle=True, packed=True)
    loader = PackedLoader(data, None, sampler)
    first = [batch.rows_B.tolist() for batch in loader]
    sampler.epoch = 1
    second = [batch.rows_B.tolist() for batch in loader]
    assert first != second == sampler.batches()
    assert next(iter(loader)).labels_B is None
