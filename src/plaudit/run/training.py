"""A run, from configuration to report. Read :func:`train` first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from plaudit import artifact
from plaudit.config import Config, check
from plaudit.data.fingerprint import loose_fingerprints
from plaudit.data.prepare import Prepared, prepare
from plaudit.errors import PlauditError
from plaudit.evaluate.metrics import point
from plaudit.model.build import build, check_vocabulary, load_tokenizer
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.compiled import compile_layers
from plaudit.model.device import Compute, plan
from plaudit.model.infer import logits, softmax
from plaudit.report.pages import pages
from plaudit.run import folder as folders
from plaudit.run.reporting import Facts, batch_form, report
from plaudit.run.testing import Tested, test
from plaudit.run.watching import Silent, Stopwatch, Watcher
from plaudit.text.dataset import dataloader
from plaudit.text.encode import Encoded, TextEncoder
from plaudit.text.packing import AnyBatch, PackedLoader
from plaudit.text.sampling import TokenBudgetSampler
from plaudit.train.drive import Trained, drive
from plaudit.train.loop import Validate, fit, plan_course

VALIDATION_METRICS = ("accuracy", "macro_f1", "log_loss", "mcc")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run.

    Attributes
    ----------
    folder : Path
    model : Path
        The artefact in it.
    report : mapping
        The document report.json.
    """

    folder: Path
    model: Path
    report: Mapping[str, Any]


def train(config: Config, *, watcher: Watcher | None = None) -> Run:
    """Do a whole run: data, training, artefact, evaluation of the reloaded artefact, report.

    Parameters
    ----------
    config : Config
    watcher : Watcher, optional

    Returns
    -------
    Run

    Raises
    ------
    plaudit.errors.PlauditError
        The configuration or the data cannot be used, or training failed.

    Examples
    --------
    >>> import plaudit
    >>> config = plaudit.load_config("reviews.toml", ["train.epochs=4"])
    >>> run = plaudit.train(config)
    >>> print(run.model)
    runs/reviews/model
    >>> run.report["data"]["rows"]
    {'train': 204, 'validation': 12, 'test': 24}
    >>> run.report["test"]["metrics"]["accuracy"]
    {'value': 0.9..., 'low': 0.8..., 'high': 1.0}
    """
    check(config)
    watcher, clock = watcher or Silent(), Stopwatch()
    compute = plan(config.train.device, config.train.precision)
    with clock.stage("data"):
        prepared = prepare(config, watcher.say)
    with clock.stage("encode"):
        encoder = TextEncoder(load_tokenizer(config.model.encoder), config.text)
        data = _encode(prepared, encoder)
    with clock.stage("build"):
        model = _build(config, prepared.labels, encoder)
    folder = folders.begin(config)
    watcher.say(_opening(folder, prepared, compute))
    with clock.stage("train"):
        trained = _train(config, model, data, compute, folder, watcher)
    if prepared.test is not None:
        prepared.test.release()
    with clock.stage("save"):
        final = _save(folder, model, encoder, _spec(config, prepared, compute), prepared)
    with clock.stage("test"):
        tested = _test(final, prepared, config, watcher)
    folders.keep_predictions(folder, tested)
    facts = Facts(config, compute, prepared, data.train, model, trained, tested)
    document = report(facts, clock.read())
    artifact.add(final, pages(document))
    return Run(folder, final, document)


@dataclass(frozen=True, slots=True)
class _Data:
    prepared: Prepared
    pad_id: int
    train: Encoded
    validation: Encoded


def _encode(prepared: Prepared, encoder: TextEncoder) -> _Data:
    train = encoder.encode_cached(prepared.train.texts)
    validation = encoder.encode_cached(prepared.validation.texts)
    return _Data(prepared, encoder.pad_id, train, validation)


