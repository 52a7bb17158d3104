"""What a tokenizer puts around a text, and between the two of a pair, whatever its template is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plaudit.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Around:
    """Ids of special tokens.

    Attributes
    ----------
    before, between, after : list of int
        Such as [CLS], [SEP] and [SEP]; ``between`` is empty for a single text.
    types : bool
        The tokenizer numbers the second text's tokens 1, from its first on.
    """

    before: list[int]
    between: list[int]
    after: list[int]
    types: bool = False

    def __len__(self) -> int:
        """Return the number of special tokens."""
        return len(self.before) + len(self.between) + len(self.after)


def around_single(backend: Any) -> Around:
    """Find what stands around a single text.

    Parameters
    ----------
    backend : tokenizers.Tokenizer

    Returns
    -------
    Around

    Raises
    ------
    ConfigError
        The tokenizer changes the text itself.
    """
    bare = backend.encode("a", add_special_tokens=False).ids
    full = backend.encode("a", add_special_tokens=True).ids
    for start in range(len(full) - len(bare) + 1):
        if full[start : start + len(bare)] == bare:
            return Around(full[:start], [], full[start + len(bare) :])
    raise ConfigError("the tokenizer changes a text when it adds special tokens; it cannot be used")


def around_pair(backend: Any) -> Around:
    """Find what stands around and between the two texts of a pair.

    Parameters
    ----------
    backend : tokenizers.Tokenizer

    Returns
    -------
    Around

    Raises
    ------
    ConfigError
        The tokenizer has no template of the kind text, tokens, text.
    """
    found = backend.encode("a", "a", add_special_tokens=True)
    owners = found.sequence_ids
    if 0 in owners and 1 in owners:
        first, last = owners.index(0), len(owners) - 1 - owners[::-1].index(0)
        start, stop = owners.index(1), len(owners) - owners[::-1].index(1)
        if last < start:
            ids, second = found.ids, [0] * start + [1] * (len(owners) - start)
            return Around(
                ids[:first], ids[last + 1 : start], ids[stop:], types=found.type_ids == second
            )
    raise ConfigError(
        "the tokenizer has no template for two texts, one after the other; use another encoder, "
        "or leave data.text_pair out"
    )
