"""Classifiers in memory: a trained one that knows its words, and random ones of every kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit import artifact
from plaudit.config import CleanConfig, ModelConfig, SplitConfig, TextConfig
from plaudit.model.build import build, load_tokenizer
from plaudit.model.device import Compute
from plaudit.predict import Classifier
from tests.conftest import save_encoder
from tests.test_artifact import stir


@pytest.fixture(scope="session")
def trained(workshop: Path) -> Classifier:
    """Fine-tuned on reviews whose words give the label away."""
    return Classifier.load(workshop / "runs/quickstart/model", device="cpu")


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("encoders")

    def encoder(family: str) -> Path:
        place = folder / family
        return place if place.is_dir() else save_encoder(place, family)

    return encoder


@pytest.fixture(scope="session")
def random_classifier(encoders: Callable[[str], Path]) -> Callable[..., Classifier]:
    """Build a classifier with random weights, large enough for words to matter."""

    def make(
        family: str = "bert",
        pooling: Any = "mean",
        labels: tuple[str, ...] = ("negative", "positive"),
        window_pooling: Any = "mean",
        **text: Any,
    ) -> Classifier:
        torch.manual_seed(0)
        config = ModelConfig(encoder=str(encoders(family)), pooling=pooling)
        text = {"max_tokens": 32} | text
        model = build(
            config, labels, max_tokens=text["max_tokens"], window_pooling=window_pooling
        )  # fmt: skip
        stir(model)
        spec = artifact.Spec(
            labels=labels, pooling=pooling, window_pooling=window_pooling,
            text=TextConfig(**text), clean=CleanConfig(), split=SplitConfig(), seed=0,
            data="reviews.csv", data_files={}, label_mapping=None, config_digest="0" * 16,
            versions=artifact.versions(),
        )  # fmt: skip
        loaded = artifact.Loaded(
            model, load_tokenizer(str(encoders(family))), spec, np.zeros(0, np.uint64)
        )
        return Classifier(loaded, Compute("cpu", "fp32", "test"))

    return make
