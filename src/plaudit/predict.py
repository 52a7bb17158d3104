"""The one way from texts to predictions."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plaudit import artifact
from plaudit.data.handed import checked, checked_pairs, in_blocks, in_chunks
from plaudit.data.text_pairs import cleaned
from plaudit.errors import ConfigError
from plaudit.evaluate.calibrate import softmax
from plaudit.evaluate.decide import Answers, answer
from plaudit.model.device import Compute
from plaudit.model.infer import Engine
from plaudit.ngrams import NgramModel
from plaudit.text.encode import TextEncoder

Given = str | tuple[str, str]
"""A text; or, for a model of pairs, two."""
CHUNK = 2048
"""Texts held at a time; within them batches are sorted by length."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one text.

    Attributes
    ----------
    label : str
    probability : float
        Of that label.
    probabilities : mapping of str to float
        Of every label.
    unsure : bool
        Not to be relied on, by the model's rule; the label is then its best guess.
    possible : tuple of str, or None
        The labels of the conformal set, where the model has such a rule.
    """

    label: str
    probability: float
    probabilities: Mapping[str, float]
    unsure: bool = False
    possible: tuple[str, ...] | None = None


class Classifier:
    """A trained model that labels texts.

    Parameters
    ----------
    loaded : plaudit.artifact.Loaded
    compute : Compute
        Where and in what precision to run.

    Examples
    --------
    >>> import plaudit
    >>> classifier = plaudit.Classifier.load("runs/quickstart/model")
    >>> classifier.labels
    ('negative', 'positive')
    >>> [each.label for each in classifier.predict(["A triumph.", "Dull, and a waste."])]
    ['positive', 'negative']

    Texts may also come one by one, from a file or a queue:

    >>> for each in classifier.stream(iter(["Great plot!", "The worst."]), chunk=1):
    ...     print(each.label, round(each.probability, 1))
    positive 1.0
    negative 1.0

    A model that was trained with ``data.text_pair`` labels pairs:
    ``classifier.predict([("A man eats.", "Someone eats.")])``.
    """

    def __init__(self, loaded: artifact.Loaded, compute: Compute) -> None:
        self.spec = loaded.spec
        self.labels = loaded.spec.labels
        self.seen_prints_N = loaded.seen_prints_N
        self._engine = loaded.engine(compute)
        self._encoder = TextEncoder(loaded.tokenizer, loaded.spec.text, loaded.spec.pairs)
        self._ngrams = loaded.ngrams

    @property
    def engine(self) -> Engine:
        """What computes the encoder's logits."""
        return self._engine

    @property
    def encoder(self) -> TextEncoder:
        """What turns cleaned texts into token ids."""
        return self._encoder

    @property
    def ngrams(self) -> NgramModel | None:
        """The model of words that counts beside the encoder or answers in its place, if any."""
        return self._ngrams

    @classmethod
    def load(cls, path: Path | str, *, device: str = "auto", precision: str = "auto") -> Classifier:
        """Load a model folder after verifying it.

        Parameters
        ----------
        path : Path or str
            Such as ``runs/quickstart/model``, or what was exported from it.
        device : {"auto", "cpu", "cuda", "mps"}
        precision : {"auto", "fp32", "bf16"}
            auto: fp32 for a model that was reported in fp32, so that the numbers hold; else what
            the machine is fast at.

        Raises
        ------
        plaudit.errors.ArtifactError
            A file is missing or changed, or the parts do not fit each other.
        plaudit.errors.ConfigError
            The device asked for is not there, or not for an exported model; or a text may have
            several labels: :class:`plaudit.MultiLabelClassifier` is for such a model.
        """
        _refuse_several(path)
        loaded = artifact.load(path)
        return cls(loaded, loaded.compute(device, precision))

    def predict(self, texts: Sequence[Given]) -> list[Prediction]:
        """Label texts.

        Parameters
        ----------
        texts : sequence of str, or of (str, str)
            Raw texts, or pairs of them for a model of pairs; they are cleaned as the training data
            was.

        Returns
        -------
        list of Prediction
            In the order of ``texts``.

        Raises
        ------
        plaudit.errors.DataError
            ``texts`` is one string, or holds something that is not a string (not a pair of strings,
            for a model of pairs) or is longer than ``plaudit.data.rows.LONGEST_TEXT`` characters.
        """
        return list(self.stream(texts))

    def stream(self, texts: Iterable[Given], *, chunk: int = CHUNK) -> Iterator[Prediction]:
        """Label texts as they come, in bounded memory.

        Parameters
        ----------
        texts : iterable of str, or of (str, str)
        chunk : int
            Texts that are read before the first answer: 1 answers each at once, more is faster.

        Yields
        ------
        Prediction
        """
        for block in in_chunks(texts, chunk):
            whole = checked_pairs(block) if self.spec.pairs else checked(block)
            read = [cleaned(text, self.spec.clean) for text in whole]
            yield from self._named(self.answers(self._block(read)))

    @property
    def abstains(self) -> bool:
        """Whether some answers may be unsure."""
        return self.spec.decision is not None and self.spec.decision.abstain != "none"

    def answers(self, probabilities_NC: np.ndarray) -> Answers:
        """Decide: by the model's threshold or costs, and when to be unsure.

        Parameters
        ----------
        probabilities_NC : ndarray of float64
            From :meth:`probabilities`.

        Returns
        -------
        plaudit.evaluate.decide.Answers
        """
        return answer(probabilities_NC, self.spec.decision)

    def _named(self, answers: Answers) -> Iterator[Prediction]:
        for n, row_C in enumerate(answers.probabilities_NC):
            best = int(answers.chosen_N[n])
            possible = None
            if answers.possible_NC is not None:
                possible = tuple(self.labels[i] for i in np.flatnonzero(answers.possible_NC[n]))
            yield Prediction(
                self.labels[best],
                float(row_C[best]),
                dict(zip(self.labels, map(float, row_C), strict=True)),
                bool(answers.unsure_N[n]),
                possible,
            )

    def probabilities(self, cleaned: Sequence[str], *, chunk: int = CHUNK) -> np.ndarray:
        """Return the calibrated probabilities of texts that are already cleaned.

        Parameters
        ----------
        cleaned : sequence of str
        chunk : int

        Returns
        -------
        ndarray of float64, shape (N, C)
        """
        return in_blocks(self._block, cleaned, chunk, len(self.labels))

    def logits(self, cleaned: Sequence[str]) -> np.ndarray:
        """Return the logits of texts that are already cleaned, all at once.

        Parameters
        ----------
        cleaned : sequence of str
            At most as many as memory holds, encoded.

        Returns
        -------
        ndarray of float, shape (N, C)
            The encoder's, and what a model of words adds to them where there is one; the words'
            own where they answer alone, and the encoder is not asked.
        """
        if self._ngrams is None:
            return self._encoder_logits(cleaned)
        words, mixture = self._ngrams.read(cleaned), self.spec.mixture
        own_NC = np.zeros(words[0].shape)
        if asked := np.flatnonzero(~mixture.sure(words)).tolist():
            own_NC[asked] = self._encoder_logits([cleaned[n] for n in asked])
        return mixture.logits(own_NC, words)

    def _encoder_logits(self, cleaned: Sequence[str]) -> np.ndarray:
        encoded = self._encoder.encode(cleaned)
        return self._engine.logits(encoded, pad_id=self._encoder.pad_id)

    def answered_by_words(self, cleaned: Sequence[str]) -> np.ndarray:
        """Say which texts words answer in the encoder's place.

        Parameters
        ----------
        cleaned : sequence of str

        Returns
        -------
        ndarray of bool, shape (N,)
        """
        if self.spec.ngram_cascade is None or self._ngrams is None:
            return np.zeros(len(cleaned), dtype=bool)
        return self.spec.mixture.sure(self._ngrams.read(cleaned))

    def in_full(self) -> Classifier:
        """Return the same model, with the encoder asked about every text."""
        full = copy.copy(self)
        full.spec = self.spec.model_copy(update={"ngram_cascade": None})
        return full

    def _block(self, cleaned: Sequence[str]) -> np.ndarray:
        return self.calibrated(self.logits(cleaned))

    def calibrated(self, logits_NC: np.ndarray) -> np.ndarray:
        """Return the probabilities that logits mean, by the model's temperature.

        Parameters
        ----------
        logits_NC : ndarray of float
            From :meth:`logits`.

        Returns
        -------
        ndarray of float64, shape (N, C)
        """
        # In float64 before the division, as the temperature was fitted.
        return softmax(logits_NC.astype(np.float64) / self.temperature)

    @property
    def temperature(self) -> float:
        """What logits are divided by, so that probabilities hold; 1 where none was fitted."""
        return self.spec.decision.temperature if self.spec.decision else 1.0


def _refuse_several(path: Path | str) -> None:
    """Whatever works with one answer a text would be wrong about a set of them."""
    if artifact.read_spec(Path(path)).multilabel:
        raise ConfigError(
            f"{path}: this model gives a text any number of labels (data.multilabel), where one "
            "label a text is needed. predict, evaluate, score, export, embed, push and report take "
            "such models (in Python: plaudit.MultiLabelClassifier). Use one of these, or a model "
            "that was trained without data.multilabel."
        )
