"""A table whose texts have none, one or two labels, and one run on it for all tests."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from plaudit import run
from plaudit.config import Config, load
from tests.conftest import FILLER, NEGATIVE, POSITIVE

SMALL = [
    "name=sets", "data.multilabel=true", "text.max_tokens=32", "train.batch_tokens=256",
    "optim.lr=5e-3", "train.epochs=4", "split.validation_size=60", "split.test_size=60",
    "evaluate.bootstrap=100",
]  # fmt: skip
ROWS = 240


def rows() -> list[tuple[str, list[str]]]:
    """Texts whose words give each of their labels away."""
    random_ = random.Random(7)
    found = []
    for n in range(ROWS):
        words = random_.choices(FILLER, k=random_.randint(3, 12))
        labels = []
        for name, giving, share in (("blame", NEGATIVE, 0.3), ("praise", POSITIVE, 0.5)):
            if random_.random() < share:
                labels.append(name)
                for _ in range(3):
                    words.insert(random_.randrange(len(words) + 1), random_.choice(giving))
        found.append((f"{' '.join(words)} film{n}", labels))
    return found


def configured(data: Path, encoder: Path, out: Path, *more: str) -> Config:
    places = [f"data.train={data}", f"model.encoder={encoder}", f"out={out}"]
    return load(None, [*SMALL, *places, *more])


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows in every form: one string, lists, and columns of 0 and 1."""
    folder = tmp_path_factory.mktemp("sets")
    with (folder / "joined.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, "|".join(labels)] for text, labels in rows())
    with (folder / "lists.jsonl").open("w") as file:
        for text, labels in rows():
            file.write(json.dumps({"text": text, "label": labels}) + "\n")
    with (folder / "columns.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "blame", "praise"])
        writer.writerows(
            [text, int("blame" in labels), int("praise" in labels)] for text, labels in rows()
        )
    return folder


@pytest.fixture(scope="session")
def finished(tables: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> run.Run:
    config = configured(tables / "joined.csv", tiny_encoder, tmp_path_factory.mktemp("runs"))
    return run.train(config)
