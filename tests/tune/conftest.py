"""A recipe whose learning rate is far too low, and a space in which a good one stands."""

import json
import random
from pathlib import Path

import pytest

from tests.conftest import review

SPACE = "[optim]\nlr = {choices = [1e-7, 5e-3]}\nwarmup_fraction = {low = 0.0, high = 0.2}\n"


@pytest.fixture(scope="session")
def reviews(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tune") / "reviews.jsonl"
    random_ = random.Random(5)
    with path.open("w", encoding="utf-8") as file:
        for n in range(160):
            label = ("positive", "negative")[n % 2]
            text = f"film{n} {review(label, random_)}"
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    return path


@pytest.fixture
def recipe(tmp_path, reviews, tiny_encoder) -> Path:
    return written(tmp_path, reviews, tiny_encoder)


def written(folder: Path, reviews: Path, encoder: Path) -> Path:
    """Write a recipe and a space; runs go beside them."""
    (folder / "space.toml").write_text(SPACE, encoding="utf-8")
    path = folder / "small.toml"
    path.write_text(
        f'data.train = "{reviews}"\nout = "{folder}/runs"\ntext.max_tokens = 24\n'
        f'model.encoder = "{encoder}"\noptim.lr = 1e-7\ntrain.epochs = 2\ntrain.evaluations = 1\n'
        'train.batch_tokens = 128\ntrain.select = "log_loss"\nsplit.validation_size = 40\n'
        "split.test_size = 20\nevaluate.bootstrap = 100\nevaluate.baseline = false\n"
        # Workers are processes of their own: said, since they would choose for themselves.
        'report.audit = false\nreport.explain = false\ntrain.precision = "fp32"\n',
        encoding="utf-8",
    )
    return path
