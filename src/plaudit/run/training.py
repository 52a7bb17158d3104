"""A run, from configuration to report. Read :func:`train` first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from plaudit import artifact
from plaudit.config import Config, check, dump_toml
from plaudit.data.prepare import Prepared, prepare
from plaudit.errors import PlauditError
from plaudit.evaluate.metrics import point
from plaudit.model import fold, packed
from plaudit.model.build import build, check_vocabulary, load_tokenizer
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.compiled import compile_layers
from plaudit.model.device import Compute, plan
from plaudit.model.infer import logits, softmax
from plaudit.report import document
from plaudit.run import folder as folders
from plaudit.run import machine
from plaudit.run.testing import Tested, test
from plaudit.text.batches import TokenBudgetSampler, dataloader
from plaudit.text.encode import Encoded, TextEncoder
from plaudit.text.packing import AnyBatch, PackedLoader, PackingSampler
from plaudit.train.drive import Trained, drive
from plaudit.train.loop import StepRecord, Validate, fit, plan_course

VALIDATION_METRICS = ("accuracy", "macro_f1", "log_loss", "mcc")


class Watcher(Protocol):
    """Whoever wants to see a run's progress."""

    def say(self, line: str) -> None:
        """Take a line for the user."""

    def step(self, record: StepRecord) -> None:
        """Take the record of a step."""


class Silent:
    """A watcher that shows nothing."""

    def say(self, line: str) -> None:
        """Drop the line."""

    def step(self, record: StepRecord) -> None:
        """Drop the record."""


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


@dataclass(slots=True)
class Stopwatch:
    """Seconds of each stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started


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
    """
    check(config)
    watcher, watch = watcher or Silent(), Stopwatch()
    compute = plan(config.train.device, config.train.precision)
    with watch.stage("data"):
        prepared = prepare(config, watcher.say)
    with watch.stage("encode"):
        encoder = TextEncoder(load_tokenizer(config.model.encoder), config.text)
        train_encoded = encoder.encode_cached(prepared.train.texts)
        validation_encoded = encoder.encode_cached(prepared.validation.texts)
    with watch.stage("build"):
        torch.manual_seed(config.seed)
        model = build(
            config.model,
            prepared.labels,
            max_tokens=config.text.max_tokens,
            window_pooling=config.text.window_pooling,
        )
        check_vocabulary(model.stock, encoder.tokenizer, config.model.encoder)
    run_folder = folders.take(config.out, config.name)
    (run_folder / "config.toml").write_text(dump_toml(config), encoding="utf-8")
    watcher.say(_opening(run_folder, prepared, compute))
    with watch.stage("train"):
        data = _Data(prepared, encoder.pad_id, train_encoded, validation_encoded)
        trained = _train(config, model, data, compute, run_folder, watcher)
    if prepared.test is not None:
        prepared.test.release()
    with watch.stage("save"):
        final = _save(run_folder, model, encoder, _spec(config, prepared, compute), prepared)
    with watch.stage("test"):
        tested = _tested(final, prepared, config, watcher)
    report = _report(config, prepared, (model, compute), trained, tested, train_encoded)
    report["seconds"] = watch.seconds | {"all": time.perf_counter() - watch.started}
    artifact.add(final, folders.pages(report))
    return Run(run_folder, final, report)


def _save(
    run_folder: Path,
    model: ReviewClassifier,
    encoder: TextEncoder,
    spec: artifact.Spec,
    prepared: Prepared,
) -> Path:
    """Write the artefact, whole or not at all."""
    staged = run_folder / ".model"
    seen_N = np.concatenate([prepared.train.prints_N, prepared.validation.prints_N])
    artifact.save(staged, model, encoder.tokenizer, spec, seen_N)
    return staged.rename(run_folder / "model")


def _tested(final: Path, prepared: Prepared, config: Config, watcher: Watcher) -> Tested | None:
    try:
        return test(final, prepared, config, watcher.say)
    except PlauditError as error:
        # What was trained is not lost with a bad row in the test data.
        raise type(error)(
            f"{error}\nThe test set cannot be used, so there is no report. The model is saved: "
            f"plaudit evaluate {final} DATA"
        ) from error


@dataclass(frozen=True, slots=True)
class _Data:
    prepared: Prepared
    pad_id: int
    train: Encoded
    validation: Encoded


