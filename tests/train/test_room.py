"""Memory that runs out: smaller parts, once, of the same batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit.config import OptimConfig, TrainConfig
from plaudit.errors import TrainingError
from plaudit.text.packing import pack
from plaudit.train.course import plan_course
from plaudit.train.loop import Settings, StepRecord, fit
from plaudit.train.room import Room
from plaudit.train.state import State
from tests.text.test_batches import encoded
from tests.train.test_loop import CPU, sampler_of, tiny

OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
]


def trained(
    encoder: Path,
    tokenizer: Any,
    room: Room,
    holds: int = 10**6,
    error: Exception | None = None,
    state: State | None = None,
) -> tuple[list[StepRecord], torch.Tensor]:
    """Take three steps on a machine whose memory holds so many tokens."""
    model = tiny(encoder)

    def allocate(module: Any, args: Any, kwargs: Any) -> None:
        ids_PT = kwargs.get("input_ids", args[0] if args else None)
        if ids_PT is not None and ids_PT.numel() > holds:
            raise error or MemoryError

    model.stock.bert.register_forward_pre_hook(allocate, with_kwargs=True)
    config = TrainConfig(max_steps=3)
    sampler, batches = sampler_of(tokenizer)
    course = plan_course(sampler, config, validated=False)
    settings = Settings(OptimConfig(lr=3e-3), config, room=room, state=state)
    records = list(fit(model, batches, course, CPU, settings))
    return records, torch.nn.utils.parameters_to_vector(model.parameters())


@pytest.mark.promise(
    "half as much is computed at a time, once, with the same batches; the report says so",
    fault="memory runs out in a step",
)
@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_a_step_that_does_not_fit_is_taken_in_more_parts(
    error: Exception, tiny_encoder: Path, tiny_tokenizer: Any
) -> None:
    said: list[str] = []
    room = Room(10**6, said.append)
    records, weights = trained(tiny_encoder, tiny_tokenizer, room, holds=40, error=error)
    assert 8 < room.tokens <= 32, "half of the largest part, which is far less than the room"
    assert said == [room.note]
    assert said[0].startswith("step 1: memory ran out with 1,000,000 tokens at a time")
    plenty, same = trained(tiny_encoder, tiny_tokenizer, Room(10**6))
    assert [r.tokens for r in records] == [r.tokens for r in plenty]
    assert [r.loss for r in records] == pytest.approx([r.loss for r in plenty], abs=1e-5)
    torch.testing.assert_close(weights, same, atol=1e-4, rtol=1e-3)


@pytest.mark.promise("training stops and names the reason", fault="memory runs out once more")
def test_memory_that_runs_out_again_ends_training(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    with pytest.raises(TrainingError, match=r"step 1: memory ran out again.*text\.max_tokens"):
        trained(tiny_encoder, tiny_tokenizer, Room(10**6), holds=1)


def test_other_errors_are_not_taken_for_it(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    with pytest.raises(RuntimeError, match="shape"):
        trained(tiny_encoder, tiny_tokenizer, Room(10**6), 1, RuntimeError("shape mismatch"))


def test_a_packed_row_is_cut_between_its_texts() -> None:
    data = encoded([3, 2, 4, 5], pieces=[1, 2, 1, 1])
    row = pack(data, [2, 1, 0, 3], np.array([7, 8, 9, 6]))
    parts = list(row.parts(8))
    assert [part.rows_B.tolist() for part in parts] == [[2, 1], [0, 3]]
    for part, rows in zip(parts, [[2, 1], [0, 3]], strict=True):
        alone = pack(data, rows, np.array([7, 8, 9, 6]))
        assert torch.equal(part.ids_1S, alone.ids_1S)
        assert torch.equal(part.spans.bounds_P1, alone.spans.bounds_P1)
        assert part.spans.bounds_P1.dtype == alone.spans.bounds_P1.dtype
        assert (part.spans.longest, part.spans.texts) == (alone.spans.longest, alone.spans.texts)
        assert torch.equal(part.owner_P, alone.owner_P)
        assert torch.equal(part.labels_B, alone.labels_B)  # type: ignore[arg-type]
        assert part.tokens == alone.tokens
    assert list(row.parts(100)) == [row]


def test_a_run_that_goes_on_keeps_the_smaller_room(tiny_encoder: Path, tiny_tokenizer: Any) -> None:
    """In other parts the sums would be rounded otherwise."""
    state, room = State(), Room(10**6)
    trained(tiny_encoder, tiny_tokenizer, room, holds=40, state=state)
    again = Room(10**6)
    State(state.take()).hold(room=again)
    assert (again.tokens, again.note) == (room.tokens, room.note)
