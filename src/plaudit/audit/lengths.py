"""How long the texts are in an encoder's tokens, and what each long-text policy would cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from plaudit.audit.records import Finding, Found, Ints, share
from plaudit.config import TextConfig
from plaudit.model.build import load_tokenizer
from plaudit.text.encode import TextEncoder
from plaudit.text.policy import kept, window_starts

Policy = Literal["head", "tail", "head_tail", "windows"]
QUANTILES = {
    "min": 0.0,
    "p25": 0.25,
    "median": 0.5,
    "p75": 0.75,
    "p95": 0.95,
    "p99": 0.99,
    "max": 1.0,
}


@dataclass(frozen=True, slots=True)
class Cut:
    """What a long-text policy would do.

    Attributes
    ----------
    policy : str
    texts : int
        Texts of which something is lost.
    lost : float
        Share of all tokens that is lost.
    pieces : float
        Pieces a text becomes on average; each is computed like a text.
    """

    policy: Policy
    texts: int
    lost: float
    pieces: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "policy": self.policy,
            "texts": self.texts,
            "lost": self.lost,
            "pieces": self.pieces,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Lengths:
    """Lengths in tokens, special tokens not counted.

    Attributes
    ----------
    encoder : str
        Whose tokenizer counted.
    max_tokens : int
        Of a piece, special tokens included.
    tokens_N : ndarray of int64
    cuts : tuple of Cut
        One a policy.
    """

    encoder: str
    max_tokens: int
    tokens_N: Ints
    cuts: tuple[Cut, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        quantiles = {
            name: float(np.quantile(self.tokens_N, share_)) for name, share_ in QUANTILES.items()
        }
        return {
            "encoder": self.encoder,
            "max_tokens": self.max_tokens,
            "total": int(self.tokens_N.sum()),
            "mean": float(self.tokens_N.mean()),
            **quantiles,
            "policies": [cut.to_dict() for cut in self.cuts],
        }


def measure(texts: Sequence[str], encoder: str, max_tokens: int) -> Lengths:
    """Count the tokens of texts.

    Parameters
    ----------
    texts : sequence of str
        Cleaned.
    encoder : str
        ``bundled``, a model folder, or ``hub:owner/name``.
    max_tokens : int
        As ``text.max_tokens`` would be.

    Returns
    -------
    Lengths

    Raises
    ------
    plaudit.errors.PlauditError
        There is no such tokenizer, or ``max_tokens`` cannot be.
    """
    config = TextConfig(max_tokens=max_tokens, policy="head")
    text_encoder = TextEncoder(load_tokenizer(encoder), config)
    return lengths_of(text_encoder.encode(texts).full_N, encoder, config, text_encoder.limit)


def lengths_of(tokens_N: Ints, encoder: str, config: TextConfig, limit: int) -> Lengths:
    """Say what each policy would cut of texts whose tokens are counted.

    Parameters
    ----------
    tokens_N : ndarray of int64
    encoder : str
        Whose tokenizer counted.
    config : TextConfig
        All but the policy is as there.
    limit : int
        Tokens of a piece, special tokens not counted.

    Returns
    -------
    Lengths
    """
    # The default stride does not fit into the shortest windows.
    stride = min(config.stride, limit // 2)
    configs = [
        config.model_copy(update={"policy": policy, "stride": stride})
        for policy in get_args(Policy)
    ]
    cuts = tuple(_cut(tokens_N, limit, each) for each in configs)
    return Lengths(encoder, config.max_tokens, tokens_N, cuts)


def _cut(tokens_N: Ints, limit: int, config: TextConfig) -> Cut:
    lengths, which = np.unique(tokens_N, return_inverse=True)
    kept_N = np.array([kept(int(length), limit, config) for length in lengths])[which]
    counts = [1] * len(lengths)
    if config.policy == "windows":
        plan = limit, config.stride, config.max_windows
        counts = [len(window_starts(int(length), *plan)) for length in lengths]
    pieces_N = np.array(counts)[which]
    total = int(tokens_N.sum())
    lost = 1 - float(kept_N.sum()) / total if total else 0.0
    return Cut(config.policy, int((kept_N < tokens_N).sum()), lost, float(pieces_N.mean()))


def long_texts(lengths: Lengths) -> list[Found]:
    """Say when much of the text would not be read."""
    cut = next(each for each in lengths.cuts if each.policy == "head_tail")
    if cut.lost < 0.02:
        return []
    windows = next(each for each in lengths.cuts if each.policy == "windows")
    finding = Finding(
        "long_texts",
        "note",
        f"texts longer than {lengths.max_tokens:,} tokens: {cut.texts:,}; "
        f"{share(cut.lost, 1)} of all tokens would not be read",
        cut.texts,
        "Keep both ends (text.policy=head_tail), raise text.max_tokens, or read on with "
        f"text.policy=windows: {share(windows.lost, 1)} lost, {windows.pieces:.1f} pieces a text.",
        (),
        {"lost": cut.lost},
    )
    return [Found(finding)]
