from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plaudit.config import TextConfig
from plaudit.data.cache import cache_folder
from plaudit.errors import ConfigError
from plaudit.text import encode as module
from plaudit.text.encode import TextEncoder

LONG = " ".join(["film"] * 50 + ["bad"])


def encoder(tokenizer: Any, **settings: Any) -> TextEncoder:
    return TextEncoder(tokenizer, TextConfig(**{"max_tokens": 16} | settings))


def words(tokenizer: Any, ids: np.ndarray) -> list[str]:
    return list(tokenizer.convert_ids_to_tokens(ids.tolist()))


def test_wordpiece_with_cls_and_sep(tiny_tokenizer: Any) -> None:
    encoded = encoder(tiny_tokenizer).encode(["A Film was unwatchable."])
    assert words(tiny_tokenizer, encoded.piece(0)) == [
        "[CLS]", "a", "film", "was", "un", "##watch", "##able", ".", "[SEP]",
    ]  # fmt: skip


def test_special_tokens_surround_what_the_policy_kept(tiny_tokenizer: Any) -> None:
    ids = encoder(tiny_tokenizer, policy="tail").encode([LONG]).piece(0)
    kept = words(tiny_tokenizer, ids)
    assert len(kept) == 16
    assert (kept[0], kept[-2], kept[-1]) == ("[CLS]", "bad", "[SEP]")


def test_tokens_lost_are_counted(tiny_tokenizer: Any) -> None:
    encoded = encoder(tiny_tokenizer, policy="head").encode([LONG, "a film"])
    assert encoded.full_N.tolist() == [51, 2]
    assert encoded.kept_N.tolist() == [14, 2]


def test_windows_that_cover_a_text_lose_nothing(tiny_tokenizer: Any) -> None:
    encoded = encoder(tiny_tokenizer, policy="windows", stride=4).encode([LONG])
    assert len(encoded.pieces_of(0)) > 3
    assert encoded.kept_N.tolist() == encoded.full_N.tolist()


def test_an_empty_text_is_its_special_tokens(tiny_tokenizer: Any) -> None:
    encoded = encoder(tiny_tokenizer).encode([""])
    assert words(tiny_tokenizer, encoded.piece(0)) == ["[CLS]", "[SEP]"]


def test_chunks_do_not_show(tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"film {'good ' * n}" for n in range(20)]
    whole = encoder(tiny_tokenizer).encode(texts)
    monkeypatch.setattr(module, "CHUNK", 3)
    chunked = encoder(tiny_tokenizer).encode(texts)
    for name in ("ids", "starts_P", "first_N", "full_N", "kept_N"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(chunked, name))


def test_truncation_inside_the_tokenizer_file_does_not_cut_first(tiny_tokenizer: Any) -> None:
    tiny_tokenizer.backend_tokenizer.enable_truncation(5)
    try:
        encoded = encoder(tiny_tokenizer, policy="tail").encode([LONG])
    finally:
        tiny_tokenizer.backend_tokenizer.no_truncation()
    assert encoded.full_N.tolist() == [51]


def test_no_room_for_text_is_refused(tiny_tokenizer: Any) -> None:
    config = TextConfig.model_construct(max_tokens=3, policy="head", cache=False)
    with pytest.raises(ConfigError, match="no room"):
        TextEncoder(tiny_tokenizer, config)


def test_the_cache_serves_equal_texts_and_settings_only(
    tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    original = TextEncoder.encode

    def counting(self: TextEncoder, texts: Any) -> Any:
        calls.append(1)
        return original(self, texts)

    monkeypatch.setattr(TextEncoder, "encode", counting)
    first = encoder(tiny_tokenizer).encode_cached(["a film", LONG])
    again = encoder(tiny_tokenizer).encode_cached(["a film", LONG])
    assert len(calls) == 1
    np.testing.assert_array_equal(first.ids, again.ids)
    assert isinstance(again.ids, np.memmap)
    encoder(tiny_tokenizer).encode_cached(["a film", LONG + " "])
    encoder(tiny_tokenizer, policy="tail").encode_cached(["a film", LONG])
    assert len(calls) == 3
    encoder(tiny_tokenizer, cache=False).encode_cached(["a film", LONG])
    assert len(calls) == 4


@pytest.mark.parametrize("content", [b"damaged", b""])
def test_a_damaged_cache_entry_is_made_again_and_mended(
    tiny_tokenizer: Any, content: bytes
) -> None:
    good = encoder(tiny_tokenizer).encode_cached([LONG])
    [entry] = (cache_folder() / "encoded").iterdir()
    (entry / "ids.npy").write_bytes(content)
    again = encoder(tiny_tokenizer).encode_cached([LONG])
    np.testing.assert_array_equal(good.ids, again.ids)
    assert isinstance(encoder(tiny_tokenizer).encode_cached([LONG]).ids, np.memmap)


@pytest.mark.parametrize("name", ["ids", "starts_P", "first_N"])
def test_a_byte_that_was_changed_in_the_cache_is_not_trained_on(
    name: str, tiny_tokenizer: Any
) -> None:
    good = encoder(tiny_tokenizer).encode_cached([LONG, "a film"])
    expected = {each.name: np.array(getattr(good, each.name)) for each in fields(good)}
    [entry] = (cache_folder() / "encoded").iterdir()
    file = entry / f"{name}.npy"
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(bytes(content))
    again = encoder(tiny_tokenizer).encode_cached([LONG, "a film"])
    for each, array in expected.items():
        np.testing.assert_array_equal(getattr(again, each), array)
    (entry / "digests.json").write_text("[]")
    assert len(encoder(tiny_tokenizer).encode_cached([LONG, "a film"])) == 2
    file.write_bytes(b"PK\3\4" + bytes(content[4:]))
    assert len(encoder(tiny_tokenizer).encode_cached([LONG, "a film"])) == 2


def test_a_home_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(ConfigError, match="Set PLAUDIT_CACHE to a folder"):
        cache_folder()


def test_a_cache_that_cannot_be_written_costs_only_the_cache(
    tiny_tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("PLAUDIT_CACHE", str(blocked))
    assert len(encoder(tiny_tokenizer).encode_cached([LONG])) == 1


def test_the_cache_is_bounded(tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHE_LIMIT_BYTES", 3000)
    made: list[Path] = []
    for n in range(8):
        before = set(made)
        encoder(tiny_tokenizer).encode_cached([f"film {n}"])
        made += sorted(set((cache_folder() / "encoded").iterdir()) - before)
    left = set((cache_folder() / "encoded").iterdir())
    assert 1 <= len(left) < 8
    assert left == set(made[-len(left) :]), "the oldest go first"
