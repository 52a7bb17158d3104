"""Where the parts of each BERT-family architecture stand, and how its own head is called.

The head is always the architecture's own (``AutoModelForSequenceClassification``), fed with our
pooled vector where it would read the first token. So a saved model loads in plain transformers.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

from plaudit.errors import ConfigError

FAMILIES = (
    "bert", "camembert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta",
    "xlm-roberta",
)  # fmt: skip

Fold = Literal["extra_layer", "native", "none"]


def check(model_type: str) -> None:
    """Raise ConfigError unless the architecture is one that plaudit knows."""
    if model_type not in FAMILIES:
        raise ConfigError(
            f"model.encoder is a {model_type!r} model; plaudit knows: {', '.join(FAMILIES)}"
        )


def layers(stock: Any) -> list[nn.Module]:
    """Return the encoder's layers, lowest first."""
    base = stock.base_model
    match stock.config.model_type:
        case "distilbert":
            return list(base.transformer.layer)
        case "modernbert":
            return list(base.layers)
        case _:
            return list(base.encoder.layer)


def depth_of_parameters(model: nn.Module, stock: Any) -> dict[str, int]:
    """Number parameters by depth: 0 embeddings, 1 … L the layers, L + 1 the head.

    Parameters of the encoder that belong to no layer count as embeddings (relative positions, say),
    or, where they come after all layers, as the top one.

    Parameters
    ----------
    model : nn.Module
        Whose parameters are named.
    stock : transformers.PreTrainedModel
        The stock model in it.

    Returns
    -------
    dict of str to int
        Parameter name to depth.
    """
    stack = layers(stock)
    depth = {id(p): 0 for p in model.parameters()}
    for i, layer in enumerate(stack, start=1):
        depth |= {id(p): i for p in layer.parameters()}
    if stock.config.model_type == "modernbert":
        depth |= {id(p): len(stack) for p in stock.base_model.final_norm.parameters()}
    for part in head_parts(stock):
        depth |= {id(p): len(stack) + 1 for p in part.parameters()}
    return {name: depth[id(p)] for name, p in model.named_parameters()}


def embeddings(stock: Any) -> nn.Module:
    """Return the embedding module."""
    module: nn.Module = stock.base_model.embeddings
    return module


def dense(stock: Any) -> nn.Linear:
    """Return the head's dense layer, between the pooled vector and the classification layer."""
    match stock.config.model_type:
        case "bert":
            layer = stock.bert.pooler.dense
        case "distilbert":
            layer = stock.pre_classifier
        case "deberta-v2":
            layer = stock.pooler.dense
        case "modernbert":
            layer = stock.head.dense
        case _:
            layer = stock.classifier.dense
    linear: nn.Linear = layer
    return linear


def head_parts(stock: Any) -> list[nn.Module]:
    """Return the modules of the head, its dropout included."""
    match stock.config.model_type:
        case "bert":
            return [stock.bert.pooler, stock.dropout, stock.classifier]
        case "distilbert":
            return [stock.pre_classifier, stock.dropout, stock.classifier]
        case "deberta-v2":
            return [stock.pooler, stock.dropout, stock.classifier]
        case "modernbert":
            return [stock.head, stock.drop, stock.classifier]
        case _:
            return [stock.classifier]


def classification(stock: Any) -> nn.Linear:
    """Return the last layer, which gives the logits."""
    layer = stock.classifier
    linear: nn.Linear = layer if isinstance(layer, nn.Linear) else layer.out_proj
    return linear


def head(stock: Any, pooled_BD: torch.Tensor) -> torch.Tensor:
    """Run the architecture's own head on pooled vectors.

    Returns
    -------
    Tensor, shape (B, C)
    """
    logits: torch.Tensor
    match stock.config.model_type:
        case "bert":
            logits = stock.classifier(stock.dropout(stock.bert.pooler(pooled_BD[:, None])))
        case "distilbert":
            hidden_BD = torch.relu(stock.pre_classifier(pooled_BD))
            logits = stock.classifier(stock.dropout(hidden_BD))
        case "deberta-v2":
            logits = stock.classifier(stock.dropout(stock.pooler(pooled_BD[:, None])))
        case "modernbert":
            logits = stock.classifier(stock.drop(stock.head(pooled_BD)))
        case _:
            logits = stock.classifier(pooled_BD[:, None])
    return logits


