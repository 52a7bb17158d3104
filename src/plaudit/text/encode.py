"""Cleaned text → token ids."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np

from plaudit.config import TextConfig
from plaudit.data import stored
from plaudit.data.cache import cache_folder
from plaudit.data.handed import refuse_one
from plaudit.data.text_pairs import halves
from plaudit.errors import ConfigError
from plaudit.text.encoded import Encoded
from plaudit.text.policy import kept, pieces, shares
from plaudit.text.special import around_pair, around_single

__all__ = ["Encoded", "TextEncoder", "Trace"]

CHUNK = 1024
"""Texts tokenised at a time: enough to keep all cores busy, little to hold."""
CACHE_LIMIT_BYTES = stored.LIMIT_BYTES
CACHE_FORMAT = 2
"""Raise it when the policies or the arrays change, or old entries would be taken for new ones."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """The ids of one text or pair, in one piece or several, and what was lost on the way."""

    parts: list[list[int]]
    full: int
    kept: int
    second: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """Where the ids of one text's pieces come from.

    Attributes
    ----------
    offsets_T2 : ndarray of int64, shape (tokens before the policy, 2)
        The characters that each token of the text stands for: first, and one past the last.
    source_S : ndarray of int64, shape (ids of all its pieces,)
        For each id, the token that it is; -1 for special tokens.
    """

    offsets_T2: np.ndarray
    source_S: np.ndarray


class TextEncoder:
    """A tokenizer together with the long-text policy.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        A fast tokenizer (WordPiece for BERT).
    config : TextConfig
    pairs : bool
        Texts are pairs (:mod:`plaudit.data.text_pairs`), which share the tokens.

    Raises
    ------
    ConfigError
        The tokenizer is not a fast one, or ``max_tokens`` leaves no room for text.
    """

    def __init__(self, tokenizer: Any, config: TextConfig, pairs: bool = False) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ConfigError(
                f"{type(tokenizer).__name__} is not a fast tokenizer; the model folder needs a "
                "tokenizer.json"
            )
        self.tokenizer = tokenizer
        self.config = config
        # A copy: truncation set inside tokenizer.json would cut texts before the policy sees them.
        self._backend = type(tokenizer.backend_tokenizer).from_str(
            tokenizer.backend_tokenizer.to_str()
        )
        self._backend.no_truncation()
        self._backend.no_padding()
        self.pairs = pairs
        self._around = around_pair(self._backend) if pairs else around_single(self._backend)
        named = "token_type_ids" in tokenizer.model_input_names
        self._typed = pairs and named and self._around.types
        self.limit = config.max_tokens - len(self._around)
        if self.limit < (4 if pairs else 2):
            raise ConfigError(f"text.max_tokens = {config.max_tokens} leaves no room for text")

    @property
    def pad_id(self) -> int:
        """The id that fills short rows of a batch."""
        return int(self.tokenizer.pad_token_id or 0)

    def encode(self, texts: Iterable[str]) -> Encoded:
        """Tokenise texts, apply the long-text policy, add [CLS] and [SEP].

        A pair becomes [CLS] text [SEP] second [SEP], or what the encoder has in their place.

        Parameters
        ----------
        texts : iterable of str
            Cleaned texts. Read once, in chunks.

        Returns
        -------
        Encoded

        Raises
        ------
        DataError
            One string was given, whose letters would be texts.
        """
        refuse_one(texts, "encode")
        ids: list[np.ndarray] = [np.zeros(0, dtype=np.int32)]
        lengths: list[int] = []
        counts: list[int] = []
        full: list[int] = []
        left: list[int] = []
        seconds: list[int] = []
        for chunk in _chunks(texts, CHUNK):
            flat: list[int] = []
            for piece in self._couples(chunk) if self.pairs else self._singles(chunk):
                for part in piece.parts:
                    flat += part
                    lengths.append(len(part))
                counts.append(len(piece.parts))
                full.append(piece.full)
                left.append(piece.kept)
                seconds.append(piece.second)
            ids.append(np.asarray(flat, dtype=np.int32))
        return Encoded(
            ids=np.concatenate(ids),
            starts_P=_offsets(lengths),
            first_N=_offsets(counts),
            full_N=np.asarray(full, dtype=np.int64),
            kept_N=np.asarray(left, dtype=np.int64),
            second_P=np.asarray(seconds, dtype=np.int64) if self._typed else None,
        )

    def _tokenised(self, texts: list[str]) -> list[list[int]]:
        found = self._backend.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def _singles(self, texts: list[str]) -> Iterator[_Piece]:
        before, after = self._around.before, self._around.after
        for own in self._tokenised(texts):
            parts = [before + part + after for part in pieces(own, self.limit, self.config)]
            yield _Piece(parts, len(own), kept(len(own), self.limit, self.config))

    def _couples(self, texts: list[str]) -> Iterator[_Piece]:
        around = self._around
        first, second = zip(*map(halves, texts), strict=True)
        for own, other in zip(
            self._tokenised(list(first)), self._tokenised(list(second)), strict=True
        ):
            share, rest = shares(len(own), len(other), self.limit)
            (head,) = pieces(own, share, self.config)
            (tail,) = pieces(other, rest, self.config)
            opening = around.before + head + around.between
            part = opening + tail + around.after
            yield _Piece([part], len(own) + len(other), len(head) + len(tail), len(opening))

    def trace(self, text: str) -> Trace:
        """Say where in a text each id comes from that :meth:`encode` makes of it.

        Parameters
        ----------
        text : str
            Cleaned.

        Returns
        -------
        Trace
        """
        encoding = self._backend.encode(text, add_special_tokens=False)
        source: list[int] = []
        # The policy chooses by position, so it chooses the same of the positions themselves.
        for part in pieces(list(range(len(encoding.ids))), self.limit, self.config):
            before, after = self._around.before, self._around.after
            source += [-1] * len(before) + part + [-1] * len(after)
        return Trace(
            np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2),
            np.asarray(source, dtype=np.int64),
        )

    def encode_cached(self, texts: Sequence[str]) -> Encoded:
        """As :meth:`encode`, but kept on disk by content and memory-mapped.

        Parameters
        ----------
        texts : sequence of str
            Read twice: for its digest, and, unless the cache has it, for encoding.

        Returns
        -------
        Encoded
            Arrays are memory-mapped, so that they cost memory only while they are read.
        """
        if not hasattr(texts, "__len__"):  # read twice, an iterator would be empty
            texts = list(texts)
        if not self.config.cache:
            return self.encode(texts)
        folder = cache_folder() / "encoded" / self._digest(texts)
        with contextlib.suppress(OSError, ValueError):
            names = [field.name for field in fields(Encoded)]
            # Of single texts there is none.
            names = [n for n in names if n != "second_P" or self._typed]
            found = Encoded(**stored.load(folder, names))
            if len(found) == len(texts):
                return found
        encoded = self.encode(texts)
        # A full or read-only disk costs the cache, not the run.
        with contextlib.suppress(OSError):
            arrays = {field.name: getattr(encoded, field.name) for field in fields(Encoded)}
            there = {name: array for name, array in arrays.items() if array is not None}
            stored.store(there, folder, CACHE_LIMIT_BYTES)
        return encoded

    def _digest(self, texts: Iterable[str]) -> str:
        hasher = hashlib.blake2b(digest_size=16)
        hasher.update(f"{CACHE_FORMAT} {version('tokenizers')} ".encode())
        hasher.update(self._backend.to_str().encode())
        hasher.update(self.config.model_dump_json(exclude={"cache"}).encode())
        hasher.update(f" {self.pairs} {self._typed} ".encode())
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            hasher.update(len(raw).to_bytes(8, "little"))
            hasher.update(raw)
        return hasher.hexdigest()


def _offsets(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while chunk := list(islice(iterator, size)):
        yield chunk
