"""The configuration of a run: frozen, strict, with every default in one place.

A recipe (TOML) names only what differs from these defaults; ``section.key=value`` on the command
line overrides both: :mod:`plaudit.config.resolve` reads and merges them.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from plaudit.config.limits import FEWEST_TOKENS
from plaudit.config.practice import (
    ContrastConfig,
    CotrainConfig,
    CraftConfig,
    DistillConfig,
    ImbalanceConfig,
    LoraConfig,
    NgramsConfig,
    PretrainConfig,
    PseudoConfig,
)
from plaudit.config.section import Fraction, Section
from plaudit.config.stating import DecideConfig, EvaluateConfig, ReportConfig

Size = Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0.0, lt=1.0)]


def _joined(value: object) -> object:
    """Write a list of columns as one string, the form in which a column is named everywhere."""
    listed = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    return ",".join(value) if listed else value  # type: ignore[arg-type]


class DataConfig(Section):
    """Where the labelled reviews come from."""

    train: str = "imdb"
    """Training data: 'imdb', 'bundled' (the reviews that a package carries; its sentences of
    another domain are 'bundled:rotten_tomatoes'), 'bbc-news' (articles on five topics, from a
    package too), a file or glob (CSV, TSV, JSONL, Parquet), an aclImdb folder or tarball, or
    'hub:owner/name'."""
    validation: str | None = None
    """Validation data; without it, a part of the training data is set aside."""
    test: str | None = None
    """Test data, opened only after training; without it, the official split or a held-out part."""
    text: str | None = None
    """Column of the text; guessed when there is one possible choice."""
    text_pair: str | None = None
    """Column of a second text, where two are labelled together: premise and hypothesis, question
    and passage. The encoder reads both, as [CLS] text [SEP] text_pair [SEP]."""
    label: Annotated[str | None, BeforeValidator(_joined)] = None
    """Column of the label; guessed when there is one possible choice. With data.multilabel also
    several columns of 0 and 1, separated by commas: joy,anger."""
    multilabel: bool = False
    """A text may have none, one or several labels: a list of them (JSONL, Parquet), a string in
    which data.label_separator joins them, or a column of 0 and 1 for each."""
    label_separator: Annotated[str, Field(min_length=1)] = "|"
    """What stands between the labels of a text where they are a string (data.multilabel)."""
    labels: dict[str, str] | None = None
    """Mapping from values to label names; a key may be a range, as in {"1-4" = "negative"}."""
    exclude: str | None = None
    """A table (CSV, TSV, JSONL, Parquet) whose texts, of whatever column, are left out of training
    and validation: the pairs that plaudit robustness evaluates on. Case, spacing and punctuation
    do not matter."""
    extra: str | None = None
    """More labelled data to train on, with the same labels; never validated or tested on. What also
    stands in the validation or held-out part is left out; what a given or official test set, shut
    until then, shares with it is counted when that is opened."""
    imdb: str | None = None
    """A local copy of IMDB for the name 'imdb' (also: the environment variable PLAUDIT_IMDB)."""


class CleanConfig(Section):
    """Steps of cleaning, each of which can be switched off."""

    html: bool = True
    """Turn <br /> and other tags into spaces."""
    entities: bool = True
    """Turn HTML entities such as &amp; into their characters."""
    unicode: bool = True
    """Normal form C; repair surrogates and Windows-1252 characters read as Latin-1."""
    control: bool = True
    """Remove control characters."""
    whitespace: bool = True
    """Fold runs of white space into one space, and strip."""
    remove_punctuation: bool = False
    """Turn punctuation into spaces. Measured to cost accuracy (docs/LOG.md); off."""


class SplitConfig(Section):
    """How data without an official split is divided. A number below 1 is a share, else rows."""

    train_size: Size | None = None
    """Cap on the training rows, stratified; all of the rest by default."""
    per_class: Annotated[int, Field(ge=1)] | None = None
    """Labelled texts of each class to train on, drawn by the split's seed (few-shot). The labels of
    the other training rows are left aside."""
    validation_size: Size = 0.05
    """Set aside for choosing the best epoch. 0: none; the last state is kept."""
    test_size: Size = 0.1
    """Held out for the one evaluation at the end. 0: none. Not used when a test set is given."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None
    """Seed of the split alone, by default the run's: runs that share it have the same test rows."""


