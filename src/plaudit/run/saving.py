"""A trained model becomes an artefact."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from plaudit import artifact
from plaudit.config import Config
from plaudit.data.fingerprint import loose_fingerprints
from plaudit.data.prepare import Prepared
from plaudit.evaluate import label_thresholds
from plaudit.evaluate.mix import Mixture
from plaudit.evaluate.settle import Settled, settle
from plaudit.model import lora
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.ngrams import NgramModel
from plaudit.run.learning import Lesson
from plaudit.run.mixing import beside
from plaudit.run.watching import Watcher
from plaudit.text.encode import TextEncoder

ADAPTER = "adapter"


def finish(
    config: Config, taught: Lesson, encoder: TextEncoder, folder: Path, watcher: Watcher
) -> tuple[Settled, Path]:
    """Make an artefact of a trained model: with what counts beside it, and how it decides.

    Parameters
    ----------
    config : Config
    taught : Lesson
        Its model has been trained.
    encoder : TextEncoder
    folder : Path
        The run's.
    watcher : Watcher

    Returns
    -------
    (Settled, Path)
        The decision, and the model folder in the run's, whole.
    """
    prepared, logits_NC = taught.data.prepared, taught.final_logits()
    other = beside(config, taught.data, logits_NC)
    fit = label_thresholds.settle if config.data.multilabel else settle
    settled = fit(
        config.decide,
        prepared.labels,
        other.logits_NC if other else logits_NC,
        prepared.validation.targets_N,
    )
    settled = replace(settled, ngrams=other.about if other else None)
    for note in [*([other.told] if other else []), *settled.notes]:
        watcher.say(note)
    mixture = other.mixture if other else Mixture(0.0)
    spec = _spec(config, prepared, taught.compute, settled, mixture)
    ngrams = other.model if other and spec.has_words else None
    return settled, _saved(folder, taught.model, encoder, spec, _seen(prepared), ngrams)


def _spec(
    config: Config, prepared: Prepared, compute: Compute, settled: Settled, mixture: Mixture
) -> artifact.Spec:
    """Say what the artefact of a run needs to give the same answers again."""
    return artifact.Spec(
        labels=prepared.labels,
        pooling=config.model.pooling,
        window_pooling=config.text.window_pooling,
        text=config.text,
        clean=config.clean,
        split=prepared.sizes,
        seed=config.split_seed,
        data=config.data.train,
        data_files=dict(prepared.provenance.files),
        label_mapping=config.data.labels,
        precision=compute.precision,
        text_column=config.data.text,
        text_pair_column=config.data.text_pair,
        label_column=config.data.label,
        label_separator=config.data.label_separator if config.data.multilabel else None,
        excluded=prepared.excluded.train + prepared.excluded.validation if prepared.excluded else 0,
        ngram_weight=mixture.weight,
        ngram_cascade=mixture.cascade,
        decision=settled.decision,
        config_digest=config.digest(),
        versions=artifact.versions(),
    )


def _saved(
    run_folder: Path,
    model: ReviewClassifier,
    encoder: TextEncoder,
    spec: artifact.Spec,
    prints_N: np.ndarray,
    ngrams: NgramModel | None,
) -> Path:
    """Write the artefact, whole or not at all; beside it adapters, which it has merged."""
    staged = run_folder / ".model"
    artifact.save(staged, lora.merged(model), encoder.tokenizer, spec, prints_N, ngrams)
    if lora.has_adapters(model):
        lora.save_adapters(model, run_folder / ".adapter")
        _in_place(run_folder / ".adapter", run_folder / ADAPTER)
    return _in_place(staged, run_folder / "model")


def _in_place(staged: Path, final: Path) -> Path:
    if final.exists():  # of an attempt that ended before its report was written
        shutil.rmtree(final)
    return staged.rename(final)


def _seen(prepared: Prepared) -> np.ndarray:
    """Return fingerprints of all that had a part in the weights, be it through another model."""
    unlabelled = [each.rows for each in prepared.unlabelled.values()]
    parts = (prepared.train, prepared.validation, *unlabelled)
    own = [each for part in parts for each in (part.prints_N, loose_fingerprints(part.texts))]
    return np.concatenate([*own, *(each.seen_prints_N for each in prepared.consulted.values())])
