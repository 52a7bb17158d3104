"""A run's folder while it is in use: locked, new or gone back to, with what the run keeps there."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plaudit import artifact
from plaudit.artifact import versions
from plaudit.config import Config, dump_toml, load
from plaudit.data.prepare import Prepared
from plaudit.errors import ConfigError, Interrupted, TrainingError
from plaudit.model.device import Compute
from plaudit.report.pages import REPORT
from plaudit.run import changes, lock
from plaudit.run import folder as folders
from plaudit.run.signals import Signals, heeded
from plaudit.text.encoded import Encoded
from plaudit.train.checkpoint import FOLDER, Checkpoint, Checkpoints
from plaudit.train.keep import Keeper
from plaudit.train.state import State

FACTS = "started.json"
_TO_GO_ON = "to go on: "
Say = Callable[[str], None]


def facts_of(prepared: Prepared, parts: Mapping[str, Encoded], compute: Compute) -> dict[str, str]:
    """State what a run starts from, so that it is known again when the run is resumed.

    Parameters
    ----------
    prepared : Prepared
    parts : mapping of str to Encoded
        Part to its tokens.
    compute : Compute

    Returns
    -------
    dict of str to str
    """
    facts = {"labels": ", ".join(prepared.labels), "device": compute.device}
    facts["precision"] = compute.precision
    for name, rows in (("train", prepared.train), ("validation", prepared.validation)):
        facts[f"{name} rows"] = f"{len(rows):,}"
        facts[f"{name} texts"] = _digest(rows.prints_N)
        facts[f"{name} labels"] = _digest(rows.targets_N)
        facts[f"{name} tokens"] = _digest(parts[name].ids, parts[name].starts_P)
    for name, texts in prepared.unlabelled.items():
        facts[f"{name}.texts"] = _digest(texts.rows.prints_N)
    for name, model in prepared.consulted.items():
        facts[name] = model.weights[:16]
    for name, digest in prepared.provenance.files.items():
        facts[f"file {name}"] = digest[:16]
    return facts


def note_start(folder: Path, facts: Mapping[str, str]) -> None:
    """Write down what a run starts from, with the versions in use."""
    started = {"facts": facts, "versions": versions()}
    folders.put(folder / FACTS, json.dumps(started, indent=2) + "\n")


def check_resumable(folder: Path, config: Config) -> None:
    """Refuse early what cannot be resumed, before any data is read.

    Raises
    ------
    ConfigError
        There is no such run, it has finished, it is in use, or its settings were others.
    """
    stored, family = stored_config(folder), family_of(folder)
    if _finished(folder):
        Checkpoints(folder).clear()  # killed as it removed them
        raise ConfigError(
            f"{folder} has finished; there is nothing to resume. Its model is {folder / 'model'}."
        )
    if family is not None:
        raise ConfigError(
            f"{folder} is one seed of {family}, which is resumed as a whole: plaudit train "
            f"--resume {shlex.quote(str(family))}"
        )
    with lock.held(folder):
        pass
    # Of several seeds some may have finished: more of the same would be more for the others only.
    found = changes.of_settings(stored, config, grows=stored.seeds == 1)
    changes.refuse("other settings", found, folder)


def _finished(folder: Path) -> bool:
    model = folder / "model"
    if not (model / REPORT).exists():
        return False
    # Killed as pages were entered, there are checkpoints yet, and the pages are made again.
    return artifact.has_pages(model) or not (folder / FOLDER).exists()


def family_of(folder: Path) -> Path | None:
    """Return the run of several seeds that a run is one of; None for a run of its own."""
    above = folder.parent / folders.CONFIG
    if not above.is_file():
        return None
    # Not seed-5-2: a seed that was trained again alone.
    is_seed = folder.name == f"seed-{stored_config(folder).seed}"
    return folder.parent if is_seed and load(str(above)).seeds > 1 else None


def check_finished(folder: Path, config: Config, facts: Mapping[str, str], say: Say) -> None:
    """Refuse to take over what has finished if it was started with anything else.

    Raises
    ------
    ConfigError
        With what differs.
    """
    found = changes.of_settings(stored_config(folder), config, grows=False)
    changes.refuse("other settings", found, folder)
    changes.refuse(
        "other data or on another device", _facts_that_differ(folder, facts, say), folder
    )


def stored_config(folder: Path, overrides: tuple[str, ...] = ()) -> Config:
    """Read the configuration that a run was started with, and change it.

    Raises
    ------
    ConfigError
        There is no run, or an override is wrong.
    """
    path = folder / folders.CONFIG
    if not path.is_file():
        raise ConfigError(f"{folder} is no run: it has no {folders.CONFIG}. Give runs/NAME.")
    return load(str(path), overrides)


@dataclass(frozen=True, slots=True)
class Place:
    """A run's folder, taken.

    Attributes
    ----------
    folder : Path
    keeper : Keeper
        It knows where the run goes on.
    signals : Signals
    """

    folder: Path
    keeper: Keeper
    signals: Signals


@contextmanager
def occupied(
    config: Config, facts: Mapping[str, str], resume: Path | None, say: Say
) -> Iterator[Place]:
    """Take a new folder for a run, or go back to one, and keep all others out of it.

    Parameters
    ----------
    config : Config
    facts : mapping of str to str
        From :func:`facts_of`.
    resume : Path, optional
        The folder to go back to.
    say : callable

    Yields
    ------
    Place

    Raises
    ------
    ConfigError
        Another process is in the folder, or the run started from something else.
    ArtifactError
        Not one of its checkpoints is whole.
    Interrupted
        With the command that resumes the run.
    """
    folder = resume or folders.begin(config)
    with lock.held(folder), resumable(folder, say) as signals:
        state = _gone_back_to(folder, config, facts, say) if resume else State()
        note_start(folder, facts)
        seconds = config.train.checkpoint_seconds
        keeper = Keeper(folder, state, every_s=seconds, interruption=signals.asked)
        try:
            yield Place(folder, keeper, signals)
        except (KeyboardInterrupt, Exception):
            if keeper.ended:
                _left(keeper, signals, say)
            raise


def _left(keeper: Keeper, signals: Signals, say: Say) -> None:
    """Keep what was trained, whatever ended the run after it: a signal, a full disk, a mistake."""
    with signals.patiently(), suppress(TrainingError):  # there may be no room for that either
        keeper.leave()
        say(f"{keeper.folder}: training had ended, and is kept.")


@contextmanager
def resumable(folder: Path, say: Say) -> Iterator[Signals]:
    """Handle signals while a run is at work in a folder, and name the command that goes on there.

    Raises
    ------
    Interrupted
        With that command.
    """
    with heeded(say) as signals:
        try:
            yield signals
        except KeyboardInterrupt as interruption:
            if _TO_GO_ON in str(interruption):  # from one seed of several
                raise
            code = interruption.exit_code if isinstance(interruption, Interrupted) else 130
            if _finished(folder):
                Checkpoints(folder).clear()
                raise Interrupted(
                    f"{interruption or 'interrupted'}; the run has finished: {folder / 'model'}",
                    exit_code=code,
                ) from None
            command = f"plaudit train --resume {shlex.quote(str(family_of(folder) or folder))}"
            raise Interrupted(
                f"{interruption or 'interrupted'}; {_TO_GO_ON}{command}", exit_code=code
            ) from None


def _gone_back_to(folder: Path, config: Config, facts: Mapping[str, str], say: Say) -> State:
    changes.refuse(
        "other data or on another device", _facts_that_differ(folder, facts, say), folder
    )
    checkpoints = Checkpoints(folder)
    found = checkpoints.newest()
    if found is not None:
        _refuse_more(folder, config, found)
    adopt(folder, config, say)
    for staged in (".model", ".adapter"):
        shutil.rmtree(folder / staged, ignore_errors=True)  # killed while it was written
    if found is None:
        say(f"{folder} has no checkpoint: it starts over.")
        return State()
    for damage in found.damaged:
        say(f"damaged: {damage}")
    if found.without_best:
        say("The best state so far is lost; the best of those to come will be kept.")
        found.state.pop("best")
    say(f"{folder} goes on after step {found.step}.")
    return State(found.state)


def _refuse_more(folder: Path, config: Config, found: Checkpoint) -> None:
    """What comes after training may be done once more; training has decayed its rate to the end."""
    ended = found.state.get("keeper", {}).get("ended")
    more = changes.of_settings(stored_config(folder), config, grows=False) if ended else []
    if more:
        raise ConfigError(
            [
                f"{folder} has been trained to its end ({ended['stopped']}) and is to be tested:",
                *more,
                "Resume it as it was started, or start a new run.",
            ]
        )


def adopt(folder: Path, config: Config, say: Say) -> None:
    """Note in a run's folder what is changed from here on."""
    stored = stored_config(folder)
    changed = changes.of_settings(stored, config, all_of_them=True)
    if changed:
        say("\n".join([f"{folder}: these settings are changed from here on:", *changed]))
        kept = config.model_copy(update={"name": stored.name})
        folders.put(folder / folders.CONFIG, dump_toml(kept))


def _facts_that_differ(folder: Path, facts: Mapping[str, str], say: Say) -> list[str]:
    path = folder / FACTS
    if not path.is_file():  # killed before it wrote them: nothing was trained on
        return []
    stored = json.loads(path.read_text(encoding="utf-8"))
    for name, version in versions().items():
        if (before := stored["versions"].get(name)) != version:
            say(f"{name} was {before} and is {version}: the weights may come out differently.")
    names = dict.fromkeys([*stored["facts"], *facts])
    return changes.of(
        {name: (stored["facts"].get(name, "none"), facts.get(name, "none")) for name in names}
    )


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
