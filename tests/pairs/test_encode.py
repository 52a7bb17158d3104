from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit.config import ModelConfig, TextConfig
from plaudit.data.cache import cache_folder
from plaudit.data.text_pairs import joined
from plaudit.errors import ConfigError
from plaudit.model.build import build, load_tokenizer
from plaudit.text.batches import batch_of
from plaudit.text.dataset import ReviewDataset, collate
from plaudit.text.encode import TextEncoder
from plaudit.text.packing import pack

SHORT, LONG = "a good film", " ".join(["the", "plot", "was", "very", "bad", "and", "dull"] * 9)
PAIRS = [(SHORT, LONG), (LONG, SHORT), (LONG, LONG + " it"), (SHORT, SHORT), (LONG, LONG)]


@pytest.fixture(scope="module")
def tokenizer(typed_encoder: Path) -> Any:
    return load_tokenizer(str(typed_encoder))


def encoder(tokenizer: Any, policy: str = "head", tokens: int = 17) -> TextEncoder:
    return TextEncoder(tokenizer, TextConfig(max_tokens=tokens, policy=policy), pairs=True)  # type: ignore[arg-type]


def test_pairs_become_what_the_tokenizer_makes_of_them_longest_first(tokenizer: Any) -> None:
    ours = encoder(tokenizer).encode(joined(*pair) for pair in PAIRS)
    theirs = tokenizer(
        *map(list, zip(*PAIRS, strict=True)), truncation="longest_first", max_length=17
    )
    assert ours.second_P is not None
    for n, ids in enumerate(theirs["input_ids"]):
        assert ours.piece(n).tolist() == ids
        types = (np.arange(len(ids)) >= ours.second_P[n]).astype(int).tolist()
        assert types == theirs["token_type_ids"][n]


def test_each_text_of_a_pair_keeps_its_own_end_under_tail(tokenizer: Any) -> None:
    first, second = "good " * 20 + "triumph", "bad " * 20 + "waste"
    found = encoder(tokenizer, "tail").encode([joined(first, second)])
    words = tokenizer.convert_ids_to_tokens(found.piece(0).tolist())
    assert words == ["[CLS]", *["good"] * 6, "triumph", "[SEP]", *["bad"] * 6, "waste", "[SEP]"]
    assert (found.full_N.tolist(), found.kept_N.tolist()) == ([42], [14])


def test_head_tail_keeps_both_ends_of_each_text(tokenizer: Any) -> None:
    text = "best " + "the " * 20 + "worst"
    found = encoder(tokenizer, "head_tail").encode([joined(text, text)])
    words = tokenizer.convert_ids_to_tokens(found.piece(0).tolist())
    assert [words.count("best"), words.count("worst")] == [2, 2]


def test_a_text_of_one_word_is_not_cut_and_leaves_the_rest_to_the_other(tokenizer: Any) -> None:
    pairs = [
        joined(*pair) for pair in (("good", LONG), (LONG, "good"), ("good", "bad"), ("", "bad"))
    ]
    found, head = (encoder(tokenizer, policy).encode(pairs) for policy in ("head_tail", "head"))
    assert found.kept_N.tolist() == head.kept_N.tolist() == [14, 14, 2, 1]
    assert [found.piece(n).tolist() for n in (2, 3)] == [head.piece(n).tolist() for n in (2, 3)]
    words = tokenizer.convert_ids_to_tokens(found.piece(0).tolist())
    assert words[:3] == ["[CLS]", "good", "[SEP]"] and len(words) == 17


def test_types_are_the_same_on_every_way_to_a_batch(tokenizer: Any) -> None:
    encoded = encoder(tokenizer).encode(joined(*pair) for pair in PAIRS[:4])
    direct = batch_of(encoded, [3, 0, 2])
    dataset = ReviewDataset(encoded)
    collated = collate([dataset[n] for n in (3, 0, 2)])
    assert direct.types_PT is not None and collated.types_PT is not None
    assert torch.equal(direct.types_PT, collated.types_PT)
    real = direct.mask_PT.bool()
    packed = pack(encoded, [3, 0, 2])
    assert packed.types_1S is not None
    assert torch.equal(packed.types_1S[0], direct.types_PT[real])
    assert not direct.types_PT[~real].any()


def test_a_batch_that_is_cut_keeps_the_types_of_its_parts(tokenizer: Any) -> None:
    encoded = encoder(tokenizer).encode(joined(*pair) for pair in PAIRS)
    whole, packed = batch_of(encoded, range(5)), pack(encoded, range(5))
    for batch, name in ((whole, "types_PT"), (packed, "types_1S")):
        parts = list(batch.parts(20))  # type: ignore[attr-defined]
        assert len(parts) > 2
        cut = torch.cat([getattr(part, name).flatten() for part in parts])
        assert cut.sum() == getattr(batch, name).sum()
        assert all(getattr(part, name).shape == part.inputs[0].shape for part in parts)


def test_packed_pairs_have_the_logits_of_padded_ones_and_types_matter(
    tokenizer: Any, typed_encoder: Path
) -> None:
    torch.manual_seed(0)
    config = ModelConfig(encoder=str(typed_encoder), pooling="mean")
    model = build(config, ("no", "yes"), max_tokens=17, window_pooling="mean").eval()
    encoded = encoder(tokenizer).encode(joined(*pair) for pair in PAIRS)
    batch = batch_of(encoded, range(5))
    with torch.no_grad():
        padded = model(*batch.inputs)
        untyped = model(*batch.inputs[:3])
        packed = model(*pack(encoded, range(5)).inputs)
    torch.testing.assert_close(packed, padded, atol=1e-5, rtol=0)
    assert (untyped - padded).abs().max() > 1e-3


def test_a_tokenizer_that_names_no_types_gives_none(tiny_tokenizer: Any) -> None:
    encoded = encoder(tiny_tokenizer).encode([joined(SHORT, SHORT)])
    assert encoded.second_P is None
    assert batch_of(encoded, [0]).types_PT is None


def test_the_cache_keeps_pairs_apart_from_texts_with_the_same_characters(tokenizer: Any) -> None:
    text = joined(SHORT, SHORT)
    pairs = encoder(tokenizer).encode_cached([text])
    again = encoder(tokenizer).encode_cached([text])
    single = TextEncoder(tokenizer, TextConfig(max_tokens=17, policy="head")).encode_cached([text])
    assert isinstance(again.second_P, np.memmap)
    assert again.second_P.tolist() == pairs.second_P.tolist()  # type: ignore[union-attr]
    assert single.second_P is None
    assert len(list((cache_folder() / "encoded").iterdir())) == 2


def test_a_pair_needs_room_for_both_texts(tokenizer: Any) -> None:
    class Eager:
        """Eight tokens at least are asked for, five of which BERT leaves to the texts."""

        max_tokens, policy = 6, "head"

    with pytest.raises(ConfigError, match="leaves no room"):
        TextEncoder(tokenizer, Eager(), pairs=True)  # type: ignore[arg-type]