class TextConfig(Section):
    """How text becomes tokens."""

    max_tokens: Annotated[int, Field(ge=FEWEST_TOKENS, le=8192)] = 256
    """Tokens of one piece of text, special tokens included."""
    policy: Literal["head", "tail", "head_tail", "windows"] = "head_tail"
    """What is kept of a longer text."""
    head_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.25
    """Share of the kept tokens taken from the beginning (policy head_tail)."""
    stride: Annotated[int, Field(ge=0)] = 32
    """Tokens that neighbouring windows share (policy windows)."""
    max_windows: Annotated[int, Field(ge=1)] = 8
    """Windows of one text at most; the last one always ends at the text's end (policy windows)."""
    window_pooling: Literal["mean", "max"] = "mean"
    """How the logits of a text's windows are combined (policy windows)."""
    cache: bool = True
    """Keep encoded data on disk, by content, for the next run."""


class ModelConfig(Section):
    """The encoder and the classification head on top of it."""

    encoder: str = "bundled"
    """'bundled' (all-MiniLM-L6-v2), a model folder, or 'hub:owner/name'; safetensors only."""
    pooling: Literal["cls", "pooler", "mean", "max"] = "mean"
    """How token states become one vector: the first token through a fresh or through the
    checkpoint's own dense layer, the mean, or the maximum over tokens."""
    head_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.1
    """Dropout before the classification layer."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Dropout on the encoder's hidden states. On 2,000 reviews no gain (docs/results.md)."""
    attention_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Dropout on attention weights; above 0 it forces a slow path on CPU."""
    freeze_embeddings: bool = False
    """Do not train the embeddings."""
    freeze_layers: Annotated[int, Field(ge=0)] = 0
    """Do not train the first so many layers (nor the embeddings, when above 0). Saves time;
    on 2,000 reviews no gain (docs/results.md)."""
    reinit_layers: Annotated[int, Field(ge=0)] = 0
    """Give so many top layers fresh random weights: the uppermost know most of what they were
    pretrained for (Zhang et al. 2021). On 2,000 reviews no gain (docs/results.md)."""


class OptimConfig(Section):
    """The optimiser and its schedule."""

    optimizer: Literal["adamw", "adafactor", "sgd"] = "adamw"
    """Which optimiser; sgd uses the first beta as its momentum."""
    lr: Annotated[float, Field(gt=0.0)] = 1e-4
    """Peak learning rate of the top layer, and of the head unless it has its own."""
    head_lr: Annotated[float, Field(gt=0.0)] | None = None
    """Peak learning rate of the head: it starts from nothing, so ten times lr can suit it. On
    2,000 reviews no gain (docs/results.md)."""
    layer_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """Factor on the learning rate for each layer further down."""
    betas: tuple[
        Annotated[float, Field(ge=0.0, lt=1.0)], Annotated[float, Field(ge=0.0, lt=1.0)]
    ] = (0.9, 0.98)
    """Decay rates of the moving averages (adamw; the first is sgd's momentum)."""
    eps: Annotated[float, Field(gt=0.0)] = 1e-6
    """Added to the denominator (adamw)."""
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.01
    """Decoupled weight decay; not on biases and normalisation layers."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Course of the learning rate after warm-up."""
    warmup_fraction: Fraction = 0.06
    """Share of all steps over which the rate rises from 0."""
    clip_norm: Annotated[float, Field(ge=0.0)] = 1.0
    """Largest norm of the gradient; 0 switches clipping off."""


class TrainConfig(Section):
    """The training loop."""

    epochs: Annotated[float, Field(gt=0.0, le=100_000.0)] = 2.0
    """Passes over the training data; may be a part of one."""
    max_steps: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Optimiser steps, instead of epochs."""
    max_seconds: Annotated[float, Field(gt=0.0)] | None = None
    """Seconds of fine-tuning at most, validation not counted; the schedule then ends with them.
    What pretrain.epochs asks for comes before, and is not bounded by it."""
    batch_tokens: Annotated[int, Field(ge=8)] = 6144
    """Tokens in a batch at most, padding included (a packed batch has none)."""
    batch_examples: Annotated[int, Field(ge=1)] | None = None
    """Examples in a batch instead of tokens."""
    accumulation: Annotated[int, Field(ge=1)] = 1
    """Batches per optimiser step."""
    checkpoint_seconds: Annotated[float, Field(ge=0.0)] = 300.0
    """Seconds between checkpoints, more where writing one would take over 1% of the time; 0: only
    when interrupted. The last two are kept, and the best state."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 products with fp32 master weights where the hardware is fast at it."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """auto: a GPU when there is one."""
    packed: Literal["auto"] | bool = "auto"
    """Put texts one after the other in one row, without padding. auto: where the device has an
    attention kernel for it (CUDA in bf16, no attention dropout); elsewhere it is slower."""
    cuda_graphs: Literal["auto"] | bool = "auto"
    """Record the encoder's part of a step once and replay it, so that the host need not launch each
    kernel anew. auto: with packed batches on a GPU, where nothing stands against it."""
    compile: bool = False
    """Compile the encoder's layers with torch.compile: faster steps after a slow start."""
    evaluations: Annotated[int, Field(ge=1)] = 2
    """Evaluations on validation per epoch."""
    select: Literal["accuracy", "macro_f1", "log_loss", "mcc"] = "accuracy"
    """The validation metric by which the best state is kept. With data.multilabel accuracy is the
    share of texts whose labels are all right, by thresholds as they are fitted at the end."""
    patience: Annotated[int, Field(ge=0)] = 0
    """Stop after so many evaluations without a better value; 0: never."""
    average: Literal["none", "ema", "soup"] = "none"
    """Validate and save a mean of the weights: ema, moving, over steps; soup, plain, over the
    states at the evaluations. On 2,000 reviews no gain (docs/results.md)."""
    average_decay: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.99
    """What a step leaves of the moving average (ema)."""
    average_from: Fraction = 0.5
    """Share of the steps that is over before the mean begins."""


class Config(Section):
    """A whole run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=150)] = "run"
    """Name of the run's folder."""
    out: Annotated[str, AfterValidator(os.path.expanduser)] = "runs"
    """Folder that holds the runs; ~ is the home folder."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the split, the order of batches, the head's initial weights and dropout."""
    seeds: Annotated[int, Field(ge=1, le=100)] = 1
    """Train so often, with seed, seed + 1 and so on, on the same split; the best on validation
    becomes the run's model, and the report has mean, standard deviation and the ensemble."""
    data: DataConfig = DataConfig()
    clean: CleanConfig = CleanConfig()
    split: SplitConfig = SplitConfig()
    text: TextConfig = TextConfig()
    model: ModelConfig = ModelConfig()
    lora: LoraConfig = LoraConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    imbalance: ImbalanceConfig = ImbalanceConfig()
    craft: CraftConfig = CraftConfig()
    pretrain: PretrainConfig = PretrainConfig()
    distill: DistillConfig = DistillConfig()
    pseudo: PseudoConfig = PseudoConfig()
    contrast: ContrastConfig = ContrastConfig()
    cotrain: CotrainConfig = CotrainConfig()
    ngrams: NgramsConfig = NgramsConfig()
    decide: DecideConfig = DecideConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    report: ReportConfig = ReportConfig()

    @property
    def split_seed(self) -> int:
        """The seed by which the data is divided."""
        return self.seed if self.split.seed is None else self.split.seed

    @property
    def pairs(self) -> bool:
        """Whether two texts are labelled together."""
        return self.data.text_pair is not None

    def digest(self) -> str:
        """Return a short SHA-256 over everything but the run's name and place.

        Returns
        -------
        str
            Sixteen hexadecimal digits, equal for equal settings in any order.
        """
        values = self.model_dump(mode="json", exclude={"name", "out"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
