"""Checkpoints: whole or not there, verified before they are used, never more than a few.

``checkpoints/`` in a run's folder holds the last two and the weights of the best state:

    step-00000120-<digest of state.json>/
        tensors.safetensors
        state.json              all that is not a tensor, and the digest of each file it builds on
    best-00000100-<digest>.safetensors

Each is staged under another name, synced to the disk and renamed, so that a crash at any moment
leaves the last one as it was. No pickle.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from plaudit.data.durable import sync, write
from plaudit.errors import ArtifactError, TrainingError
from plaudit.train.durable import UNWRITABLE, Extent, differs, write_tensors
from plaudit.train.state import joined, split

FOLDER = "checkpoints"
TENSORS, STATE, BEST = "tensors.safetensors", "state.json", "best-"
KEPT = 2
"""The last one, and the one before it, for the day that the last one is damaged."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was found whole.

    Attributes
    ----------
    step : int
    state : mapping
        As it was saved.
    damaged : list of str
        What was found damaged on the way here: file and reason.
    without_best : bool
        The best state's weights are lost; all else is whole.
    """

    step: int
    state: dict[str, Any]
    damaged: list[str]
    without_best: bool


class Checkpoints:
    """The checkpoints of a run.

    Parameters
    ----------
    run_folder : Path
    """

    def __init__(self, run_folder: Path) -> None:
        self.run_folder = run_folder
        self.folder = run_folder / FOLDER
        self._staged = self.folder / ".staged"

    def save(self, step: int, state: Mapping[str, Any], needs: Mapping[str, Extent]) -> None:
        """Write a checkpoint, then remove those that are no longer needed.

        Parameters
        ----------
        step : int
        state : mapping
            Tensors, strings, numbers, booleans, None, and lists and mappings of them.
        needs : mapping of str to Extent
            What else in the run's folder it builds on: the history, the best state.

        Raises
        ------
        TrainingError
            It cannot be written; those before it are as they were.
        """
        tree, tensors = split(state)
        try:
            self._stage()
            sizes = {TENSORS: write_tensors(self._staged / TENSORS, tensors)}
            document = {
                "schema": 1,
                "step": step,
                "files": {name: asdict(extent) for name, extent in sizes.items()},
                "needs": {name: asdict(extent) for name, extent in needs.items()},
                "state": tree,
            }
            text = json.dumps(document).encode()
            write(self._staged / STATE, text)
            sync(self._staged)
            digest = hashlib.sha256(text).hexdigest()
            self._put(self._staged, f"step-{step:08}-{digest[:16]}")
            self._prune()
        except UNWRITABLE as error:
            raise self._failure(step, error) from error

    def save_best(self, model: nn.Module, step: int) -> tuple[str, Extent]:
        """Write the weights of the best state so far.

        Returns
        -------
        (str, Extent)
            The file, as seen from the run's folder, and its content.

        Raises
        ------
        TrainingError
            It cannot be written.
        """
        try:
            self._stage()
            path = self._staged / "best"
            extent = write_tensors(path, dict(model.state_dict()))
            name = f"{BEST}{step:08}-{extent.sha256[:16]}.safetensors"
            self._put(path, name)
            self._prune(name)
        except UNWRITABLE as error:
            raise self._failure(step, error) from error
        return f"{FOLDER}/{name}", extent

    def load_best(self, model: nn.Module, name: str, extent: Extent) -> None:
        """Read the weights of the best state into the model.

        Raises
        ------
        ArtifactError
            The file was damaged.
        """
        path = self.run_folder / name
        if problem := differs(path, extent):
            raise ArtifactError(f"{path} {problem}; it held the best state")
        device = next(model.parameters()).device
        model.load_state_dict(load_file(path, device=str(device)), strict=True)

    def newest(self) -> Checkpoint | None:
        """Find the newest checkpoint that is whole, and remove those after it, which are damaged.

        Returns
        -------
        Checkpoint or None
            None when there is none at all.

        Raises
        ------
        ArtifactError
            There are checkpoints, but none is whole.
        """
        examined = [(path, *self._examine(path)) for path in reversed(self._all())]
        damaged = [f"{file} {problem}" for *_, found in examined for file, problem in found.items()]
        # Weights of the best state that are lost are no reason to lose the run as well, if no
        # other checkpoint has them.
        for spared in ((), (BEST,)):
            for path, document, found in examined:
                if document and all(file.name.startswith(spared) for file in found):
                    self._forget_after(path)
                    state = _state(path, document)
                    return Checkpoint(
                        document["step"], state, list(dict.fromkeys(damaged)), bool(found)
                    )
        if damaged:
            raise ArtifactError(
                "\n".join([*damaged, f"No checkpoint in {self.folder} is whole. To start this run "
                           f"over, remove {self.folder} and resume."])
            )  # fmt: skip
        return None

    def clear(self) -> None:
        """Remove them all, at once as seen from outside: the run has its model."""
        gone = self.run_folder / f".{FOLDER}"
        shutil.rmtree(gone, ignore_errors=True)  # of a process that was killed here
        with contextlib.suppress(OSError):
            self.folder.rename(gone)
        for left in (gone, self.folder):
            shutil.rmtree(left, ignore_errors=True)

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _stage(self) -> None:
        # What a crash left behind goes here too.
        shutil.rmtree(self._staged, ignore_errors=True)
        self._staged.mkdir(parents=True)

    def _put(self, staged: Path, name: str) -> None:
        staged.rename(self.folder / name)
        sync(self.folder)

    def _prune(self, *needed: str) -> None:
        """Remove all but the last checkpoints, what they build on, and what is named."""
        every = self._all()
        for path in every[:-KEPT]:
            shutil.rmtree(path)
        names = {*needed}
        for path in every[-KEPT:]:
            names |= {Path(name).name for name in json.loads((path / STATE).read_bytes())["needs"]}
        for best in self.folder.glob(f"{BEST}*"):
            if best.name not in names:
                best.unlink()

    def _forget_after(self, path: Path) -> None:
        for other in self._all():
            if other.name > path.name:
                shutil.rmtree(other)

    def _examine(self, path: Path) -> tuple[dict[str, Any] | None, dict[Path, str]]:
        """Read a checkpoint's document; name every file that is not as it was written."""
        state = path / STATE
        try:
            text = state.read_bytes()
        except OSError as error:
            return None, {state: f"cannot be read: {error.strerror}"}
        if hashlib.sha256(text).hexdigest()[:16] != path.name.rpartition("-")[2]:
            return None, {state: "was changed since it was saved"}
        document: dict[str, Any] = json.loads(text)
        files = {path / name: extent for name, extent in document["files"].items()}
        files |= {self.run_folder / name: extent for name, extent in document["needs"].items()}
        found = ((file, differs(file, Extent(**extent))) for file, extent in files.items())
        return document, {file: problem for file, problem in found if problem}

    def _failure(self, step: int, error: Exception) -> TrainingError:
        shutil.rmtree(self._staged, ignore_errors=True)
        try:
            last = self._all()
        except OSError:  # not even that can be read
            last = []
        kept = f"The last one, {last[-1].name}, is whole" if last else "None before it is found"
        return TrainingError(
            f"step {step}: no checkpoint can be written to {self.folder}: {error}. {kept}. Make "
            f"room there, then: plaudit train --resume {self.run_folder}"
        )


def _state(path: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    # Cloned: what a file is mapped to has another alignment, and goes with the file.
    tensors = {name: t.clone() for name, t in load_file(path / TENSORS).items()}
    state: dict[str, Any] = joined(document["state"], tensors.__getitem__)
    return state
