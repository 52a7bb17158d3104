"""A run, from configuration to report. Read :func:`train` first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.config import Config, check
from plaudit.data.prepare import Prepared, prepare
from plaudit.evaluate.settle import check_labels
from plaudit.model.device import Compute, plan
from plaudit.report.pages import pages
from plaudit.run import folder as folders
from plaudit.run.auditing import audited
from plaudit.run.consulting import with_pseudo_labels, with_teacher
from plaudit.run.examining import examine
from plaudit.run.learning import learn, lesson, new_model
from plaudit.run.material import Ready, encoded, text_encoder
from plaudit.run.place import check_resumable, facts_of, occupied, stored_config
from plaudit.run.pretraining import FOLDER, pretrained
from plaudit.run.reporting import Facts, report
from plaudit.run.saving import finish
from plaudit.run.seeds import train_seeds
from plaudit.run.watching import Silent, Stopwatch, Watcher
from plaudit.train.state import callers_own


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


@callers_own()
def train(
    config: Config, *, watcher: Watcher | None = None, resume: Path | str | None = None
) -> Run:
    """Do a whole run: data, training, artefact, evaluation of the reloaded artefact, report.

    Parameters
    ----------
    config : Config
    watcher : Watcher, optional
    resume : Path or str, optional
        The folder of a run that ended before its time, to go on exactly where it was; see
        :func:`resume`.

    Returns
    -------
    Run

    Raises
    ------
    plaudit.errors.PlauditError
        The configuration or the data cannot be used, or training failed.
    plaudit.errors.Interrupted
        SIGTERM or Ctrl-C; what was trained is saved.

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
    {'value': 0.9..., 'low': 0.7..., 'high': 0.99...}
    """
    check(config)
    resume = None if resume is None else Path(resume)
    if resume is not None:
        check_resumable(resume, config)
    watcher, clock = watcher or Silent(), Stopwatch()
    ready = _ready(config, watcher, clock)
    if config.seeds > 1:
        return Run(*train_seeds(config, ready, watcher, clock, resume))
    compute, encoder, data = ready.compute, ready.encoder, ready.data
    prepared = data.prepared
    with clock.stage("build"):
        model = new_model(config, prepared.labels, encoder)
    facts = facts_of(prepared, {"train": data.train, "validation": data.validation}, compute)
    with occupied(config, facts, resume, watcher.say) as place:
        watcher.say(_opening(place.folder, prepared, compute))
        with clock.stage("pretrain"):
            # That of a run of several seeds lies above.
            places = [place.folder / FOLDER, place.folder.parent / FOLDER]
            if further := pretrained(config, ready, places, watcher):
                model = new_model(config, prepared.labels, encoder, further.folder)
        with clock.stage("train"):
            begun = place.keeper.state.has("model")
            taught = lesson(config, model, data, compute, weights_follow=begun)
            with place.signals.patiently():
                trained = learn(config, taught, place.keeper, watcher)
        if prepared.test is not None:
            prepared.test.release()
        with clock.stage("save"):
            settled, final = finish(config, taught, encoder, place.folder, watcher)
        with clock.stage("test"):
            tested = examine(final, prepared, config, watcher)
        folders.keep_predictions(place.folder, tested)
        made_of = Facts(
            config,
            compute,
            prepared,
            data.train,
            model,
            trained,
            settled,
            tested,
            further.about if further else None,
        )
        with clock.stage("audit"):
            looked = {"audit": audited(config, data, encoder, watcher)}
        document = report(made_of, clock.read()) | looked
        artifact.add(final, pages(document))
        place.keeper.clear()
    return Run(place.folder, final, document)


def resume(
    run: Path | str, overrides: Sequence[str] = (), *, watcher: Watcher | None = None
) -> Run:
    """Go on with a run that was killed or interrupted: it ends as if it had never been.

    Parameters
    ----------
    run : Path or str
        The run's folder.
    overrides : sequence of str
        Of ``train.epochs``, ``train.max_steps`` and ``train.max_seconds``, more; of
        ``train.checkpoint_seconds`` and ``evaluate.*``, anything.
    watcher : Watcher, optional

    Returns
    -------
    Run

    Raises
    ------
    plaudit.errors.ConfigError
        The run has finished or is in use, or its settings or its data are no longer what they were.
    plaudit.errors.ArtifactError
        Not one of its checkpoints is whole.

    Examples
    --------
    >>> import plaudit
    >>> plaudit.resume("runs/quickstart")
    Traceback (most recent call last):
    ...
    plaudit.errors.ConfigError: runs/quickstart has finished; there is nothing to resume. ...
    """
    folder = Path(run)
    return train(stored_config(folder, tuple(overrides)), watcher=watcher, resume=folder)


def _ready(config: Config, watcher: Watcher, clock: Stopwatch) -> Ready:
    """Read, divide and encode the data; ask the models that are learnt from."""
    compute = plan(config.train.device, config.train.precision)
    with clock.stage("data"):
        prepared = with_pseudo_labels(config, prepare(config, watcher.say), watcher.say)
        check_labels(config.decide, prepared.labels)
    with clock.stage("encode"):
        encoder = text_encoder(config)
        data = with_teacher(config, encoded(prepared, encoder), encoder, watcher.say)
    return Ready(compute, encoder, data)


def _opening(run_folder: Path, prepared: Prepared, compute: Compute) -> str:
    return (
        f"{run_folder}: {len(prepared.train):,} texts to train on, "
        f"{len(prepared.validation):,} to validate, labels {', '.join(prepared.labels)}; "
        f"{compute.device}, {compute.precision} ({compute.reason})"
    )
