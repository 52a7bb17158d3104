"""Texts in memory to vectors, from a pretrained encoder as it is or from a fine-tuned model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from plaudit import artifact
from plaudit.config import CleanConfig, TextConfig
from plaudit.config.limits import check_tokens
from plaudit.data import handed
from plaudit.data.clean import clean
from plaudit.errors import ArtifactError, ConfigError
from plaudit.model import build, families
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute, plan
from plaudit.model.vectors import Pooling, token_vectors, vectors
from plaudit.text.encode import TextEncoder
from plaudit.text.encoded import Encoded

TOKENS = 256
"""Of a text, for an encoder that was not fine-tuned: what all-MiniLM-L6-v2 was trained for."""


class Embedder:
    """An encoder that turns texts into vectors.

    Parameters
    ----------
    encoder : transformers.PreTrainedModel
        Without a head.
    text_encoder : TextEncoder
    cleaning : CleanConfig
    compute : Compute
    text_column : str, optional
        In which a table had the texts that it was trained on.

    Examples
    --------
    The reviews nearest to a text, by the cosine of the angle between vectors:

    >>> import plaudit
    >>> embedder = plaudit.Embedder.load("runs/quickstart/model")
    >>> reviews = ["A great film.", "Awful, a waste.", "The plot was dull and poor."]
    >>> wanted = embedder.embed(["The worst movie."], normalize=True)
    >>> similarity = embedder.embed(reviews, normalize=True) @ wanted[0]
    >>> similarity.argmin()
    np.int64(0)
    """

    def __init__(
        self,
        encoder: Any,
        text_encoder: TextEncoder,
        cleaning: CleanConfig,
        compute: Compute,
        text_column: str | None = None,
    ) -> None:
        self.encoder = encoder.to(compute.device).eval()
        self.text_encoder = text_encoder
        self.cleaning = cleaning
        self.compute = compute
        self.text_column = text_column

    @classmethod
    def load(
        cls, model: Path | str, *, max_tokens: int | None = None, device: str = "auto"
    ) -> Embedder:
        """Load a fine-tuned model's encoder, or a pretrained one.

        Vectors are computed in fp32, so that they can stand beside those computed elsewhere.

        Parameters
        ----------
        model : Path or str
            A model folder of plaudit, ``bundled``, an encoder's folder, or ``hub:owner/name``.
        max_tokens : int, optional
            Of a text. By default as in training; of an encoder alone 256, from the beginning.
        device : {"auto", "cpu", "cuda", "mps"}

        Raises
        ------
        plaudit.errors.PlauditError
            The model cannot be loaded, or reads fewer tokens than that.
        """
        if max_tokens is not None:
            check_tokens(max_tokens)
        compute = plan(device, "fp32")
        # A run's folder too: its refusal names the model in it.
        if any((Path(model) / each / artifact.MANIFEST).is_file() for each in ("", "model")):
            loaded = artifact.load(model)
            if not isinstance(loaded.model, ReviewClassifier):
                raise ArtifactError(
                    f"{model} was exported and has no token states to give. Embed with the model "
                    "that it was exported from."
                )
            artifact.refuse_pairs(loaded.spec, "embed")
            encoder, text = loaded.model.stock.base_model, loaded.spec.text
            if max_tokens is not None:
                text = text.model_copy(update={"max_tokens": max_tokens})
            tokenizer, cleaning = loaded.tokenizer, loaded.spec.clean
            column = loaded.spec.text_column
        else:
            encoder = build.load_encoder(str(model))
            tokenizer = build.load_tokenizer(str(model))
            most = families.longest(encoder.config)
            text = TextConfig(max_tokens=max_tokens or min(TOKENS, most), policy="head")
            cleaning, column = CleanConfig(), None
        if text.max_tokens > families.longest(encoder.config):
            raise ConfigError(
                f"max_tokens = {text.max_tokens}, but {model} reads at most "
                f"{families.longest(encoder.config)}"
            )
        return cls(encoder, TextEncoder(tokenizer, text), cleaning, compute, column)

    def embed(
        self, texts: Sequence[str], *, pooling: Pooling = "mean", normalize: bool = False
    ) -> np.ndarray:
        """Return a vector for each text.

        Parameters
        ----------
        texts : sequence of str
            Raw texts.
        pooling : {"cls", "mean", "max", "last_four"}
            As in :func:`plaudit.model.vectors.vectors`.
        normalize : bool
            Scale each vector to length 1.

        Returns
        -------
        ndarray of float32, shape (N, D)

        Raises
        ------
        DataError
            One string was given, or something that is none or is too long.
        """
        encoded = self._encoded(texts)
        out_ND = vectors(
            self.encoder, encoded, self.compute, pooling, pad_id=self.text_encoder.pad_id
        )
        return unit(out_ND) if normalize else out_ND

    def tokens(
        self, texts: Sequence[str], *, normalize: bool = False
    ) -> list[tuple[list[str], np.ndarray]]:
        """Return each text's tokens and a vector for each of them.

        Parameters
        ----------
        texts : sequence of str
        normalize : bool

        Returns
        -------
        list of (list of str, ndarray of float32 of shape (T, D))
            Special tokens included.

        Raises
        ------
        DataError
            As for :meth:`embed`.
        """
        encoded = self._encoded(texts)
        found = token_vectors(self.encoder, encoded, self.compute, pad_id=self.text_encoder.pad_id)
        name = self.text_encoder.tokenizer.convert_ids_to_tokens
        return [
            (
                [token for piece in encoded.pieces_of(n) for token in name(piece.tolist())],
                unit(states_TD) if normalize else states_TD,
            )
            for n, states_TD in enumerate(found)
        ]

    def _encoded(self, texts: Iterable[str]) -> Encoded:
        handed.refuse_one(texts)
        given = handed.checked(list(texts))
        return self.text_encoder.encode([clean(text, self.cleaning) for text in given])


def unit(vectors_ND: np.ndarray) -> np.ndarray:
    """Scale vectors to length 1; a vector of zeros stays one."""
    length_N1 = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    scaled: np.ndarray = vectors_ND / np.maximum(length_N1, np.finfo(np.float32).tiny)
    return scaled
