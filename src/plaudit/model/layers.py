"""What is done to single layers before training: frozen, or begun anew."""

from __future__ import annotations

from plaudit.config import ModelConfig
from plaudit.errors import ConfigError
from plaudit.model import families
from plaudit.model.classifier import ReviewClassifier


def reinitialise(model: ReviewClassifier, config: ModelConfig) -> None:
    """Give the top ``config.reinit_layers`` layers fresh random weights.

    Raises
    ------
    ConfigError
        There are fewer layers than that, or some of them would be frozen as they are.

    Notes
    -----
    Source: Zhang et al. 2021, "Revisiting Few-sample BERT Fine-tuning", section 5.
    """
    stack, top = families.layers(model.stock), config.reinit_layers
    if top > len(stack):
        raise ConfigError(
            f"model.reinit_layers = {top}, but the encoder has {len(stack)} layers; use 0 to "
            f"{len(stack)}."
        )
    if top and top + config.freeze_layers > len(stack):
        raise ConfigError(
            f"model.reinit_layers = {top} and model.freeze_layers = {config.freeze_layers}, but "
            f"the encoder has {len(stack)} layers: random weights that are frozen learn nothing. "
            f"Together they may be {len(stack)} at most."
        )
    for module in (m for layer in stack[len(stack) - top :] for m in layer.modules()):
        for parameter in module.parameters(recurse=False):
            # transformers passes over what it has marked as loaded.
            parameter._is_hf_initialized = False  # type: ignore[attr-defined]
        model.stock._init_weights(module)


def freeze(model: ReviewClassifier, *, embeddings: bool, layers: int) -> None:
    """Stop training of the embeddings and of the lowest layers, and of what both hang on.

    Raises
    ------
    ConfigError
        There are fewer layers than that.
    """
    stack = families.layers(model.stock)
    if layers > len(stack):
        raise ConfigError(
            f"model.freeze_layers = {layers}, but the encoder has {len(stack)} layers; use 0 to "
            f"{len(stack)}."
        )
    if not (embeddings or layers):
        return
    depth = families.depth_of_parameters(model, model.stock)
    for name, parameter in model.named_parameters():
        # Relative positions, too: trained, they would take the way back through frozen layers.
        if depth[name] <= layers:
            parameter.requires_grad_(False)
