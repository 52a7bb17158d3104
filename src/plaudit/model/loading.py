"""Loading a checkpoint: without noise, refused when incomplete, explained when it fails."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from plaudit.data import network
from plaudit.errors import ConfigError, PlauditError
from plaudit.model import families

HUB = "hub:"
"""How the name of an encoder on the hub begins."""
TRAINED = "plaudit.json"
"""What the folder of a classifier has, and that of an encoder has not."""


def check_vocabulary(stock: Any, tokenizer: Any, where: str) -> None:
    """Raise ConfigError when the tokenizer has more tokens than the model has embeddings."""
    check_tokens(stock.get_input_embeddings().num_embeddings, tokenizer, where)


def check_tokens(embeddings: int, tokenizer: Any, where: str) -> None:
    """Raise ConfigError when the tokenizer has more tokens than this."""
    if len(tokenizer) > embeddings:
        raise ConfigError(
            f"{where}: the tokenizer has {len(tokenizer)} tokens, the model {embeddings} "
            "embeddings; they do not belong together. Use the files of one model."
        )


def check_filled(encoder: str, stock: Any, info: dict[str, Any]) -> None:
    """A new head is expected; an encoder weight that the file lacks would silently be random."""
    own = {id(p) for part in families.head_parts(stock) for p in part.parameters()}
    head = {name for name, p in stock.named_parameters() if id(p) in own}
    mismatched = {str(key[0] if isinstance(key, tuple) else key) for key in info["mismatched_keys"]}
    refuse_empty(encoder, (set(map(str, info["missing_keys"])) | mismatched) - head)


def refuse_empty(encoder: str, names: set[str]) -> None:
    """Raise ConfigError when there are weights that the checkpoint has not filled."""
    if names:
        empty = sorted(names)
        raise ConfigError(
            f"model.encoder = {encoder!r}: {len(empty)} weights are not in its safetensors or have "
            f"another shape, such as {', '.join(empty[:3])}. They would be random. Use a complete "
            "checkpoint of this architecture."
        )


_lock = threading.RLock()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Load in silence, one thread at a time.

    That a head is new is no news here. While it loads, transformers changes what the whole process
    builds layers with; of two loads at once one may leave it so, and later models stay empty.
    """
    import transformers

    logger, speech = logging.getLogger("transformers"), transformers.utils.logging
    with _lock:
        before, bars = logger.level, speech.is_progress_bar_enabled()
        speech.disable_progress_bar()
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(before)
            if bars:
                speech.enable_progress_bar()


@contextlib.contextmanager
def explained(encoder: str, location: str) -> Iterator[None]:
    """Turn whatever goes wrong in loading an encoder into a ConfigError with advice."""
    on_hub = encoder.startswith(HUB)
    with network.hub_or_cache() if on_hub else contextlib.nullcontext() as cut_off:
        try:
            yield
        except PlauditError:
            raise
        except Exception as error:  # a file that was made up fails in ways without a common base
            lines = str(error).strip().splitlines()
            reason = lines[0] if lines else type(error).__name__
            if cut_off:
                reason = f"{cut_off}; from the hub's cache on this machine: {reason}"
            advice = _advice(encoder, location)
            raise ConfigError(
                f"model.encoder = {encoder!r} cannot be loaded: {reason} {advice}"
            ) from error


def _advice(encoder: str, location: str) -> str:
    if encoder.startswith(HUB):
        return "Is the name right? A model folder on disk works too, and so does 'bundled'."
    return f"Is {location} a complete transformers model folder?"
