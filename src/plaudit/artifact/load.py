"""Reading a model folder back, whatever its weights are in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plaudit.artifact.manifest import files_of, verify
from plaudit.artifact.spec import GRAPH, MANIFEST, NGRAMS, OWN_WEIGHTS, PRINTS, Spec
from plaudit.errors import ArtifactError, MissingExtra
from plaudit.model import fold, onnx
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute, plan
from plaudit.model.infer import Engine, TorchEngine
from plaudit.model.loading import check_tokens, check_vocabulary, quiet
from plaudit.model.onnx import OnnxModel
from plaudit.ngrams import NgramModel


@dataclass(frozen=True, slots=True)
class Loaded:
    """A verified artefact in memory.

    Attributes
    ----------
    model : ReviewClassifier or OnnxModel
        By ``spec.weights``.
    tokenizer : transformers.PreTrainedTokenizerBase
    spec : Spec
    seen_prints_N : ndarray of uint64
        Fingerprints of the texts that training or selection has seen, exact and loose.
    ngrams : NgramModel or None
        What answers beside the model by ``spec.mixture``.
    """

    model: ReviewClassifier | OnnxModel
    tokenizer: Any
    spec: Spec
    seen_prints_N: np.ndarray
    ngrams: NgramModel | None = None

    def compute(self, device: str, precision: str) -> Compute:
        """Say where and in what precision it runs; auto: as its report's numbers were computed."""
        if self.spec.weights != "torch":
            return onnx.plan(device, precision)
        if precision == "auto" and self.spec.precision == "fp32":
            precision = "fp32"
        return plan(device, precision)

    def engine(self, compute: Compute) -> Engine:
        """Return what computes its logits."""
        if isinstance(self.model, OnnxModel):
            return self.model
        return TorchEngine.of(self.model, compute)


def load(folder: Path | str) -> Loaded:
    """Verify and load an artefact.

    Parameters
    ----------
    folder : Path or str

    Returns
    -------
    Loaded
        The model on the CPU, in evaluation mode.

    Raises
    ------
    ArtifactError
        A file is missing or changed, or model, tokenizer and labels do not fit each other.
    MissingExtra
        The model was exported, and what runs it is not installed.
    """
    import transformers

    folder = Path(folder)
    spec = verify(folder)
    try:
        # Weights that came to be in the caller's inference mode could never have gradients.
        with quiet(), torch.inference_mode(False):
            saved = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
            _check_labels(folder, saved, spec.labels)
            _check_kind(folder, saved, spec)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            model = _model(folder, saved, tokenizer, spec)
            prints_N = _prints(folder)
            beside = NgramModel.load(folder / NGRAMS, len(spec.labels)) if spec.has_words else None
    except (ArtifactError, MissingExtra):
        raise
    except Exception as error:  # a file that was made up fails in ways without a common base
        raise ArtifactError(f"{folder} cannot be loaded: {error}") from error
    return Loaded(model, tokenizer, spec, prints_N, beside)


def _prints(folder: Path) -> np.ndarray:
    prints = folder / PRINTS
    return np.load(prints, allow_pickle=False) if prints.exists() else np.zeros(0, np.uint64)


def _model(folder: Path, saved: Any, tokenizer: Any, spec: Spec) -> ReviewClassifier | OnnxModel:
    if spec.weights != "torch":
        check_tokens(saved.vocab_size, tokenizer, str(folder))
        files = set(files_of(folder))
        return onnx.load(
            folder / GRAPH,
            files,
            len(spec.labels),
            spec.window_pooling,
            alone=spec.weights == "onnx-int8",
        )
    folded = bool(fold.layers_added(saved.model_type, spec.pooling))
    stock = _stock(folder, fold.shallower(saved, spec.pooling), folded)
    check_vocabulary(stock, tokenizer, str(folder))
    return ReviewClassifier(stock, spec.pooling, spec.window_pooling).eval()


def _stock(folder: Path, config: Any, folded: bool) -> Any:
    """Build the architecture and fill it; every weight that it has must be in the file.

    Of a folded model one layer is left over.
    """
    import transformers
    from safetensors.torch import load_file

    # By the manifest, not by what lies there: a file that it does not list was not verified.
    if OWN_WEIGHTS in files_of(folder):
        stock = transformers.AutoModelForSequenceClassification.from_config(config)
        weights = load_file(folder / OWN_WEIGHTS)
        missing, _ = stock.load_state_dict(weights, strict=not folded)
        _check_filled(folder, missing)
        return stock
    stock, info = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder,
        config=config,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    _check_filled(folder, [*info["missing_keys"], *info["mismatched_keys"]])
    return stock


def _check_filled(folder: Path, missing: Sequence[object]) -> None:
    if missing:
        raise ArtifactError(
            f"{folder}: the weights do not fill the model: {sorted(map(str, missing))[:5]}"
        )


def _check_kind(folder: Path, config: Any, spec: Spec) -> None:
    several = config.problem_type == "multi_label_classification"
    if several != spec.multilabel:
        raise ArtifactError(
            f"{folder}: config.json has problem_type {config.problem_type!r}, {MANIFEST} is of a "
            f"model with {'any number of labels' if spec.multilabel else 'one label'} a text. Use "
            "a fresh copy of the model folder."
        )


def _check_labels(folder: Path, config: Any, labels: Sequence[str]) -> None:
    own = tuple(config.id2label[i] for i in range(config.num_labels))
    if own != tuple(labels):
        raise ArtifactError(
            f"{folder}: config.json has the labels {own}, {MANIFEST} has {tuple(labels)}"
        )
