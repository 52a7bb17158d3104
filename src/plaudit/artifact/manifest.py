"""``plaudit.json``: the spec, and the SHA-256 of every file beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from plaudit.artifact.spec import CARD, GRAPH, MANIFEST, NGRAMS, OWN_WEIGHTS, PAGES, WEIGHTS, Spec
from plaudit.data.plain import sha256_of
from plaudit.errors import ArtifactError
from plaudit.model.trust import files_with_code

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")


def add(folder: Path, files: Mapping[str, str], *, spec: Spec | None = None) -> None:
    """Write text files into an artefact and enter them in its manifest.

    Parameters
    ----------
    folder : Path
    files : mapping of str to str
        File name to content.
    spec : Spec, optional
        In place of the present one.

    Raises
    ------
    ArtifactError
        The model card is among them, and the one that is there was edited.
    """
    if CARD in files:
        check_unedited(folder)
    for name, content in files.items():
        _staged(folder, name).write_text(content, encoding="utf-8")
    # The card comes last: as long as it is staged, one that does not fit was not edited.
    for name in (name for name in files if name != CARD):
        _staged(folder, name).replace(folder / name)
    write(folder, spec or read_spec(folder))
    if CARD in files:
        _staged(folder, CARD).replace(folder / CARD)


def _staged(folder: Path, name: str) -> Path:
    return folder / f".{name}"


def check_unedited(folder: Path) -> None:
    """See that the model card is as it was written; it is there to be edited.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    ArtifactError
        It was edited, and writing it anew would lose what its owner wrote.
    """
    interrupted = _staged(folder, CARD).is_file()
    if interrupted or not (folder / MANIFEST).is_file() or not (folder / CARD).is_file():
        return
    expected = files_of(folder).get(CARD)
    if expected is not None and sha256_of(folder / CARD) != expected:
        raise ArtifactError(
            f"{folder / CARD} was edited since plaudit wrote it, and would be overwritten. Move it "
            "away, do this again, and put back into the new one what you had written."
        )


def write(folder: Path, spec: Spec) -> None:
    """Write the manifest of what is in the folder now."""
    own = (p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith("."))
    files = {p.name: sha256_of(p) for p in own if p.name != MANIFEST}
    if (card := _staged(folder, CARD)).is_file():
        files = dict(sorted({**files, CARD: sha256_of(card)}.items()))
    values = spec.model_dump(mode="json") | {"files": files}
    staged = folder / f".{MANIFEST}"
    staged.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    staged.replace(folder / MANIFEST)


def read_spec(folder: Path) -> Spec:
    """Read the manifest.

    Raises
    ------
    ArtifactError
        There is none, or it cannot be read.
    """
    return _spec(folder, _manifest(folder))


def files_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file as the manifest has it.

    Raises
    ------
    ArtifactError
        There is no manifest, or it lists no files.
    """
    files = _manifest(folder).get("files")
    if not isinstance(files, dict):
        raise ArtifactError(f"{folder / MANIFEST} lists no files. Use a fresh copy of the folder.")
    return files


def has_pages(folder: Path) -> bool:
    """Say whether the pages that :func:`add` was given last are all there and entered."""
    found = _manifest(folder).get("files") if (folder / MANIFEST).is_file() else None
    return "report.json" in (found or ()) and not _staged(folder, CARD).exists()


def weights_sha256(folder: Path) -> str:
    """Return the SHA-256 of the weights as the manifest has it: of all that make the answers."""
    files = files_of(folder)
    own = next(files[name] for name in (OWN_WEIGHTS, WEIGHTS, GRAPH) if name in files)
    if NGRAMS not in files:
        return own
    spec = read_spec(folder)
    both = f"{own} {files[NGRAMS]} {spec.ngram_weight!r}"
    if spec.ngram_cascade is not None:
        both += " " + json.dumps(spec.ngram_cascade.model_dump(), sort_keys=True)
    return hashlib.sha256(both.encode()).hexdigest()


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
    files = files_of(folder)
    spec = read_spec(folder)
    weights = (WEIGHTS, OWN_WEIGHTS) if spec.weights == "torch" else (GRAPH,)
    problems = [
        f"{name} is not in the manifest"
        for name in ("config.json", "tokenizer.json", *([NGRAMS] if spec.has_words else []))
        if name not in files
    ]
    if not any(name in files for name in weights):
        problems.append(f"{weights[0]} is not in the manifest")
    for name, expected in files.items():
        if name not in PAGES:
            problems += [f"{name} {what}" for what in _wrong(folder, name, expected)]
    problems += [
        f"{path.name} is a pickle, which can run code"
        for path in sorted(folder.iterdir())
        if path.suffix in PICKLES
    ]
    problems += files_with_code(folder)
    if problems:
        raise ArtifactError(
            f"{folder}: {'; '.join(problems)}. Use a fresh copy of the model folder."
        )
    return spec


def _wrong(folder: Path, name: str, expected: str) -> list[str]:
    path = folder / name
    if Path(name).name != name:
        return ["is not a file of this folder"]
    if path.is_symlink():
        return ["is a link"]
    if not path.is_file():
        return ["is missing"]
    return [] if sha256_of(path) == expected else ["was changed since it was saved"]


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
