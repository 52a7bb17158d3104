"""A run, from configuration to report. Read :func:`train` first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plaudit import artifact
from plaudit.config import Config, check
from plaudit.data.fingerprint import loose_fingerprints
from plaudit.data.prepare import Prepared, prepare
from plaudit.errors import PlauditError
from plaudit.model.build import load_tokenizer
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute, plan
from plaudit.report.pages import pages
from plaudit.run import folder as folders
from plaudit.run.learning import encoded, learn, lesson, new_model
from plaudit.run.reporting import Facts, report
from plaudit.run.testing import Tested, test
from plaudit.run.watching import Silent, Stopwatch, Watcher
from plaudit.text.encode import TextEncoder


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
        data = encoded(prepared, encoder)
    with clock.stage("build"):
        model = new_model(config, prepared.labels, encoder)
    folder = folders.begin(config)
    watcher.say(_opening(folder, prepared, compute))
    with clock.stage("train"):
        trained = learn(config, lesson(config, model, data, compute), folder, watcher)
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
