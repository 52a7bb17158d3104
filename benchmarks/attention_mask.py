"""What the attention mask does: the same model and reviews, with and without it.

A quickstart model is trained on the bundled reviews (``SETTINGS``). Its validation rows, by which
only a temperature was chosen, are labelled each text alone, without any padding; in random batches
of 16 padded to the longest, and all padded to the encoder's 512, with the mask; and both of these
again with a mask of ones, as in code that forgot it, for attention and for the mean over tokens
alike.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import plaudit
from common.side_by_side import RESULTS, Document, say
from plaudit.data.prepare import prepare
from plaudit.evaluate.metrics import score
from plaudit.evaluate.scores import plain
from plaudit.predict import Classifier

RESULT = RESULTS / "attention_mask.json"
SETTINGS = [
    "split.train_size=600", "split.validation_size=300", "split.test_size=0", "data.train=bundled",
    "text.max_tokens=128", "train.max_seconds=none", "report.audit=false", "train.device=cpu",
]  # fmt: skip
SHORT = ["split.train_size=32", "split.validation_size=16", "text.max_tokens=32"]
SIZE = 16


def logits(
    classifier: Classifier, texts: list[str], width: int | None, *, masked: bool, size: int = SIZE
) -> np.ndarray:
    """Label texts in batches as they come, padded to a width or to the longest of the batch."""
    encoder, engine = classifier.encoder, classifier.engine
    rows = [encoder.encode([text]).piece(0) for text in texts]
    found = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        wide = width or max(map(len, part))
        ids_BT = torch.full((len(part), wide), encoder.pad_id, dtype=torch.int64)
        mask_BT = torch.zeros_like(ids_BT)
        for b, row in enumerate(part):
            ids_BT[b, : len(row)] = torch.from_numpy(row.astype(np.int64))
            mask_BT[b, : len(row)] = 1
        if not masked:
            mask_BT = torch.ones_like(mask_BT)
        with torch.inference_mode():
            found.append(engine.model(ids_BT, mask_BT, torch.arange(len(part))).numpy())
    return np.concatenate(found)


def compare(classifier: Classifier, texts: list[str], targets_N: np.ndarray) -> dict[str, Any]:
    """Measure each way of padding against each text alone."""
    limit = classifier.engine.model.stock.config.max_position_embeddings
    sides = {
        "each text alone": (None, True, 1),
        "padded to the longest of 16, mask": (None, True, SIZE),
        "padded to 512, mask": (limit, True, SIZE),
        "padded to the longest of 16, no mask": (None, False, SIZE),
        "padded to 512, no mask": (limit, False, SIZE),
    }
    found: dict[str, Any] = {}
    first_NC = None
    for name, (width, masked, size) in sides.items():
        logits_NC = logits(classifier, texts, width, masked=masked, size=size)
        first_NC = logits_NC if first_NC is None else first_NC
        scores = score(classifier.calibrated(logits_NC), targets_N, classifier.labels)
        found[name] = {
            "accuracy": plain(scores.metrics["accuracy"]),
            "same_label": float((logits_NC.argmax(1) == first_NC.argmax(1)).mean()),
            "largest_logit_difference": float(np.abs(logits_NC - first_NC).max()),
        }
        values = found[name]
        say(
            f"{name:38} accuracy {100 * values['accuracy']['value']:5.1f}, same label "
            f"{100 * values['same_label']:5.1f}%, logits differ by up to "
            f"{values['largest_logit_difference']:.2g}"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--short", action="store_true", help="a toy model; writes no file")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        overrides = [*SETTINGS, *(SHORT if args.short else []), f"out={folder}"]
        config = plaudit.load_config("quickstart", overrides)
        run = plaudit.train(config)
        classifier = Classifier.load(run.model, device="cpu", precision="fp32")
        validation = prepare(config, lambda line: None).validation
        order = np.random.default_rng(0).permutation(len(validation))
        texts = [validation.texts[n] for n in order]
        sides = compare(classifier, texts, validation.targets_N[order])
    document = Document(None if args.short else args.out, __doc__ or "")
    section = {"settings": SETTINGS, "rows": len(texts), "sides": sides}
    document.put("mask", section)


if __name__ == "__main__":
    main()
