"""plaudit: from labelled reviews to a BERT classifier that its owner can trust.

>>> import plaudit
>>> config = plaudit.load_config("reviews.toml", ["train.epochs=4"])
>>> run = plaudit.train(config)
>>> plaudit.predict(run.model, ["A triumph."])[0].label
'positive'
>>> plaudit.evaluate(run.model, "reviews.csv")["rows"]
24

The verbs of the command line are functions here; a ``plaudit.Classifier`` is a model to keep.
Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from plaudit.ablate.ablation import ablate
    from plaudit.audit.examine import Audit, audit
    from plaudit.bench.compare import bench
    from plaudit.compare import compare
    from plaudit.config import Config, recipes
    from plaudit.config import load as load_config
    from plaudit.doctor import examine as doctor
    from plaudit.embed import Embedder, embed
    from plaudit.explain import explain
    from plaudit.export import export
    from plaudit.lr import lr
    from plaudit.multilabel import MultiLabelClassifier
    from plaudit.predict import Classifier, Prediction
    from plaudit.push import push
    from plaudit.robustness import robustness
    from plaudit.run import evaluate, resume, train
    from plaudit.run import rebuild_report as report
    from plaudit.score import score
    from plaudit.tune.tuning import tune

    __version__: str

__all__ = [
    "Audit",
    "Classifier",
    "Config",
    "Embedder",
    "MultiLabelClassifier",
    "__version__",
    "ablate",
    "audit",
    "bench",
    "compare",
    "doctor",
    "embed",
    "evaluate",
    "explain",
    "export",
    "load_config",
    "lr",
    "predict",
    "push",
    "recipes",
    "report",
    "resume",
    "robustness",
    "score",
    "train",
    "tune",
]

_HOMES = {
    "Audit": ("plaudit.audit.examine", "Audit"),
    "Classifier": ("plaudit.predict", "Classifier"),
    "Config": ("plaudit.config", "Config"),
    "Embedder": ("plaudit.embed", "Embedder"),
    "MultiLabelClassifier": ("plaudit.multilabel", "MultiLabelClassifier"),
    "load_config": ("plaudit.config", "load"),
    "resume": ("plaudit.run", "resume"),
}
# The verbs of the command line. Each is also a module, or in the case of recipes a folder that
# Python would import as one.
_VERBS = {
    "ablate": ("plaudit.ablate.ablation", "ablate"),
    "audit": ("plaudit.audit.examine", "audit"),
    "bench": ("plaudit.bench.compare", "bench"),
    "compare": ("plaudit.compare", "compare"),
    "doctor": ("plaudit.doctor", "examine"),
    "embed": ("plaudit.embed", "embed"),
    "evaluate": ("plaudit.run", "evaluate"),
    "explain": ("plaudit.explain.texts", "explain"),
    "export": ("plaudit.export", "export"),
    "lr": ("plaudit.lr", "lr"),
    "predict": ("plaudit", "_predict"),
    "push": ("plaudit.push", "push"),
    "recipes": ("plaudit.config", "recipes"),
    "report": ("plaudit.run", "rebuild_report"),
    "robustness": ("plaudit.robustness", "robustness"),
    "score": ("plaudit.score", "score"),
    "train": ("plaudit.run", "train"),
    "tune": ("plaudit.tune.tuning", "tune"),
}


def _predict(
    model: Path | str, texts: Sequence[str] | Sequence[tuple[str, str]], *, device: str = "auto"
) -> list[Prediction] | list[Any]:
    """Label texts, or pairs, with a saved model; to do so more than once, keep a Classifier.

    A model that gives a text any number of labels answers with sets of them
    (:class:`plaudit.multilabel.LabelSet`).

    Examples
    --------
    >>> import plaudit
    >>> prediction = plaudit.predict("runs/quickstart/model", ["A triumph."])[0]
    >>> prediction.label
    'positive'
    >>> sorted(prediction.probabilities)
    ['negative', 'positive']
    """
    from plaudit.multilabel import load

    return load(model, device=device).predict(texts)


if TYPE_CHECKING:
    predict = _predict


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("plaudit")
    if name in _VERBS:
        return import_module(f"plaudit.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'plaudit' has no attribute {name!r}")
    return _at(*_HOMES[name])


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _at(module: str, attribute: str) -> Any:
    return getattr(import_module(module), attribute)


class _Room(ModuleType):
    """A room named like a verb: ``plaudit.train(config)`` runs, ``plaudit.train.loop`` is in it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._verb()(*args, **kwargs)

    def _verb(self) -> Any:
        return _at(*_VERBS[self.__name__.rpartition(".")[2]])

    @property
    def __signature__(self) -> Any:
        """What the verb takes, for help in editors and notebooks."""
        from inspect import signature

        return signature(self._verb())

    def __reduce__(self) -> tuple[Any, ...]:
        """Be the same room in another process; a module by itself cannot be sent there."""
        return import_module, (self.__name__,)

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self


class _Package(ModuleType):
    """Python binds ``plaudit.train`` to the folder, whatever is defined here: so make it callable.

    Without this, what ``plaudit.train`` is would depend on what was imported before.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in _VERBS and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
