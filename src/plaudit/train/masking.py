"""Which words of a text are hidden, for an encoder to guess.

Source: Devlin et al. 2019, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from plaudit.errors import ConfigError

HIDDEN, REPLACED = 0.8, 0.1
"""Of the tokens to be guessed; the rest stay as they are (Devlin et al. 2019, section 3.1)."""
NOT_ASKED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Masking:
    """How words are hidden.

    Attributes
    ----------
    mask_id : int
        What stands in place of a hidden token.
    words_V : Tensor of int64
        Ids that may be guessed, or stand in place of others: all but the special tokens.
    fraction : float
        Share of them that is to be guessed.
    """

    mask_id: int
    words_V: torch.Tensor
    fraction: float

    @classmethod
    def of(cls, tokenizer: Any, fraction: float) -> Masking:
        """Read the tokens off a tokenizer.

        Raises
        ------
        ConfigError
            It has no token to hide words with.
        """
        if tokenizer.mask_token_id is None:
            raise ConfigError(
                "pretrain.epochs is above 0, but the tokenizer of model.encoder has no mask token "
                "to hide words with. Use an encoder that has, such as BERT's, or set "
                "pretrain.epochs to 0."
            )
        special = set(tokenizer.all_special_ids)
        words = [i for i in range(len(tokenizer)) if i not in special]
        return cls(tokenizer.mask_token_id, torch.tensor(words), fraction)

    def hide(
        self, ids: torch.Tensor, real: torch.Tensor, random: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Hide some tokens.

        Parameters
        ----------
        ids : Tensor of int64
            Of any shape.
        real : Tensor of bool
            False for padding.
        random : torch.Generator

        Returns
        -------
        (Tensor, Tensor)
            The ids that the encoder sees, and those that it is to guess: ``NOT_ASKED`` elsewhere.
        """
        words = real & torch.isin(ids, self.words_V)
        asked = words & (torch.rand(ids.shape, generator=random) < self.fraction)
        fate = torch.rand(ids.shape, generator=random)
        other = torch.randint(len(self.words_V), ids.shape, generator=random)
        shown = torch.where(asked & (fate < HIDDEN), self.mask_id, ids)
        replaced = asked & (fate >= HIDDEN) & (fate < HIDDEN + REPLACED)
        shown = torch.where(replaced, self.words_V[other], shown)
        return shown, torch.where(asked, ids, NOT_ASKED)
