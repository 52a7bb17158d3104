"""The one way from texts to sets of labels, for models that give any number of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plaudit import artifact
from plaudit.data.clean import clean
from plaudit.data.handed import checked, in_blocks, in_chunks
from plaudit.data.label_sets import named
from plaudit.errors import ConfigError
from plaudit.evaluate.label_thresholds import HALF, given, sigmoid
from plaudit.model.device import Compute
from plaudit.model.infer import Engine
from plaudit.predict import CHUNK, Classifier, Given
from plaudit.text.encode import TextEncoder


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The answer for one text.

    Attributes
    ----------
    labels : tuple of str
        Those whose probability reaches the label's threshold; there may be none.
    probabilities : mapping of str to float
        Of every label, each by itself: they do not sum to 1.
    """

    labels: tuple[str, ...]
    probabilities: Mapping[str, float]


class MultiLabelClassifier:
    """A trained model that gives a text none, one or several labels.

    Parameters
    ----------
    loaded : plaudit.artifact.Loaded
    compute : plaudit.model.device.Compute
        Where and in what precision to run.

    Examples
    --------
    >>> import plaudit
    >>> plaudit.MultiLabelClassifier.load("runs/quickstart/model")
    Traceback (most recent call last):
    ...
    plaudit.errors.ConfigError: runs/quickstart/model: this model gives a text one label ...
    """

    def __init__(self, loaded: artifact.Loaded, compute: Compute) -> None:
        self.spec = loaded.spec
        self.labels = loaded.spec.labels
        self.seen_prints_N = loaded.seen_prints_N
        self._engine = loaded.engine(compute)
        self._encoder = TextEncoder(loaded.tokenizer, loaded.spec.text)

    @classmethod
    def load(
        cls, path: Path | str, *, device: str = "auto", precision: str = "auto"
    ) -> MultiLabelClassifier:
        """Load a model folder after verifying it.

        Parameters
        ----------
        path : Path or str
        device, precision : str
            As for :meth:`plaudit.Classifier.load`.

        Raises
        ------
        plaudit.errors.ArtifactError
            A file is missing or changed, or the parts do not fit each other.
        plaudit.errors.ConfigError
            The model gives one label a text, or the device asked for is not there.
        """
        loaded = artifact.load(path)
        if not loaded.spec.multilabel:
            raise ConfigError(
                f"{path}: this model gives a text one label (it was trained without "
                "data.multilabel). Load it with plaudit.Classifier."
            )
        return cls(loaded, loaded.compute(device, precision))

    @property
    def engine(self) -> Engine:
        """What computes the logits."""
        return self._engine

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The probability from which on each label is given."""
        decision = self.spec.decision
        fitted = decision.label_thresholds if decision else None
        return fitted or (HALF,) * len(self.labels)

    @property
    def separator(self) -> str | None:
        """What joins labels in a string, as in the training data."""
        return self.spec.label_separator

    def predict(self, texts: Sequence[Given]) -> list[LabelSet]:
        """Label texts.

        Parameters
        ----------
        texts : sequence of str
            Raw texts; they are cleaned as the training data was.

        Returns
        -------
        list of LabelSet
            In the order of ``texts``.

        Raises
        ------
        plaudit.errors.DataError
            ``texts`` is one string, or holds something that is not a string (a pair of texts is
            for models of pairs) or is too long.
        """
        return list(self.stream(texts))

    def stream(self, texts: Iterable[Given], *, chunk: int = CHUNK) -> Iterator[LabelSet]:
        """Label texts as they come, in bounded memory.

        Parameters
        ----------
        texts : iterable of str
        chunk : int
            Texts that are read before the first answer.

        Yields
        ------
        LabelSet
        """
        for block in in_chunks(texts, chunk):
            cleaned = [clean(text, self.spec.clean) for text in checked(block)]
            rows_NC = self.probabilities(cleaned)
            names = named(self.given(rows_NC), self.labels)
            for own, row_C in zip(names, rows_NC.tolist(), strict=True):
                yield LabelSet(own, dict(zip(self.labels, row_C, strict=True)))

    def probabilities(self, cleaned: Sequence[str], *, chunk: int = CHUNK) -> np.ndarray:
        """Return the probability of each label for texts that are already cleaned.

        Parameters
        ----------
        cleaned : sequence of str
        chunk : int

        Returns
        -------
        ndarray of float64, shape (N, C)
        """
        return in_blocks(self._block, cleaned, chunk, len(self.labels))

    def _block(self, cleaned: Sequence[str]) -> np.ndarray:
        encoded = self._encoder.encode(cleaned)
        return sigmoid(self._engine.logits(encoded, pad_id=self._encoder.pad_id))

    def given(self, probabilities_NC: np.ndarray) -> np.ndarray:
        """Return which labels reach their threshold.

        Parameters
        ----------
        probabilities_NC : ndarray of float64

        Returns
        -------
        ndarray of bool, shape (N, C)
        """
        return given(probabilities_NC, self.thresholds)


def load(
    path: Path | str, *, device: str = "auto", precision: str = "auto"
) -> Classifier | MultiLabelClassifier:
    """Load a model folder, whichever kind of answers it gives.

    Parameters
    ----------
    path : Path or str
    device, precision : str
        As for :meth:`plaudit.Classifier.load`.

    Returns
    -------
    Classifier or MultiLabelClassifier

    Raises
    ------
    plaudit.errors.PlauditError
        The model or the device cannot be used.
    """
    kind = MultiLabelClassifier if artifact.read_spec(Path(path)).multilabel else Classifier
    return kind.load(path, device=device, precision=precision)
