"""Encoders that were trained further: where they lie, and what they are known again by."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from plaudit.config import Config
from plaudit.data.durable import sync
from plaudit.data.plain import sha256_of
from plaudit.model.build import file_digests
from plaudit.model.device import Compute
from plaudit.model.loading import quiet
from plaudit.text.encoded import Encoded

SHELF, RECORD = "encoders", "pretraining.json"


def write(place: Path, name: str, about: dict[str, Any], encoder: Any, tokenizer: Any) -> None:
    """Write an encoder down; it is there whole, or not at all.

    Parameters
    ----------
    place : Path
    name : str
        From :func:`key`.
    about : dict
        What was done to it.
    encoder, tokenizer
        Of transformers.
    """
    staged = place.with_name(f".{place.name}")
    shutil.rmtree(staged, ignore_errors=True)  # of an attempt that was killed
    staged.mkdir(parents=True)
    with quiet():  # of a progress bar
        encoder.save_pretrained(staged)
        tokenizer.save_pretrained(staged)
    files = {path.name: sha256_of(path) for path in sorted(staged.iterdir())}
    record = {"key": name, "files": files, "about": about}
    (staged / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for path in staged.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync(staged)
    shutil.rmtree(place, ignore_errors=True)  # it was damaged
    staged.rename(place)
    sync(place.parent)


def found(place: Path, name: str, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Return what was done to an encoder that lies there, if it is the one and whole."""
    if not (place / RECORD).is_file():
        return None
    try:
        record: dict[str, Any] = json.loads((place / RECORD).read_text(encoding="utf-8"))
        if record["key"] != name:
            return None
        bad = [name for name, digest in record["files"].items() if _differs(place / name, digest)]
    except (OSError, ValueError, KeyError, TypeError):
        bad = [RECORD]
    if bad:
        say(f"damaged: {', '.join(str(place / name) for name in bad)}; the encoder is trained anew")
        return None
    about: dict[str, Any] = record["about"]
    return about


def _differs(path: Path, digest: str) -> bool:
    return not path.is_file() or sha256_of(path) != digest


def key(config: Config, texts: Encoded, compute: Compute) -> str:
    """Name all that the weights depend on.

    Parameters
    ----------
    config : Config
    texts : Encoded
        Those whose hidden words are guessed.
    compute : Compute

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    train = {"batch_tokens", "batch_examples", "accumulation", "packed", "cuda_graphs"}
    optim = {
        "optimizer",
        "betas",
        "eps",
        "weight_decay",
        "schedule",
        "warmup_fraction",
        "clip_norm",
    }
    about = config.model_dump(
        mode="json",
        include={
            "pretrain": True,
            "model": {"encoder", "dropout", "attention_dropout"},
            "optim": optim,
            "train": train,
        },
    )
    about |= {"seed": config.split_seed, "device": compute.device, "precision": compute.precision}
    about["files"] = file_digests(config.model.encoder)
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in (texts.ids, texts.starts_P, texts.first_N):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