def _build(config: Config, labels: tuple[str, ...], encoder: TextEncoder) -> ReviewClassifier:
    # The head's new weights are the first random numbers that the seed decides.
    torch.manual_seed(config.seed)
    text = config.text
    model = build(
        config.model, labels, max_tokens=text.max_tokens, window_pooling=text.window_pooling
    )
    check_vocabulary(model.stock, encoder.tokenizer, config.model.encoder)
    return model


def _opening(run_folder: Path, prepared: Prepared, compute: Compute) -> str:
    return (
        f"{run_folder}: {len(prepared.train):,} texts to train on, "
        f"{len(prepared.validation):,} to validate, labels {', '.join(prepared.labels)}; "
        f"{compute.device}, {compute.precision} ({compute.reason})"
    )


def _train(
    config: Config,
    model: ReviewClassifier,
    data: _Data,
    compute: Compute,
    run_folder: Path,
    watcher: Watcher,
) -> Trained:
    form = batch_form(config, model, compute)
    if config.train.packed != "auto" or compute.device == "cuda":
        watcher.say(f"{'packed' if form.packed else 'padded'} batches: {form.reason}")
    if config.train.compile:
        compile_layers(model.stock, compute.device)
    sampler = TokenBudgetSampler(
        data.train,
        config.train.batch_tokens,
        batch_examples=config.train.batch_examples,
        packed=form.packed,
        shuffle=True,
        seed=config.seed,
    )
    targets_N = data.prepared.train.targets_N
    loader = (
        PackedLoader(data.train, targets_N, sampler)
        if form.packed
        else dataloader(data.train, targets_N, sampler, data.pad_id)
    )

    def batches(epoch: int) -> Iterator[AnyBatch]:
        sampler.epoch = epoch
        return iter(loader)

    def validate() -> dict[str, float]:
        logits_NC = logits(model, data.validation, compute, pad_id=data.pad_id)
        targets_N = data.prepared.validation.targets_N
        return point(softmax(logits_NC), targets_N, VALIDATION_METRICS)

    course = plan_course(sampler, config.train, validated=len(data.validation) > 0)
    check: Validate | None = validate if len(data.validation) else None
    steps = fit(model, batches, course, compute, (config.optim, config.train), check)
    return drive(steps, model, run_folder, config.train, watcher.step)


def _spec(config: Config, prepared: Prepared, compute: Compute) -> artifact.Spec:
    return artifact.Spec(
        labels=prepared.labels,
        pooling=config.model.pooling,
        window_pooling=config.text.window_pooling,
        text=config.text,
        clean=config.clean,
        split=prepared.sizes,
        seed=config.seed,
        data=config.data.train,
        data_files=dict(prepared.provenance.files),
        label_mapping=config.data.labels,
        precision=compute.precision,
        text_column=config.data.text,
        label_column=config.data.label,
        excluded=prepared.excluded.train + prepared.excluded.validation if prepared.excluded else 0,
        config_digest=config.digest(),
        versions=artifact.versions(),
    )


def _save(
    run_folder: Path,
    model: ReviewClassifier,
    encoder: TextEncoder,
    spec: artifact.Spec,
    prepared: Prepared,
) -> Path:
    """Write the artefact, whole or not at all."""
    staged = run_folder / ".model"
    parts = (prepared.train, prepared.validation)
    seen_N = np.concatenate(
        [each for part in parts for each in (part.prints_N, loose_fingerprints(part.texts))]
    )
    artifact.save(staged, model, encoder.tokenizer, spec, seen_N)
    return staged.rename(run_folder / "model")


def _test(final: Path, prepared: Prepared, config: Config, watcher: Watcher) -> Tested | None:
    try:
        return test(final, prepared, config, watcher.say)
    except PlauditError as error:
        # What was trained is not lost with a bad row in the test data.
        raise type(error)(
            f"{error}\nThe test set cannot be used, so there is no report. The model is saved: "
            f"plaudit evaluate {final} DATA"
        ) from error
