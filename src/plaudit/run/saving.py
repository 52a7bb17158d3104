"""A trained model becomes an artefact."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from plaudit import artifact
from plaudit.config import Config
from plaudit.data.fingerprint import loose_fingerprints
from plaudit.data.prepare import Prepared
from plaudit.evaluate import label_thresholds
from plaudit.evaluate.decide import Decision
from plaudit.evaluate.settle import Settled, settle
from plaudit.model import lora
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.run.learning import Lesson
from plaudit.run.watching import Watcher
from plaudit.text.encode import TextEncoder

ADAPTER = "adapter"


def settled_by(config: Config, taught: Lesson, encoder: TextEncoder, watcher: Watcher) -> Settled:
    """Fit the decision on what the trained model says of the validation texts."""
    prepared = taught.data.prepared
    logits_NC, targets_N = taught.final_logits(encoder), prepared.validation.targets_N
    fit = label_thresholds.settle if config.data.multilabel else settle
    settled = fit(config.decide, prepared.labels, logits_NC, targets_N)
    for note in settled.notes:
        watcher.say(note)
    return settled


def spec_of(
    config: Config, prepared: Prepared, compute: Compute, decision: Decision
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
        decision=decision,
        config_digest=config.digest(),
        versions=artifact.versions(),
    )


def save(
    run_folder: Path,
    model: ReviewClassifier,
    encoder: TextEncoder,
    spec: artifact.Spec,
    prepared: Prepared,
) -> Path:
    """Write the artefact, whole or not at all; beside it adapters, which it has merged.

    Returns
    -------
    Path
        The model folder in the run's.
    """
    staged = run_folder / ".model"
    artifact.save(staged, lora.merged(model), encoder.tokenizer, spec, _seen(prepared))
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
