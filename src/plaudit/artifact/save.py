"""Writing a model folder; the caller stages it and renames it when all is in it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.artifact import manifest
from plaudit.artifact.spec import GRAPH, NGRAMS, OWN_WEIGHTS, PAGES, PRINTS, WEIGHTS, Spec
from plaudit.model import fold
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.loading import quiet
from plaudit.ngrams import NgramModel


def save(
    folder: Path,
    model: ReviewClassifier,
    tokenizer: Any,
    spec: Spec,
    prints_N: np.ndarray,
    ngrams: NgramModel | None = None,
) -> None:
    """Write an artefact into a new folder.

    Parameters
    ----------
    folder : Path
        Must not exist.
    model : ReviewClassifier
    tokenizer : transformers.PreTrainedTokenizerBase
    spec : Spec
    prints_N : ndarray of uint64
        Fingerprints of the texts that training or selection has seen, exact and loose, so that
        later evaluations can count and leave them out.
    ngrams : NgramModel, optional
        What answers beside the model by ``spec.mixture``.
    """
    folder.mkdir(parents=True)
    stock = fold.folded(model)
    own = ngrams is not None or not fold.is_stock(stock.config.model_type, model.pooling)
    with quiet():
        # Some old checkpoints name weights otherwise; only transformers reads such names back.
        names = {"save_original_format": False} if own else {}
        stock.save_pretrained(folder, safe_serialization=True, **names)
        tokenizer.save_pretrained(folder)
    if ngrams is not None:
        ngrams.save(folder / NGRAMS)
    if own:
        (folder / WEIGHTS).rename(folder / OWN_WEIGHTS)
    np.save(folder / PRINTS, np.unique(prints_N), allow_pickle=False)
    manifest.write(folder, spec)


def save_exported(folder: Path, source: Path, config: Any, spec: Spec) -> None:
    """Complete a folder that holds an exported graph: all else is as in the model it came from.

    Parameters
    ----------
    folder : Path
        Holds the graph.
    source : Path
        The original's folder, verified.
    config : transformers.PreTrainedConfig
        Of the graph; the original's file describes the form in which its weights were saved.
    spec : Spec
    """
    own = {WEIGHTS, OWN_WEIGHTS, GRAPH, "config.json", *PAGES}
    for name in sorted(set(manifest.files_of(source)) - own):
        shutil.copyfile(source / name, folder / name)
    config.save_pretrained(folder)
    manifest.write(folder, spec)
