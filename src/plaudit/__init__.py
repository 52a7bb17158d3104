"""plaudit: from labelled reviews to a BERT classifier that its owner can trust.

>>> import plaudit
>>> config = plaudit.load_config("bundled", ["train.epochs=1", "text.max_tokens=128"])
>>> config.train.epochs
1.0

Then ``run = plaudit.train(config)`` and
``plaudit.Classifier.load(run.model).predict(["A triumph."])``. Nothing heavy is imported before it
is used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plaudit.config import Config
    from plaudit.config import load as load_config
    from plaudit.predict import Classifier
    from plaudit.run import evaluate, train

    __version__: str

__all__ = ["Classifier", "Config", "__version__", "evaluate", "load_config", "train"]

_HOMES = {
    "Classifier": ("plaudit.predict", "Classifier"),
    "Config": ("plaudit.config", "Config"),
    "load_config": ("plaudit.config", "load"),
}
_VERBS = ("train", "evaluate")


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("plaudit")
    if name in _VERBS:
        return import_module(f"plaudit.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'plaudit' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Room(ModuleType):
    """A room named like a verb: ``plaudit.train(config)`` runs, ``plaudit.train.loop`` is in it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        verb = self.__name__.rpartition(".")[2]
        return getattr(import_module("plaudit.run"), verb)(*args, **kwargs)


class _Package(ModuleType):
    """Python binds ``plaudit.train`` to the folder, whatever is defined here: so make it callable.

    Without this, what ``plaudit.train`` is would depend on what was imported before.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in _VERBS and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
