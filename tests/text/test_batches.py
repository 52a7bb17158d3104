from __future__ import annotations

import numpy as np
import pytest
import torch

from plaudit.text.batches import batch_of
from plaudit.text.dataset import ReviewDataset, collate, dataloader
from plaudit.text.encoded import Encoded
from plaudit.text.sampling import TokenBudgetSampler


def encoded(lengths: list[int], pieces: list[int] | None = None) -> Encoded:
    """Make texts whose ids are 1, 2, 3, …; ``pieces`` says how many pieces each text has."""
    pieces = pieces or [1] * len(lengths)
    flat = [length for length, count in zip(lengths, pieces, strict=True) for _ in range(count)]
    ids = np.concatenate([np.arange(1, length + 1) for length in flat]).astype(np.int32)
    return Encoded(
        ids,
        np.concatenate([[0], np.cumsum(flat)]),
        np.concatenate([[0], np.cumsum(pieces)]),
        np.asarray(lengths),
        np.asarray(lengths),
    )


def random_lengths(n: int = 4000) -> list[int]:
    """Draw lengths about as IMDB's at 512 tokens: log-normal, cut."""
    draw = np.random.default_rng(0).lognormal(5.45, 0.6, n)
    return np.clip(draw, 12, 512).astype(int).tolist()


def test_mask_marks_real_tokens_and_padding_has_the_pad_id() -> None:
    data = ReviewDataset(encoded([2, 4]), np.array([1, 0]))
    batch = collate([data[0], data[1]], pad_id=9)
    assert batch.ids_PT.tolist() == [[1, 2, 9, 9], [1, 2, 3, 4]]
    assert batch.mask_PT.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert batch.labels_B is not None
    assert batch.labels_B.tolist() == [1, 0]
    assert batch.tokens == 6


def test_windows_of_a_text_stay_together_and_know_their_owner() -> None:
    data = ReviewDataset(encoded([3, 2], pieces=[1, 3]))
    batch = collate([data[0], data[1]])
    assert batch.owner_P.tolist() == [0, 1, 1, 1]
    assert batch.ids_PT.shape == (4, 3)
    assert batch.labels_B is None


@pytest.mark.parametrize("rows", [[0], [3], [2, 0], [1, 3, 2], [3, 2, 1, 0]])
def test_a_batch_straight_from_the_arrays_is_the_collated_one(rows: list[int]) -> None:
    texts = encoded([3, 7, 2, 5], pieces=[1, 3, 1, 2])
    data = ReviewDataset(texts)
    own, expected = batch_of(texts, rows, pad_id=9), collate([data[n] for n in rows], pad_id=9)
    for name in ("ids_PT", "mask_PT", "owner_P", "rows_B"):
        tensor = getattr(own, name)
        assert tensor.dtype == torch.int64
        assert tensor.tolist() == getattr(expected, name).tolist()
    assert own.tokens == expected.tokens
    assert own.labels_B is expected.labels_B is None


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_text_is_seen_once_within_the_budget(shuffle: bool) -> None:
    data = encoded(random_lengths())
    sampler = TokenBudgetSampler(data, 4096, shuffle=shuffle)
    batches = sampler.batches()
    assert sorted(n for batch in batches for n in batch) == list(range(len(data)))
    longest = data.longest_N()
    assert max(len(b) * longest[b].max() for b in batches) <= 4096
    assert len(sampler) == len(batches)


def test_padding_is_under_three_percent_and_batches_are_well_filled() -> None:
    data = encoded(random_lengths())
    batches = TokenBudgetSampler(data, 6144, shuffle=True).batches()
    longest = data.longest_N()
    padded = sum(len(b) * longest[b].max() for b in batches)
    assert 1 - longest.sum() / padded < 0.03
    assert padded / (len(batches) * 6144) > 0.9


def test_a_text_beyond_the_budget_has_a_batch_of_its_own() -> None:
    assert [2] in TokenBudgetSampler(encoded([5, 5, 50]), 20).batches()


def test_batches_by_examples() -> None:
    batches = TokenBudgetSampler(encoded([5] * 10), 8, batch_examples=4).batches()
    assert [len(b) for b in batches] == [4, 4, 2]


def test_same_seed_and_epoch_same_batches_else_others() -> None:
    data = encoded(random_lengths(500))

    def batches(seed: int, epoch: int) -> list[list[int]]:
        sampler = TokenBudgetSampler(data, 2048, shuffle=True, seed=seed)
        sampler.epoch = epoch
        return sampler.batches()

    assert batches(1, 2) == batches(1, 2)
    assert batches(1, 2) != batches(1, 3)
    assert batches(1, 2) != batches(2, 2)


def test_shuffled_batches_do_not_come_longest_first() -> None:
    data = encoded(random_lengths())
    widths = [data.longest_N()[b].max() for b in TokenBudgetSampler(data, 4096, shuffle=True)]
    assert abs(np.corrcoef(widths, np.arange(len(widths)))[0, 1]) < 0.3


def test_the_dataloader_gives_batches_with_their_rows() -> None:
    data = encoded([3, 7, 5])
    sampler = TokenBudgetSampler(data, 100)
    [batch] = list(dataloader(data, np.array([0, 1, 1]), sampler))
    assert batch.rows_B.tolist() == [1, 2, 0]
    assert batch.labels_B is not None
    assert torch.equal(batch.labels_B, torch.tensor([1, 1, 0]))


@pytest.mark.parametrize("pieces", [[1] * 6, [3, 1, 1, 2, 1, 4]])
@pytest.mark.parametrize("tokens", [1, 24, 60, 10_000])
def test_the_parts_of_a_batch_are_the_batch(pieces: list[int], tokens: int) -> None:
    texts = encoded([9, 4, 1, 7, 2, 12], pieces)
    [whole] = dataloader(texts, np.arange(6), TokenBudgetSampler(texts, 10**6))
    parts = list(whole.parts(tokens))
    assert whole.labels_B is not None
    assert torch.cat([part.rows_B for part in parts]).equal(whole.rows_B)
    assert torch.cat([part.labels_B for part in parts]).equal(whole.labels_B)  # type: ignore[misc]
    assert sum(part.tokens for part in parts) == whole.tokens
    real = torch.cat([part.ids_PT[part.mask_PT.bool()] for part in parts])
    assert real.equal(whole.ids_PT[whole.mask_PT.bool()])
    for part in parts:
        assert part.ids_PT.numel() <= tokens or len(part.rows_B) == 1
        assert part.mask_PT.sum(dim=1).max() == part.ids_PT.shape[1]
        assert torch.bincount(part.owner_P).tolist() == [pieces[n] for n in part.rows_B.tolist()]
    assert (len(parts) == 1) == (tokens == 10_000)


@pytest.mark.parametrize("packed", [True, False])
def test_an_epoch_has_the_texts_that_were_drawn_for_it(packed: bool) -> None:
    drawn = {0: np.array([0, 0, 3]), 1: np.array([1, 2, 2])}
    sampler = TokenBudgetSampler(
        encoded([5, 7, 3, 9]), 20, packed=packed, shuffle=True, draw=drawn.__getitem__
    )
    first = sorted(n for batch in sampler for n in batch)
    sampler.epoch = 1
    assert (first, sorted(n for batch in sampler for n in batch)) == ([0, 0, 3], [1, 2, 2])
