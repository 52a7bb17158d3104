"""Everything that a run has to know to go on exactly where it was: parts that can tell their state.

Whoever holds something that changes from step to step (the optimiser, the clock, averages) gives it
``state_dict`` and ``load_state_dict`` and hands it to :meth:`State.hold`; it is then in every
checkpoint.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch

from plaudit.errors import ConfigError


class Stateful(Protocol):
    """A part of a run that changes as it goes on."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return tensors, strings, numbers, booleans, None, and lists and mappings of them."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Go on from what :meth:`state_dict` returned."""


class State:
    """The parts of a run.

    Parameters
    ----------
    kept : mapping of str to mapping, optional
        What :meth:`take` returned earlier, for the parts to go on from.
    """

    def __init__(self, kept: Mapping[str, Any] | None = None) -> None:
        self._kept = dict(kept or {})
        self._parts: dict[str, Stateful] = {}

    def hold(self, **parts: Stateful) -> None:
        """Take parts in; each goes on at once from what was kept of it."""
        for name, part in parts.items():
            self._parts[name] = part
            if name in self._kept:
                kept = self._kept.pop(name)
                try:
                    part.load_state_dict(kept)
                except ValueError as error:
                    raise ConfigError(
                        f"the state of the {name} does not fit ({error}): the run was begun by "
                        "another version of plaudit, which trained other weights, or at other "
                        "rates. Go on with that version, or begin the run anew."
                    ) from error

    def has(self, name: str) -> bool:
        """Say whether there is something kept that a part of this name will go on from."""
        return name in self._kept

    def take(self) -> dict[str, Any]:
        """Return the state of each part as it is now."""
        return {name: part.state_dict() for name, part in self._parts.items()}


class RandomStates:
    """The states of the process's random number generators: Python, numpy, torch, each GPU's."""

    def state_dict(self) -> dict[str, Any]:
        """Return them all."""
        version, words, gauss = random.getstate()
        state = np.random.get_state(legacy=False)
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "python": [version, list(words), gauss],
            "numpy": state | {"state": _listed(state["state"])},
            "torch": torch.get_rng_state(),
            "cuda": gpus,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let them go on from there."""
        version, words, gauss = state["python"]
        random.setstate((version, tuple(words), gauss))
        inner = state["numpy"]["state"]
        key = np.array(inner["key"], dtype=np.uint32)
        np.random.set_state(dict(state["numpy"]) | {"state": dict(inner) | {"key": key}})
        torch.set_rng_state(state["torch"])
        if len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(list(state["cuda"]))


@contextmanager
def callers_own() -> Iterator[None]:
    """Train whatever the caller has switched off; its random numbers then go on as if nothing was.

    In this thread gradients are on inside, and the generators are put back at the end. They are the
    process's, so two trainings in threads at once draw from each other's.
    """
    generators = RandomStates()
    before = generators.state_dict()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        generators.load_state_dict(before)


def _listed(inner: Mapping[str, Any]) -> dict[str, Any]:
    return dict(inner) | {"key": inner["key"].tolist()}


def split(value: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """Part a state into what JSON holds and tensors, which it names.

    Parameters
    ----------
    value : object
        Mappings and lists of tensors, strings, numbers, booleans and None. Keys may be numbers.

    Returns
    -------
    (object, dict of str to Tensor)

    Examples
    --------
    >>> split({"step": 3, "state": {0: torch.zeros(2)}})
    ({'step': 3, 'state': {'~items': [[0, {'~tensor': '0'}]]}}, {'0': tensor([0., 0.])})
    """
    tensors: dict[str, torch.Tensor] = {}

    def part(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            name = str(len(tensors))
            tensors[name] = value
            return {"~tensor": name}
        if isinstance(value, Mapping):
            if all(isinstance(key, str) for key in value):
                return {key: part(item) for key, item in value.items()}
            return {"~items": [[key, part(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return [part(item) for item in value]
        return value

    return part(value), tensors


def joined(tree: Any, tensor: Callable[[str], torch.Tensor]) -> Any:
    """Put together again what :func:`split` parted.

    Parameters
    ----------
    tree : object
    tensor : callable
        From a name to the tensor.
    """
    if isinstance(tree, dict):
        if "~tensor" in tree:
            return tensor(tree["~tensor"])
        if "~items" in tree:
            return {key: joined(item, tensor) for key, item in tree["~items"]}
        return {key: joined(item, tensor) for key, item in tree.items()}
    if isinstance(tree, list):
        return [joined(item, tensor) for item in tree]
    return tree