def query_and_value(model_type: str) -> tuple[str, ...]:
    """Name the matrices of attention that make queries and values; ModernBERT's are one."""
    match model_type:
        case "distilbert":
            return ("q_lin", "v_lin")
        case "deberta-v2":
            return ("query_proj", "value_proj")
        case "mpnet":
            return ("attn.q", "attn.v")
        case "modernbert":
            return ("Wqkv",)
        case _:
            return ("query", "value")


def widening(config: Any, layer: Any) -> tuple[nn.Module, str, str]:
    """Say where a layer of one of ``plaudit.model.attention.FAMILIES`` widens its states.

    Returns
    -------
    (nn.Module, str, str)
        A part of the layer, and under which names it has its linear layer and the activation.
    """
    if config.model_type == "distilbert":
        return layer.ffn, "lin1", "activation"
    return layer.intermediate, "dense", "intermediate_act_fn"


def is_gelu(config: Any) -> bool:
    """Say whether the activation between a layer's two wide matrices is GELU, not approximated."""
    name = config.activation if config.model_type == "distilbert" else config.hidden_act
    return bool(name == "gelu")


def word_logits(mlm: Any, states_MD: torch.Tensor) -> torch.Tensor:
    """Run the head of an ``AutoModelForMaskedLM`` on the states of some tokens.

    Returns
    -------
    Tensor, shape (M, vocabulary)
    """
    states_1MD = states_MD[None]
    logits: torch.Tensor
    match mlm.config.model_type:
        case "bert":
            logits = mlm.cls(states_1MD)
        case "deberta-v2" if mlm.legacy:
            logits = mlm.cls(states_1MD)
        case "deberta-v2":
            logits = mlm.lm_predictions(states_1MD, mlm.base_model.embeddings.word_embeddings)
        case "distilbert":
            hidden_1MD = mlm.vocab_layer_norm(mlm.activation(mlm.vocab_transform(states_1MD)))
            logits = mlm.vocab_projector(hidden_1MD)
        case "electra":
            logits = mlm.generator_lm_head(mlm.generator_predictions(states_1MD))
        case "modernbert":
            logits = mlm.decoder(mlm.head(states_1MD))
        case _:
            logits = mlm.lm_head(states_1MD)
    return logits[0]


def mean_fold(model_type: str) -> Fold:
    """Say how a mean-pooled model of this family is written down in stock form.

    ``extra_layer``: one more stock layer that attends evenly to all tokens. ``native``: the
    architecture has mean pooling. ``none``: it cannot be (MPNet and DeBERTa bias attention by
    position).
    """
    match model_type:
        case "modernbert":
            return "native"
        case "mpnet" | "deberta-v2":
            return "none"
        case _:
            return "extra_layer"


def longest(config: Any) -> int:
    """Return how many tokens the encoder can read."""
    most = int(getattr(config, "max_position_embeddings", 512))
    # RoBERTa and MPNet number positions from padding_idx + 1 on.
    offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet") else 0
    return most - offset


def types(config: Any, types_PT: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """Return the keyword by which an encoder takes token types; empty where it has none."""
    if types_PT is None or getattr(config, "type_vocab_size", 0) < 2:
        return {}
    return {"token_type_ids": types_PT}


def set_dropout(config: Any, dropout: float, attention_dropout: float) -> None:
    """Write the dropout rates under the names that the architecture uses."""
    match config.model_type:
        case "distilbert":
            names = (["dropout"], ["attention_dropout"])
        case "modernbert":
            names = (["embedding_dropout", "mlp_dropout"], ["attention_dropout"])
        case _:
            names = (["hidden_dropout_prob"], ["attention_probs_dropout_prob"])
    for group, value in zip(names, (dropout, attention_dropout), strict=True):
        for name in group:
            setattr(config, name, value)
