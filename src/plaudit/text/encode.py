"""Cleaned text → token ids, in flat arrays that a file can hold and memory can map.

Axes: N texts, P pieces (N of them, or more under the policy ``windows``).
"""

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
from plaudit.data import cache
from plaudit.errors import ConfigError
from plaudit.text.policy import kept, pieces

CHUNK = 1024
"""Texts tokenised at a time: enough to keep all cores busy, little to hold."""
CACHE_LIMIT_BYTES = cache.LIMIT_BYTES
CACHE_FORMAT = 1
"""Raise it when the policies or the arrays change, or old entries would be taken for new ones."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of many texts, special tokens included.

    Attributes
    ----------
    ids : ndarray of int32, shape (total tokens,)
        All pieces, one after the other.
    starts_P : ndarray of int64, shape (P + 1,)
        Piece ``p`` is ``ids[starts_P[p]:starts_P[p + 1]]``.
    first_N : ndarray of int64, shape (N + 1,)
        Text ``n`` owns the pieces ``first_N[n]`` to ``first_N[n + 1] - 1``.
    full_N : ndarray of int64, shape (N,)
        Tokens that each text had before the long-text policy, special tokens not counted.
    kept_N : ndarray of int64, shape (N,)
        Distinct tokens of it that were kept, special tokens not counted.
    """

    ids: np.ndarray
    starts_P: np.ndarray
    first_N: np.ndarray
    full_N: np.ndarray
    kept_N: np.ndarray

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.full_N)

    def piece(self, p: int) -> np.ndarray:
        """Return the ids of piece ``p``, shape (tokens,)."""
        return self.ids[self.starts_P[p] : self.starts_P[p + 1]]

    def pieces_of(self, n: int) -> list[np.ndarray]:
        """Return the pieces of text ``n``."""
        return [self.piece(p) for p in range(self.first_N[n], self.first_N[n + 1])]

    def longest_N(self) -> np.ndarray:
        """Return the length of each text's longest piece, shape (N,), special tokens included."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        return np.maximum.reduceat(np.diff(self.starts_P), self.first_N[:-1])

    def count_N(self) -> np.ndarray:
        """Return how many pieces each text has, shape (N,)."""
        return np.diff(self.first_N)


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

    Raises
    ------
    ConfigError
        The tokenizer is not a fast one, or ``max_tokens`` leaves no room for text.
    """

    def __init__(self, tokenizer: Any, config: TextConfig) -> None:
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
        self._prefix, self._suffix = _special_tokens(self._backend)
        self.limit = config.max_tokens - len(self._prefix) - len(self._suffix)
        if self.limit < 2:
            raise ConfigError(f"text.max_tokens = {config.max_tokens} leaves no room for text")

    @property
    def pad_id(self) -> int:
        """The id that fills short rows of a batch."""
        return int(self.tokenizer.pad_token_id or 0)

    def encode(self, texts: Iterable[str]) -> Encoded:
        """Tokenise texts, apply the long-text policy, add [CLS] and [SEP].

        Parameters
        ----------
        texts : iterable of str
            Cleaned texts. Read once, in chunks.

        Returns
        -------
        Encoded
        """
        ids: list[np.ndarray] = [np.zeros(0, dtype=np.int32)]
        lengths: list[int] = []
        counts: list[int] = []
        full: list[int] = []
        left: list[int] = []
        for chunk in _chunks(texts, CHUNK):
            flat: list[int] = []
            for encoding in self._backend.encode_batch_fast(chunk, add_special_tokens=False):
                own = encoding.ids
                parts = pieces(own, self.limit, self.config)
                for part in parts:
                    flat += self._prefix
                    flat += part
                    flat += self._suffix
                    lengths.append(len(part) + len(self._prefix) + len(self._suffix))
                counts.append(len(parts))
                full.append(len(own))
                left.append(kept(len(own), self.limit, self.config))
            ids.append(np.asarray(flat, dtype=np.int32))
        return Encoded(
            ids=np.concatenate(ids),
            starts_P=_offsets(lengths),
            first_N=_offsets(counts),
            full_N=np.asarray(full, dtype=np.int64),
            kept_N=np.asarray(left, dtype=np.int64),
        )

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
            source += [-1] * len(self._prefix) + part + [-1] * len(self._suffix)
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
        if not self.config.cache:
            return self.encode(texts)
        folder = cache.cache_folder() / "encoded" / self._digest(texts)
        with contextlib.suppress(OSError, ValueError, EOFError):
            return Encoded(**cache.load(folder, (field.name for field in fields(Encoded))))
        encoded = self.encode(texts)
        # A full or read-only disk costs the cache, not the run.
        with contextlib.suppress(OSError):
            arrays = {field.name: getattr(encoded, field.name) for field in fields(Encoded)}
            cache.store(arrays, folder, CACHE_LIMIT_BYTES)
        return encoded

    def _digest(self, texts: Iterable[str]) -> str:
        hasher = hashlib.blake2b(digest_size=16)
        hasher.update(f"{CACHE_FORMAT} {version('tokenizers')} ".encode())
        hasher.update(self._backend.to_str().encode())
        hasher.update(self.config.model_dump_json(exclude={"cache"}).encode())
        for text in texts:
            raw = text.encode("utf-8", "surrogatepass")
            hasher.update(len(raw).to_bytes(8, "little"))
            hasher.update(raw)
        return hasher.hexdigest()


def _special_tokens(backend: Any) -> tuple[list[int], list[int]]:
    """Find what the tokenizer puts around a single text, whatever its template is."""
    bare = backend.encode("a", add_special_tokens=False).ids
    full = backend.encode("a", add_special_tokens=True).ids
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return full[:start], full[start + len(bare) :]
    raise ConfigError("the tokenizer changes a text when it adds special tokens; it cannot be used")


def _offsets(lengths: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _chunks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while chunk := list(islice(iterator, size)):
        yield chunk


def joined(first: Encoded, second: Encoded) -> Encoded:
    """Return texts, and others after them.

    Parameters
    ----------
    first, second : Encoded
        By one encoder.

    Returns
    -------
    Encoded
        In memory.
    """
    return Encoded(
        ids=np.concatenate([first.ids, second.ids]),
        starts_P=np.concatenate([first.starts_P, second.starts_P[1:] + len(first.ids)]),
        first_N=np.concatenate([first.first_N, second.first_N[1:] + first.first_N[-1]]),
        full_N=np.concatenate([first.full_N, second.full_N]),
        kept_N=np.concatenate([first.kept_N, second.kept_N]),
    )
