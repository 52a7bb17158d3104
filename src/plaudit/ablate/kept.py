"""Trials on disk: what each was, by what it is found again, and where."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from plaudit.artifact.manifest import weights_sha256
from plaudit.artifact.spec import MANIFEST, versions
from plaudit.config import Config
from plaudit.data import durable
from plaudit.data.plain import sha256_of
from plaudit.data.prepare import Prepared
from plaudit.errors import DataError
from plaudit.evaluate import predictions
from plaudit.evaluate.predictions import PREDICTIONS, Predictions
from plaudit.machine import processor
from plaudit.model.build import file_digests
from plaudit.model.device import plan
from plaudit.train.course import Course

ABLATIONS = "ablate-"
"""How the name of an ablation's folder begins."""
_FACTS = "trial.json"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a trial was, and what it cost.

    Attributes
    ----------
    key : str
        From :func:`key`: a trial is found again by it.
    seed, steps, tokens, best_step : int
    epochs, seconds : float
    texts_cut, tokens_total, tokens_kept : int
        Of the training texts.
    """

    key: str
    seed: int
    steps: int
    tokens: int
    best_step: int
    epochs: float
    seconds: float
    texts_cut: int
    tokens_total: int
    tokens_kept: int


def key(
    config: Config,
    seed: int,
    course: Course | None,
    prepared: Prepared,
    digests: Sequence[str],
) -> str:
    """Name all that a trial depends on, but for changes of plaudit itself between its versions.

    Parameters
    ----------
    config : Config
    seed : int
    course : Course or None
    prepared : Prepared
    digests : sequence of str
        Of the texts and labels that are trained and compared on, and from :func:`contents`.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    settings = "" if course is None else repr((course.steps, sorted(course.validate_after)))
    # Of another machine both answers and seconds would be others.
    compute = plan(config.train.device, config.train.precision)
    computed = [compute.device, compute.precision, _device(compute.device)]
    parts = [config.digest(), str(seed), settings, *digests, *computed]
    parts.append(repr(sorted(versions().items())))
    state = hashlib.sha256("|".join(parts).encode())
    for _, texts in sorted(prepared.unlabelled.items()):
        state.update(texts.rows.prints_N.tobytes())
    return state.hexdigest()[:16]


def _device(name: str) -> str:
    import torch

    return torch.cuda.get_device_name() if name == "cuda" else processor()


def contents(config: Config) -> list[str]:
    """Return digests of what stands behind the names of an encoder and a teacher."""
    found = file_digests(config.model.encoder)
    if config.distill.teacher is not None and config.distill.weight:
        teacher = Path(config.distill.teacher)
        # What is learnt from are its answers: cleaned, cut and tempered as its own settings say.
        found += [weights_sha256(teacher), sha256_of(teacher / MANIFEST)]
    return found


def keep(folder: Path, facts: Facts, answers: Predictions) -> None:
    """Write a trial into its folder, in place of one that was interrupted or is of other data."""
    folder.mkdir(parents=True, exist_ok=True)
    # Others may look here: what was and what becomes must never stand side by side.
    (folder / _FACTS).unlink(missing_ok=True)
    (folder / PREDICTIONS).unlink(missing_ok=True)
    predictions.write(folder / PREDICTIONS, answers)
    # Last, and whole: where it is, the trial is done.
    write_json(folder / _FACTS, asdict(facts))


def there(folder: Path, key: str) -> tuple[Facts, Predictions] | None:
    """Return the trial of a folder, if it is the one that a key stands for."""
    if not (folder / _FACTS).is_file():
        return None
    stored = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    same = stored["key"] == key
    return (Facts(**stored), predictions.read(folder / PREDICTIONS)) if same else None


def beside(
    ablation: Path, key: str, say: Callable[[str], None]
) -> tuple[Facts, Predictions] | None:
    """Return the same trial as another ablation made it, if one did.

    Parameters
    ----------
    ablation : Path
        The folder of the one that asks; the others lie beside it.
    key : str
    say : callable
    """
    for path in sorted(ablation.parent.glob(f"{ABLATIONS}*/*/{_FACTS}")):
        try:
            known = there(path.parent, key)
        except (DataError, OSError, ValueError, KeyError, TypeError):
            continue  # damage elsewhere is not this ablation's concern: it trains by itself
        if known:
            say(f"the same was trained before: {path.parent}")
            return known
    return None


def write_json(path: Path, document: object) -> None:
    """Write JSON so that a crash leaves either the old file or the new one."""
    durable.replace(path, (json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
