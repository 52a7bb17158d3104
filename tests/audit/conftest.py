"""A small data set with every flaw planted in it, in known numbers."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import plaudit
from plaudit.audit import Audit

Row = tuple[str, str]
GOOD = ["great", "lovely", "superb", "moving"]
BAD = ["awful", "dull", "clumsy", "tedious"]


def sentence(random_: random.Random, label: str, words: int = 30) -> str:
    """Make a text in which the label is told by a few words and all others mean nothing."""
    syllables = ["ba", "ko", "ri", "mu", "te", "so", "na", "li", "du", "pe"]
    found = ["".join(random_.choices(syllables, k=3)) for _ in range(words)]
    own = GOOD if label == "pos" else BAD
    for telling in (own, own, own, GOOD + BAD):
        found[random_.randrange(words)] = random_.choice(telling)
    for place in range(0, words, 4):
        found[place] = random_.choice(["the", "and", "of", "with", "this", "that"])
    return " ".join(found)


@pytest.fixture(scope="session")
def write_table() -> Callable[[Path, Sequence[Row]], Path]:
    """Write rows of (text, label) as CSV."""

    def write(path: Path, rows: Sequence[Row]) -> Path:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        return path

    return write


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An aclImdb folder: 120 training and 60 test texts, and what the tests count."""
    random_ = random.Random(5)
    root = tmp_path_factory.mktemp("planted")
    rows: dict[str, list[Row]] = {}
    for split, count in (("train", 120), ("test", 60)):
        labels = [("neg", "pos")[n % 2] for n in range(count)]
        rows[split] = [(sentence(random_, label), label) for label in labels]
    train, test = rows["train"], rows["test"]
    train += train[:3]  # duplicates, one of them different in mark-up only
    train[-1] = (train[-1][0].replace(" ", "<br />", 1), train[-1][1])
    train += test[:4]  # leaks
    train += [(train[10][0], "pos"), (train[11][0], "neg")]  # conflicts: 10 is neg, 11 is pos
    train.append((train[20][0] + " coda", train[20][1]))  # a near-duplicate
    train.append((test[20][0] + " coda", test[20][1]))  # a near-leak
    train += [("", "pos"), (" <br /> ", "neg"), ("Meh.", "neg")]
    train.append((train[30][0] + " une très jolie cafÃ© itâ€™s", "neg"))
    train.append((train[31][0][::-1] + " 2/10", "pos"))
    for split, each in rows.items():
        for n, (text, label) in enumerate(each):
            (root / split / label).mkdir(parents=True, exist_ok=True)
            (root / split / label / f"{n}_0.txt").write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def audited(planted: Path, tiny_encoder: Path) -> Audit:
    """The audit of it."""
    return plaudit.audit(str(planted), encoder=str(tiny_encoder), max_tokens=16)
