"""The model folder: a Hugging Face directory plus ``plaudit.json``; saved, loaded, verified."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from plaudit.config import CleanConfig, SplitConfig, TextConfig
from plaudit.errors import ArtifactError, ConfigError
from plaudit.model import fold
from plaudit.model.build import check_vocabulary, quiet
from plaudit.model.classifier import ReviewClassifier

MANIFEST = "plaudit.json"
WEIGHTS = "model.safetensors"
OWN_WEIGHTS = "plaudit.safetensors"
"""Name of the weights when plain transformers would compute something else: it then finds none,
and says so, instead of giving other labels."""
PRINTS = "seen_texts.npy"
PAGES = ("README.md", "report.html", "report.json")
"""For people, and theirs to edit: a change in them does not change what the model answers."""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")


class Spec(BaseModel):
    """What plaudit needs beyond the Hugging Face files to give the same answers again.

    Attributes
    ----------
    labels : tuple of str
        In the order of the logits.
    pooling, window_pooling : str
    text, clean : TextConfig, CleanConfig
    split, seed, data : SplitConfig, int, str
        From which the held-out part of the training data can be found again; the sizes in force.
    precision : {"fp32", "bf16"}
        In which the report's numbers were computed.
    text_column, label_column : str or None
        ``data.text`` and ``data.label`` of the run.
    data_files : dict of str to str
        Name to SHA-256 of what was trained on.
    label_mapping : dict of str to str, or None
        ``data.labels`` of the run.
    config_digest : str
    versions : dict of str to str
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    labels: tuple[str, ...]
    pooling: Literal["cls", "pooler", "mean", "max"]
    window_pooling: Literal["mean", "max"]
    text: TextConfig
    clean: CleanConfig
    split: SplitConfig
    seed: int
    data: str
    data_files: dict[str, str]
    label_mapping: dict[str, str] | None
    precision: Literal["fp32", "bf16"] = "fp32"
    text_column: str | None = None
    label_column: str | None = None
    config_digest: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A verified artefact in memory.

    Attributes
    ----------
    model : ReviewClassifier
    tokenizer : transformers.PreTrainedTokenizerBase
    spec : Spec
    seen_prints_N : ndarray of uint64
        Fingerprints of the texts that training or selection has seen.
    """

    model: ReviewClassifier
    tokenizer: Any
    spec: Spec
    seen_prints_N: np.ndarray


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on."""
    names = ("plaudit", "torch", "transformers", "tokenizers", "numpy", "scikit-learn")
    return {name: importlib.metadata.version(name) for name in names}


def save(
    folder: Path, model: ReviewClassifier, tokenizer: Any, spec: Spec, prints_N: np.ndarray
) -> None:
    """Write an artefact into a new folder.

    Parameters
    ----------
    folder : Path
        Must not exist. The caller stages it and renames it when all is in it.
    model : ReviewClassifier
    tokenizer : transformers.PreTrainedTokenizerBase
    spec : Spec
    prints_N : ndarray of uint64
        Fingerprints of the texts that training or selection has seen, so that later evaluations
        can count and leave them out.
    """
    folder.mkdir(parents=True)
    stock = fold.folded(model)
    with quiet():
        stock.save_pretrained(folder, safe_serialization=True)
        tokenizer.save_pretrained(folder)
    if not fold.is_stock(stock.config.model_type, model.pooling):
        (folder / WEIGHTS).rename(folder / OWN_WEIGHTS)
    np.save(folder / PRINTS, np.unique(prints_N), allow_pickle=False)
    _write_manifest(folder, spec.model_dump(mode="json"))


def add(folder: Path, files: Mapping[str, str]) -> None:
    """Write text files into an artefact and enter them in its manifest."""
    for name, content in files.items():
        staged = folder / f".{name}"
        staged.write_text(content, encoding="utf-8")
        staged.replace(folder / name)
    _write_manifest(folder, read_spec(folder).model_dump(mode="json"))


def read_spec(folder: Path) -> Spec:
    """Read the manifest.

    Raises
    ------
    ArtifactError
        There is none, or it cannot be read.
    """
    return _spec(folder, _manifest(folder))


