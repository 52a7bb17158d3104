"""Which models and formats stand against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plaudit import artifact
from plaudit.data.sources import Say
from plaudit.errors import ConfigError, PlauditError
from plaudit.model.device import plan
from plaudit.model.loading import quiet
from plaudit.predict import Classifier
from plaudit.text.encode import Encoded, TextEncoder

EXPORTS = ("-onnx", "-onnx-int8")
"""Ends of the names of the folders that ``plaudit export`` makes beside a model's own."""
WEIGHTS = ("*.safetensors", "*.onnx", "*.onnx_data", "*.onnx.data")


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """A model in one format.

    Attributes
    ----------
    folder : Path
    format : str
        Such as ``"torch fp32"`` or ``"onnx-int8"``.
    device, precision : str
        As it was loaded.
    classifier : Classifier
    """

    folder: Path
    format: str
    device: str
    precision: str
    classifier: Classifier

    def encode(self, cleaned: Sequence[str]) -> Encoded:
        """Return what the model reads of cleaned texts."""
        import transformers

        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                self.folder, trust_remote_code=False
            )
        return TextEncoder(tokenizer, self.classifier.spec.text).encode(cleaned)

    def weights_mb(self) -> float:
        """Return the size of the files that hold weights, in MB of 10^6 bytes."""
        files = {path for pattern in WEIGHTS for path in self.folder.glob(pattern)}
        return sum(path.stat().st_size for path in files) / 1e6


def gather(models: Sequence[Path | str], device: str, say: Say) -> list[Contender]:
    """Load each model in every format that it has.

    Parameters
    ----------
    models : sequence of Path or str
        Model folders. Beside a single one of format torch, what was exported from it is taken too.
    device : {"auto", "cpu", "cuda", "mps"}
    say : callable
        Takes lines for the user.

    Returns
    -------
    list of Contender
        A model of format torch twice where the machine is fast at bf16.

    Raises
    ------
    ConfigError
        No model is named, or they have other labels than the first.
    plaudit.errors.ArtifactError
        A folder is not a model that can be loaded.
    """
    folders = [Path(model) for model in models]
    if not folders:
        raise ConfigError("bench needs a model: plaudit bench runs/<name>/model")
    contenders = [each for folder in folders for each in _load(folder, device)]
    if len(folders) == 1 and _weights(contenders[0].classifier.spec) == "torch":
        contenders += _exported(contenders[0], device, say)
    first = contenders[0]
    for other in contenders[1:]:
        own, asked = other.classifier.labels, first.classifier.labels
        if set(own) != set(asked):
            raise ConfigError(
                f"{other.folder} has the labels {', '.join(own)}, {first.folder} has "
                f"{', '.join(asked)}: they answer different questions. Compare models of the same "
                "labels."
            )
    return contenders


def _weights(spec: artifact.Spec) -> str:
    return str(getattr(spec, "weights", "torch"))


def _load(folder: Path, device: str) -> list[Contender]:
    spec = artifact.read_spec(folder)
    artifact.refuse_pairs(spec, "bench")
    weights = _weights(spec)
    if weights != "torch":
        classifier = Classifier.load(folder, device=device)
        return [Contender(folder, weights, "cpu", "auto", classifier)]
    compute = plan(device)
    return [
        Contender(
            folder,
            f"torch {precision}",
            compute.device,
            precision,
            Classifier.load(folder, device=device, precision=precision),
        )
        for precision in (("fp32", "bf16") if compute.precision == "bf16" else ("fp32",))
    ]


def _exported(model: Contender, device: str, say: Say) -> list[Contender]:
    """Load what was exported from a model, where it stands beside it and can be used."""
    found: list[Contender] = []
    for end in EXPORTS:
        folder = model.folder.parent / f"{model.folder.name}{end}"
        if not (folder / artifact.MANIFEST).is_file():
            continue
        try:
            if artifact.read_spec(folder).config_digest != model.classifier.spec.config_digest:
                raise ConfigError("it is of another run")
            found += _load(folder, device)
        except PlauditError as error:  # it was not asked for, so nothing fails for it
            say(f"{folder} stands beside, and is left out: {error}")
        else:
            say(f"{folder} stands beside, and is measured too")
    return found
