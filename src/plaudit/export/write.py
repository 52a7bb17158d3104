"""Export a model. Read :func:`export` first."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from plaudit import artifact
from plaudit.data import outputs
from plaudit.data.sources import Say, silent
from plaudit.errors import ConfigError
from plaudit.export import gate, graph
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import plan
from plaudit.multilabel import MultiLabelClassifier, load
from plaudit.predict import Classifier
from plaudit.report.pages import REPORT, pages

Format = Literal["onnx", "onnx-int8"]
MAX_DIFFER: dict[Format, float] = {"onnx": 0.001, "onnx-int8": 0.02}


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model.

    Attributes
    ----------
    folder : Path
        Takes a model folder's place everywhere.
    format : {"onnx", "onnx-int8"}
    gate : plaudit.artifact.Gate
        How its answers compare with the original's.
    bytes, bytes_before : int
        Of its weights, and of the original's.
    in_bf16 : plaudit.artifact.Gate or None
        The same comparison with the original as it answers on this machine, where that is in bf16.
        What it adds to ``gate`` is bf16's rounding; nothing is refused for it.
    multilabel : bool
        Whether it gives a text any number of labels.
    pairs : bool
        Whether it labels two texts at once.
    """

    folder: Path
    format: Format
    gate: artifact.Gate
    bytes: int
    bytes_before: int
    in_bf16: artifact.Gate | None = None
    multilabel: bool = False
    pairs: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as a document."""
        return {
            "folder": str(self.folder),
            "format": self.format,
            "bytes": self.bytes,
            "bytes_before": self.bytes_before,
            "gate": self.gate.model_dump(),
            "in_bf16": self.in_bf16.model_dump() if self.in_bf16 is not None else None,
        }


def export(
    model: Path | str,
    format: Format = "onnx",  # noqa: A002 - the option's name
    out: Path | str | None = None,
    *,
    data: Path | str | None = None,
    max_differ: float | None = None,
    say: Say | None = None,
) -> Exported:
    """Write a model in another format, if that answers as the original does.

    Uses no network. Written whole or not at all; nothing is overwritten.

    Parameters
    ----------
    model : Path or str
        A model folder, such as ``runs/quickstart/model``.
    format : {"onnx", "onnx-int8"}
        ONNX in fp32, or with int8 weights.
    out : Path or str, optional
        A new folder; by default beside the model: ``runs/quickstart/model-onnx-int8``.
    data : str, optional
        DATA with texts to compare on; by default what the model's own run held out, else the
        bundled reviews.
    max_differ : float, optional
        The largest share of labels that may differ; by default 0.001 for fp32, 0.02 for int8.
    say : callable, optional
        Takes lines on the progress.

    Returns
    -------
    Exported

    Raises
    ------
    plaudit.errors.ExportError
        The answers are too far from the original's, or the architecture cannot be exported.
    plaudit.errors.ConfigError
        The format or the folder cannot be used.
    plaudit.errors.MissingExtra
        ``pip install 'plaudit[onnx]'`` was not done.

    Examples
    --------
    >>> import plaudit
    >>> exported = plaudit.export("runs/quickstart/model", "onnx")
    >>> exported.gate.differ
    0.0
    >>> plaudit.predict(exported.folder, ["Great plot!"])[0].label
    'positive'
    """
    say = say or silent
    limit = _limit(format, max_differ)
    source = Path(os.path.abspath(model))  # noqa: PTH100 - without following links, for the name
    final = Path(out) if out is not None else source.with_name(f"{source.name}-{format}")
    outputs.check_new(final, "name another with --out")
    graph.check_installed()
    loaded, torch_model = _original(source)
    chosen = gate.texts(loaded.spec, None if data is None else str(data), say)
    staged = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    try:
        say(f"Writing {source} as {format}.")
        _write(staged, source, loaded.spec, torch_model, format)
        say(f"Comparing it with the original on {len(chosen.texts)} texts: {chosen.note}")
        kind = MultiLabelClassifier if loaded.spec.multilabel else Classifier
        original = kind(loaded, plan("cpu", "fp32"))
        exported = load(staged)
        found = gate.compare(original, exported, chosen, limit)
        gate.check(found, source, format)
        here = loaded.compute("cpu", "auto")
        rounded = (
            gate.compare(kind(loaded, here), exported, chosen, limit) if here.half_on_cpu else None
        )
        _finish(staged, source, found, say)
        outputs.check_new(final, "name another with --out")
        staged.chmod(0o755)  # mkdtemp makes folders that only their owner can read
        staged.rename(final)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    sizes = _weights_bytes(final), _weights_bytes(source)
    spec = loaded.spec
    return Exported(
        final, format, found, *sizes, rounded, multilabel=spec.multilabel, pairs=spec.pairs
    )


def lines(exported: Exported) -> list[str]:
    """Lay out what was exported for the terminal."""
    found, rounded = exported.gate, exported.in_bf16
    count = round(found.differ * found.answers)
    of_bf16 = []
    if rounded is not None:
        of_bf16 = [
            "the original answers in bf16 on this machine: beside that "
            f"the labels of {round(rounded.differ * rounded.answers)} differ, probabilities by "
            f"{rounded.max_difference:.2g} at most, {rounded.mean_difference:.2g} on average"
        ]
    return [
        f"{exported.folder}",
        f"weights: {exported.bytes / 1e6:.1f} MB in {exported.format}, "
        f"{exported.bytes_before / 1e6:.1f} MB before",
        f"labels that differ from the original in fp32: in {count} of {found.answers} answers "
        f"({found.differ:.2%}, allowed {found.limit:.2%}), on {found.data.rstrip('.')}",
        f"probabilities differ by {found.max_difference:.2g} at most, "
        f"{found.mean_difference:.2g} on average",
        *of_bf16,
    ]


def _limit(format: Format, max_differ: float | None) -> float:  # noqa: A002 - as above
    if format not in MAX_DIFFER:
        raise ConfigError(f"format = {format!r} is not one of {', '.join(map(repr, MAX_DIFFER))}")
    if max_differ is None:
        return MAX_DIFFER[format]
    if not 0 <= max_differ <= 1:
        raise ConfigError(f"max_differ = {max_differ} is not a share; give 0 to 1, as in 0.01")
    return max_differ


def _original(source: Path) -> tuple[artifact.Loaded, ReviewClassifier]:
    spec = artifact.read_spec(source)
    if spec.weights != "torch":
        raise ConfigError(
            f"{source} was exported already, as {spec.weights}. Give the model that it came from."
        )
    loaded = artifact.load(source)
    if not isinstance(loaded.model, ReviewClassifier):
        raise TypeError(type(loaded.model).__name__)
    return loaded, loaded.model


def _write(
    staged: Path, source: Path, spec: artifact.Spec, model: ReviewClassifier, weights: Format
) -> None:
    target = staged / artifact.GRAPH
    if weights == "onnx":
        graph.write(model, target, pairs=spec.pairs)
    else:
        with tempfile.TemporaryDirectory(dir=staged, prefix=".") as scratch:
            fp32 = Path(scratch) / artifact.GRAPH
            graph.write(model, fp32, pairs=spec.pairs)
            graph.quantise(fp32, target)
    origin = artifact.Origin(weights_sha256=artifact.weights_sha256(source))
    own = spec.model_copy(update={"weights": weights, "exported": origin})
    artifact.save_exported(staged, source, model.stock.config, own)


def _finish(staged: Path, source: Path, found: artifact.Gate, say: Say) -> None:
    """Enter the comparison in the manifest, and in the pages where the model has them."""
    spec = artifact.read_spec(staged)
    origin = artifact.Origin(weights_sha256=artifact.weights_sha256(source), gate=found)
    own = spec.model_copy(update={"exported": origin})
    shown: dict[str, str] = {}
    try:
        shown = _pages(source, own.weights, origin)
    except Exception as error:  # the page may be edited or of another version: no reason to fail
        say(f"{source / REPORT} cannot be shown here, so no report is copied: {error}")
    artifact.add(staged, shown, spec=own)
    artifact.verify(staged)


def _pages(source: Path, weights: str, origin: artifact.Origin) -> dict[str, str]:
    """Render the original's report with a remark on what this folder holds."""
    path, found = source / REPORT, origin.gate
    if not path.is_file() or found is None:
        return {}
    report = json.loads(path.read_text(encoding="utf-8"))
    note = (
        f"This folder holds the model exported as {weights}; the figures here are of the model "
        f"that it was exported from. On {found.answers} answers {found.differ:.2%} of the labels "
        f"differ, and probabilities by {found.max_difference:.2g} at most. transformers.pipeline "
        "cannot load it. plaudit can."
    )
    exported = {"format": weights, **origin.model_dump()}
    return pages(
        report
        | {
            "model": report["model"] | {"transformers": False, "pipeline_note": note},
            "exported": exported,
        }
    )


def _weights_bytes(folder: Path) -> int:
    names = [artifact.WEIGHTS, artifact.OWN_WEIGHTS, artifact.GRAPH, f"{artifact.GRAPH}.data"]
    names.append(artifact.NGRAMS)
    return sum((folder / n).stat().st_size for n in names if (folder / n).is_file())