def verify(folder: Path) -> Spec:
    """Check that every file that bears on answers is as it was saved, and that none could run code.

    Returns
    -------
    Spec

    Raises
    ------
    ArtifactError
        Naming every file that is missing, changed, not in the manifest, a link or a pickle.
    """
    manifest = _manifest(folder)
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise ArtifactError(f"{folder / MANIFEST} lists no files. Use a fresh copy of the folder.")
    problems = [
        f"{name} is not in the manifest"
        for name in ("config.json", "tokenizer.json")
        if name not in files
    ]
    if WEIGHTS not in files and OWN_WEIGHTS not in files:
        problems.append(f"{WEIGHTS} is not in the manifest")
    for name, expected in files.items():
        path = folder / name
        if name in PAGES:
            continue
        if path.is_symlink():
            problems.append(f"{name} is a link")
        elif not path.is_file():
            problems.append(f"{name} is missing")
        elif _sha256(path) != expected:
            problems.append(f"{name} was changed since it was saved")
    problems += [
        f"{path.name} is a pickle, which can run code"
        for path in sorted(folder.iterdir())
        if path.suffix in PICKLES
    ]
    if problems:
        raise ArtifactError(
            f"{folder}: {'; '.join(problems)}. Use a fresh copy of the model folder."
        )
    return _spec(folder, manifest)


def load(folder: Path | str) -> Loaded:
    """Verify and load an artefact.

    Parameters
    ----------
    folder : Path or str

    Returns
    -------
    Loaded
        The model on the CPU, in evaluation mode.

    Raises
    ------
    ArtifactError
        A file is missing or changed, or model, tokenizer and labels do not fit each other.
    """
    import transformers

    folder = Path(folder)
    spec = verify(folder)
    try:
        with quiet():
            saved = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
            _check_labels(folder, saved, spec.labels)
            config = fold.shallower(saved, spec.pooling)
            stock = _stock(folder, config)
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        check_vocabulary(stock, tokenizer, str(folder))
    except (OSError, ValueError, RuntimeError, ConfigError) as error:
        raise ArtifactError(f"{folder} cannot be loaded: {error}") from error
    model = ReviewClassifier(stock, spec.pooling, spec.window_pooling).eval()
    prints = folder / PRINTS
    prints_N = np.load(prints, allow_pickle=False) if prints.exists() else np.zeros(0, np.uint64)
    return Loaded(model, tokenizer, spec, prints_N)


def _stock(folder: Path, config: Any) -> Any:
    """Build the architecture and fill it; every weight that it has must be in the file."""
    import transformers
    from safetensors.torch import load_file

    own = folder / OWN_WEIGHTS
    if own.exists():
        stock = transformers.AutoModelForSequenceClassification.from_config(config)
        stock.load_state_dict(load_file(own), strict=True)
        return stock
    stock, info = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder,
        config=config,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
    )
    if info["missing_keys"] or info["mismatched_keys"]:
        raise ArtifactError(
            f"{folder}: the weights do not fill the model: "
            f"{sorted(map(str, [*info['missing_keys'], *info['mismatched_keys']]))[:5]}"
        )
    return stock


def _check_labels(folder: Path, config: Any, labels: Sequence[str]) -> None:
    own = tuple(config.id2label[i] for i in range(config.num_labels))
    if own != tuple(labels):
        raise ArtifactError(
            f"{folder}: config.json has the labels {own}, {MANIFEST} has {tuple(labels)}"
        )


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        what = (
            "has no plaudit.json, so it is no model of plaudit"
            if folder.is_dir()
            else "is not there"
        )
        near = [p.parent for p in (folder / "model" / MANIFEST,) if p.is_file()]
        hint = f" Did you mean {near[0]}?" if near else " Give the folder runs/<name>/model."
        raise ArtifactError(f"{folder} {what}.{hint}")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise ArtifactError(f"{path} is not a JSON object. Use a fresh copy of the model folder.")
    return content


def _spec(folder: Path, manifest: dict[str, Any]) -> Spec:
    try:
        return Spec.model_validate({k: v for k, v in manifest.items() if k != "files"})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ArtifactError(f"{folder / MANIFEST}: {where}: {first['msg']}") from error


def _write_manifest(folder: Path, values: dict[str, Any]) -> None:
    own = (p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith("."))
    files = {p.name: _sha256(p) for p in own if p.name != MANIFEST}
    staged = folder / f".{MANIFEST}"
    staged.write_text(json.dumps(values | {"files": files}, indent=2) + "\n", encoding="utf-8")
    staged.replace(folder / MANIFEST)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