def _train(
    config: Config,
    model: ReviewClassifier,
    data: _Data,
    compute: Compute,
    run_folder: Path,
    watcher: Watcher,
) -> Trained:
    form = _form(config, model, compute)
    if config.train.packed != "auto" or compute.device == "cuda":
        watcher.say(f"{'packed' if form.packed else 'padded'} batches: {form.reason}")
    if config.train.compile:
        compile_layers(model.stock, compute.device)
    sampler = (PackingSampler if form.packed else TokenBudgetSampler)(
        data.train,
        config.train.batch_tokens,
        batch_examples=config.train.batch_examples,
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


def _form(config: Config, model: ReviewClassifier, compute: Compute) -> packed.Form:
    return packed.choose(config.train.packed, model.stock, compute, config.model.attention_dropout)


def _opening(run_folder: Path, prepared: Prepared, compute: Compute) -> str:
    return (
        f"{run_folder}: {len(prepared.train):,} texts to train on, "
        f"{len(prepared.validation):,} to validate, labels {', '.join(prepared.labels)}; "
        f"{compute.device}, {compute.precision} ({compute.reason})"
    )


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
        config_digest=config.digest(),
        versions=artifact.versions(),
    )


def _report(
    config: Config,
    prepared: Prepared,
    built: tuple[ReviewClassifier, Compute],
    trained: Trained,
    tested: Tested | None,
    encoded: Encoded,
) -> dict[str, Any]:
    """Put the document together; its schema is described in docs/report.md."""
    model, compute = built
    last = trained.history[-1]
    sealed = prepared.test
    form = _form(config, model, compute)
    return {
        "schema": document.SCHEMA,
        "name": config.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "plaudit": artifact.versions()["plaudit"],
        "commit": machine.commit(),
        "config": config.model_dump(mode="json"),
        "config_digest": config.digest(),
        "data": {
            "asked": prepared.provenance.asked,
            "served_by": prepared.provenance.served_by,
            "note": prepared.provenance.note,
            "files": dict(prepared.provenance.files),
            "labels": list(prepared.labels),
            "rows": {
                "train": len(prepared.train),
                "validation": len(prepared.validation),
                "test": tested.rows if tested else 0,
            },
            "duplicates": prepared.duplicates,
            "test_note": prepared.test_note,
            "training_ended": sealed.released_at if sealed else None,
            "test_first_read": sealed.opened_at if sealed else None,
        },
        "text": document.text_section(
            config.text.policy, config.text.max_tokens, encoded.full_N, encoded.kept_N
        ),
        "model": _model_section(config, model),
        "training": {
            "steps": last.step,
            "epochs": last.epoch,
            "seconds": last.seconds,
            "tokens": last.tokens,
            "tokens_per_s": last.tokens_per_s,
            "device": compute.device,
            "precision": compute.precision,
            "precision_reason": compute.reason,
            "packed": form.packed,
            "packed_reason": form.reason,
            "compiled": config.train.compile,
            "best_step": trained.best_step,
            "stopped": trained.stopped,
            "history": document.history_section([asdict(r) for r in trained.history]),
        },
        **(tested.sections() if tested else Tested.nothing()),
        "machine": machine.describe(),
    }


def _model_section(config: Config, model: ReviewClassifier) -> dict[str, Any]:
    parameters = list(model.parameters())
    model_type = model.stock.config.model_type
    return {
        "encoder": config.model.encoder,
        "architecture": type(model.stock).__name__,
        "pooling": config.model.pooling,
        "parameters": sum(p.numel() for p in parameters),
        "trainable_parameters": sum(p.numel() for p in parameters if p.requires_grad),
        "pipeline_note": _pipeline_note(config, fold.is_stock(model_type, config.model.pooling)),
    }


def _pipeline_note(config: Config, stock: bool) -> str:
    if not stock:
        return (
            f"transformers.pipeline cannot load this model: the architecture has no "
            f"{config.model.pooling} pooling. plaudit can."
        )
    return (
        "transformers.pipeline gives the same labels on texts that fit in "
        f"{config.text.max_tokens} tokens and need no cleaning; of longer ones it keeps other "
        f"parts than plaudit ({config.text.policy})."
    )
