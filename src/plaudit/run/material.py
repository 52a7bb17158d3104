"""What a run works on: prepared rows, as tokens, and on which machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from plaudit import ngrams
from plaudit.config import Config
from plaudit.data.prepare import Prepared
from plaudit.data.unlabelled import NO_LABEL
from plaudit.model.build import check_trainable, load_tokenizer
from plaudit.model.device import Compute
from plaudit.ngrams import NgramModel
from plaudit.text.encode import TextEncoder
from plaudit.text.encoded import Encoded, joined


@dataclass(frozen=True)  # without slots: what is cached needs a place
class Data:
    """What a model learns from, and is chosen on.

    Attributes
    ----------
    prepared : Prepared
    pad_id : int
    train, validation : Encoded
    unlabelled : Encoded or None
        Texts on which a teacher alone is followed.
    teacher_NC : ndarray of float32, or None
        A teacher's logits, by its own temperature, of the training texts and, after them, of those
        without a label.
    """

    prepared: Prepared
    pad_id: int
    train: Encoded
    validation: Encoded
    unlabelled: Encoded | None = None
    teacher_NC: np.ndarray | None = None

    @property
    def learnt(self) -> Encoded:
        """The texts of an epoch: those for training, then those without a label."""
        return self.train if self.unlabelled is None else joined(self.train, self.unlabelled)

    @cached_property
    def ngrams(self) -> NgramModel:
        """A model of words, trained on the training texts when it is first asked for."""
        train = self.prepared.train
        return ngrams.fit(train.texts, train.targets_N, len(self.prepared.labels))

    @property
    def targets_N(self) -> np.ndarray:
        """The targets of those."""
        own_N = self.prepared.train.targets_N
        if self.unlabelled is None:
            return own_N
        return np.concatenate([own_N, np.full(len(self.unlabelled), NO_LABEL, dtype=own_N.dtype)])


def text_encoder(config: Config) -> TextEncoder:
    """Return what turns a run's texts into tokens.

    Raises
    ------
    ConfigError
        The encoder is not there, or none that can be trained.
    """
    check_trainable(config.model.encoder)
    return TextEncoder(load_tokenizer(config.model.encoder), config.text, config.pairs)


def encoded(prepared: Prepared, encoder: TextEncoder) -> Data:
    """Turn the texts of both parts into tokens."""
    train = encoder.encode_cached(prepared.train.texts)
    validation = encoder.encode_cached(prepared.validation.texts)
    return Data(prepared, encoder.pad_id, train, validation)


@dataclass(frozen=True, slots=True)
class Ready:
    """What stands before a model is built; several seeds share it.

    Attributes
    ----------
    compute : Compute
    encoder : TextEncoder
    data : Data
        Prepared and encoded.
    """

    compute: Compute
    encoder: TextEncoder
    data: Data
