"""What a model folder says of itself, and the names of the files in it."""

from __future__ import annotations

import importlib.metadata
from typing import Literal

from pydantic import BaseModel, ConfigDict

from plaudit.config import CleanConfig, SplitConfig, TextConfig
from plaudit.errors import ConfigError
from plaudit.evaluate.cascade import Cascade
from plaudit.evaluate.decide import Decision
from plaudit.evaluate.mix import Mixture

MANIFEST = "plaudit.json"
WEIGHTS = "model.safetensors"
OWN_WEIGHTS = "plaudit.safetensors"
"""Name of the weights when plain transformers would compute something else: it then finds none,
and says so, instead of giving other labels."""
GRAPH = "model.onnx"
NGRAMS = "ngrams.safetensors"
PRINTS = "seen_texts.npy"
CARD = "README.md"
PAGES = (CARD, "report.html", "report.json")
"""For people, and theirs to edit: a change in them does not change what the model answers."""


class Gate(BaseModel):
    """How far an exported model's answers are from the original's.

    Attributes
    ----------
    data : str
        What the texts are, in words.
    texts : int
    answers : int
        More than texts: some were asked again alone, and beside texts of other lengths.
    differ : float
        Share of the answers with another label, or sure on one side only.
    limit : float
        The largest share that passes.
    max_difference, mean_difference : float
        Of the probabilities.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str
    texts: int
    answers: int
    differ: float
    limit: float
    max_difference: float
    mean_difference: float


class Origin(BaseModel):
    """What a model was exported from.

    Attributes
    ----------
    weights_sha256 : str
        Of the original's weights.
    gate : Gate or None
        None only until it has been passed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights_sha256: str
    gate: Gate | None = None


class Spec(BaseModel):
    """What plaudit needs beyond the Hugging Face files to give the same answers again.

    Attributes
    ----------
    weights : {"torch", "onnx", "onnx-int8"}
        What computes the logits, and from which file.
    exported : Origin or None
        None for a model as it was trained.
    labels : tuple of str
        In the order of the logits.
    pooling, window_pooling : str
    text, clean : TextConfig, CleanConfig
    split, seed, data : SplitConfig, int, str
        From which the held-out part of the training data can be found again; the sizes in force.
    precision : {"fp32", "bf16"}
        In which the report's numbers were computed.
    text_column, text_pair_column, label_column : str or None
        ``data.text``, ``data.text_pair`` and ``data.label`` of the run.
    data_files : dict of str to str
        Name to SHA-256 of what was trained on.
    label_mapping : dict of str to str, or None
        ``data.labels`` of the run.
    label_separator : str or None
        ``data.label_separator`` of a run with ``data.multilabel``; None: a text has one label.
    excluded : int
        Rows that ``data.exclude`` left out of training and validation.
    ngram_weight : float
        What the logits of a model of words count beside the encoder's.
    ngram_cascade : Cascade or None
        Where words answer without the encoder. Without it and with a weight of 0 there is no model
        of words.
    decision : Decision or None
        How logits become answers; None: the likeliest label, as it is.
    config_digest : str
    versions : dict of str to str
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    weights: Literal["torch", "onnx", "onnx-int8"] = "torch"
    exported: Origin | None = None
    labels: tuple[str, ...]
    pooling: Literal["cls", "pooler", "mean", "max"]
    window_pooling: Literal["mean", "max"]
    text: TextConfig
    clean: CleanConfig
    split: SplitConfig
    seed: int
    data: str
    data_files: dict[str, str]
    label_mapping: dict[str, str] | None
    precision: Literal["fp32", "bf16"] = "fp32"
    text_column: str | None = None
    text_pair_column: str | None = None
    label_column: str | None = None
    label_separator: str | None = None
    excluded: int = 0
    ngram_weight: float = 0.0
    ngram_cascade: Cascade | None = None
    decision: Decision | None = None
    config_digest: str
    versions: dict[str, str]

    @property
    def pairs(self) -> bool:
        """Whether the model reads two texts at a time."""
        return self.text_pair_column is not None

    @property
    def mixture(self) -> Mixture:
        """How a model of words and the encoder answer together."""
        return Mixture(self.ngram_weight, self.ngram_cascade)

    @property
    def has_words(self) -> bool:
        """Whether a model of words is in the folder."""
        return self.mixture.has_second

    @property
    def multilabel(self) -> bool:
        """Whether a text may have none, one or several labels."""
        return self.label_separator is not None


def refuse_pairs(spec: Spec, command: str) -> None:
    """Say that a command takes no model of pairs.

    Parameters
    ----------
    spec : Spec
    command : str
        Such as ``"explain"``.

    Raises
    ------
    ConfigError
        The model is one.
    """
    if spec.pairs:
        raise ConfigError(
            f"plaudit {command}: the model labels pairs of texts (data.text_pair = "
            f"{spec.text_pair_column!r}), and {command} is for models of single texts. plaudit "
            "predict, evaluate, score, compare and export take it."
        )


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on."""
    names = ("plaudit", "torch", "transformers", "tokenizers", "numpy", "scikit-learn")
    return {name: importlib.metadata.version(name) for name in names}
