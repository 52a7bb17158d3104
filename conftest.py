"""No test reads the network or the user's cache; examples in docstrings run in a small workshop.

The workshop is the working directory of an example. It holds ``reviews.csv``, ``reviews.toml``,
which fine-tunes a random encoder of two layers on them, and ``runs/quickstart``, the result of
that, which stands in for the shipped recipe's.
"""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path

import pytest

pytest_plugins = ["tests.promises"]

RECIPE = """\
name = "reviews"
data.train = "reviews.csv"
text.max_tokens = 64
model.encoder = "tiny-bert"
optim.lr = 5e-3
train.epochs = 4
train.batch_tokens = 256
"""


@pytest.fixture(autouse=True)
def _isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("PLAUDIT_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("PLAUDIT_IMDB", raising=False)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with reviews, an encoder and a finished run."""
    from tests.conftest import review, save_encoder

    import plaudit

    folder = tmp_path_factory.mktemp("workshop")
    save_encoder(folder / "tiny-bert")
    (folder / "reviews.toml").write_text(RECIPE, encoding="utf-8")
    random_ = random.Random(3)
    with (folder / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for n in range(240):
            label = ("negative", "positive")[n % 2]
            writer.writerow([f"film{n} {review(label, random_)}", label])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        plaudit.train(plaudit.load_config("reviews.toml", ["name=quickstart"]))
    return folder


@pytest.fixture(autouse=True)
def _in_the_workshop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each example a working directory of its own, furnished if it reads or writes there."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    folder = request.getfixturevalue("tmp_path")
    monkeypatch.chdir(folder)
    sources = "".join(example.source for example in request.node.dtest.examples)
    if "reviews.toml" in sources or "runs/" in sources:
        shutil.copytree(request.getfixturevalue("workshop"), folder, dirs_exist_ok=True)
