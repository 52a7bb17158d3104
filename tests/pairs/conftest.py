"""Pairs that "turn" where the first text praises and the second does not: neither tells alone."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from plaudit import run
from plaudit.config import load
from tests.conftest import FILLER, NEGATIVE, POSITIVE, save_encoder

SETTINGS = [
    "data.text=premise", "data.text_pair=hypothesis", "data.label=label", "text.max_tokens=40",
    "text.policy=head", "train.epochs=8", "optim.lr=5e-3", "optim.layer_decay=1",
    "train.batch_tokens=160", "split.test_size=100", "split.validation_size=60",
    "train.evaluations=1", "train.select=log_loss", "evaluate.bootstrap=100",
]  # fmt: skip


def pair(random_: random.Random) -> tuple[str, str, str]:
    first, second = (random_.choices("+-", (7, 3))[0], random_.choices("+-", (3, 7))[0])
    texts = []
    for mood in (first, second):
        words = random_.choices(FILLER, k=1)
        place = random_.randrange(2)
        words.insert(place, random_.choice(POSITIVE if mood == "+" else NEGATIVE))
        texts.append(" ".join(words))
    return texts[0], texts[1], "turns" if (first, second) == ("+", "-") else "stays"


@pytest.fixture(scope="session")
def typed_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT whose tokenizer numbers the tokens of the second text, as BERT's own does."""
    import json

    folder = save_encoder(tmp_path_factory.mktemp("typed") / "bert")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["model_input_names"] = ["input_ids", "token_type_ids", "attention_mask"]
    path.write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="session")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random_ = random.Random(5)
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["premise", "hypothesis", "label"])
        for _ in range(500):
            writer.writerow(pair(random_))
    return path


@pytest.fixture(scope="session")
def trained(
    typed_encoder: Path, pairs_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> run.Run:
    out = tmp_path_factory.mktemp("runs")
    what = [f"data.train={pairs_file}", f"model.encoder={typed_encoder}", f"out={out}", *SETTINGS]
    return run.train(load(None, what))
