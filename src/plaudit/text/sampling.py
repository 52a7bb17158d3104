"""Which texts come together in a batch: within a budget of tokens, and, where batches are padded,
of like length, so that little is computed on padding.

Axes: N texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import Sampler

from plaudit.errors import ConfigError
from plaudit.text.encoded import Encoded

POOL_BATCHES = 64
"""Batches sorted by length together: padding is low, and batches still differ each epoch."""

Draw = Callable[[int], np.ndarray]
"""From an epoch's number to the positions of its texts; a text may come more than once."""


class TokenBudgetSampler(Sampler[list[int]]):
    """Batches of texts, each within a budget of tokens.

    Padded batches hold texts of like length, and padding counts. In packed ones length does not
    matter, and only real tokens count.

    Parameters
    ----------
    encoded : Encoded
    batch_tokens : int
        Tokens of a batch at most; a text that is larger alone gets a batch of its own.
    batch_examples : int, optional
        Texts of a batch instead of tokens.
    packed : bool
    shuffle : bool
        Shuffle; of padded batches: then sort within pools, then shuffle the batches. Otherwise
        longest first, or, packed, in the texts' order.
    seed : int
        Same seed and epoch, same batches.
    draw : callable, optional
        Which texts an epoch has; by default each once.

    Raises
    ------
    ConfigError
        A batch would be empty.

    Attributes
    ----------
    epoch : int
        Set it before each pass.
    """

    def __init__(  # noqa: PLR0913 - each is one word of what a batch is
        self,
        encoded: Encoded,
        batch_tokens: int,
        *,
        batch_examples: int | None = None,
        packed: bool = False,
        shuffle: bool = False,
        seed: int = 0,
        draw: Draw | None = None,
    ) -> None:
        for name, most in (("batch_tokens", batch_tokens), ("batch_examples", batch_examples)):
            if most is not None and most < 1:
                raise ConfigError(f"{name} is {most}; a batch needs 1 at least.")
        self.packed = packed
        self.longest_N = encoded.longest_N()
        self.count_N = encoded.count_N()
        self.tokens_N = np.diff(encoded.starts_P[encoded.first_N])
        self.batch_tokens = batch_tokens
        self.batch_examples = batch_examples
        self.shuffle = shuffle
        self.seed = seed
        self.draw = draw
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.batches())

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches())

    def batches(self) -> list[list[int]]:
        """Return this epoch's batches as lists of positions."""
        order = self.draw(self.epoch) if self.draw else np.arange(len(self.longest_N))
        random = np.random.default_rng([self.seed, self.epoch])
        if self.shuffle:
            order = random.permutation(order)
        if self.packed:
            return self._packed(order)
        if not self.shuffle:
            return self._padded(order)
        batches: list[list[int]] = []
        for pool in np.array_split(order, self._pools(order)):
            batches += self._padded(pool)
        return [batches[i] for i in random.permutation(len(batches))]

    def most_pieces(self) -> int:
        """Return the pieces of this epoch's fullest batch."""
        return max(int(self.count_N[batch].sum()) for batch in self.batches())

    def _pools(self, order: np.ndarray) -> int:
        if self.batch_examples is not None:
            batches = len(order) / self.batch_examples
        else:
            size = self.longest_N[order] * self.count_N[order]
            batches = float(size.sum()) / self.batch_tokens
        return max(1, round(batches / POOL_BATCHES))

    def _padded(self, order: np.ndarray) -> list[list[int]]:
        """Cut texts, longest first, where one more would not fit with its padding."""
        batches: list[list[int]] = []
        batch: list[int] = []
        pieces = width = 0
        for n in order[np.argsort(-self.longest_N[order], kind="stable")].tolist():
            count, longest = int(self.count_N[n]), int(self.longest_N[n])
            if batch and not self._fits(len(batch) + 1, pieces + count, max(width, longest)):
                batches.append(batch)
                batch, pieces, width = [], 0, 0
            batch.append(n)
            pieces, width = pieces + count, max(width, longest)
        return [*batches, batch] if batch else batches

    def _fits(self, texts: int, pieces: int, width: int) -> bool:
        if self.batch_examples is not None:
            return texts <= self.batch_examples
        return pieces * width <= self.batch_tokens

    def _packed(self, order: np.ndarray) -> list[list[int]]:
        batches: list[list[int]] = []
        room = 0
        for n in order.tolist():
            cost = 1 if self.batch_examples is not None else int(self.tokens_N[n])
            if not batches or cost > room:
                batches.append([])
                room = self.batch_examples or self.batch_tokens
            batches[-1].append(n)
            room -= cost
        return batches
