from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import datasets
import pytest

from plaudit.data.records import Columns
from plaudit.data.sources import read, resolve
from plaudit.errors import DataError

IMDB = datasets.Features(
    {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
)


class Hub:
    """Stands in for the hub; notes which splits were loaded."""

    def __init__(self) -> None:
        self.tables: dict[str, datasets.Dataset] = {}
        self.loaded: list[tuple[Any, ...]] = []
        self.error: Exception | None = None
        self.knows_splits = True

    def add(self, split: str, rows: dict[str, list[Any]], features: Any = None) -> None:
        self.tables[split] = datasets.Dataset.from_dict(rows, features=features)

    def builder(self, *location: str) -> Any:
        if self.error:
            raise self.error
        splits = dict.fromkeys(self.tables) if self.knows_splits else None
        return SimpleNamespace(info=SimpleNamespace(splits=splits))

    def load(self, *location: str, split: str) -> datasets.Dataset:
        if self.error:
            raise self.error
        self.loaded.append((*location, split))
        return self.tables[split]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    for variable in ("PLAUDIT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(datasets, "load_dataset_builder", hub.builder)
    monkeypatch.setattr(datasets, "load_dataset", hub.load)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *location: list(hub.tables))
    return hub


@pytest.mark.parametrize("knows_splits", [True, False])
def test_only_the_asked_split_is_loaded(hub: Hub, knows_splits: bool) -> None:
    hub.knows_splits = knows_splits
    for split in ("train", "test", "unsupervised"):
        label = -1 if split == "unsupervised" else 1
        hub.add(split, {"text": [f"good {split}", "bad"], "label": [label, label and 0]}, IMDB)
    source = resolve("hub:stanfordnlp/imdb")
    assert (source.kind, source.splits, source.order) == ("hub", ("train", "test"), "blocks")
    assert hub.loaded == []
    corpus = read(source, "train")
    assert hub.loaded == [("stanfordnlp/imdb", "train")]
    assert corpus.labels == ("negative", "positive")
    assert list(corpus.rows["label"]) == [1, 0]
    assert corpus.rows["origin"][1] == "stanfordnlp/imdb/train:2"
    assert corpus.provenance.files["stanfordnlp/imdb/train"].startswith("fingerprint ")


def test_the_revision_is_recorded_where_it_is_known(hub: Hub) -> None:
    hub.add("train", {"text": ["a", "b"], "label": [0, 1]}, IMDB)
    url = "hf://datasets/own/er@0123456789abcdef0123456789abcdef01234567/train.parquet"
    hub.tables["train"].info.download_checksums = {url: {"num_bytes": 1}}
    files = read(resolve("hub:own/er"), "train").provenance.files
    assert files == {"own/er/train": "revision 0123456789abcdef0123456789abcdef01234567"}


def test_class_names_keep_the_order_of_the_source(hub: Hub) -> None:
    features = datasets.Features(
        {
            "topic": datasets.ClassLabel(names=["world", "sport", "business"]),
            "text": datasets.Value("string"),
            "stars": datasets.Value("int64"),
        }
    )
    rows = {"topic": [1, 2, 0], "text": ["a", "b", "c"], "stars": [1, 2, 3]}
    hub.add("train", rows, features)
    said: list[str] = []
    corpus = read(resolve("hub:own/er/sub"), "train", say=said.append)
    assert hub.loaded == [("own/er", "sub", "train")]
    assert corpus.labels == ("world", "sport", "business")
    assert list(corpus.rows["label"]) == [1, 2, 0]
    assert "label from column 'topic'" in said[0]
    by_stars = read(resolve("hub:own/er"), "train", Columns(label="stars"))
    assert by_stars.labels == ("1", "2", "3")


def test_a_mapping_reads_class_names(hub: Hub) -> None:
    hub.add("train", {"text": ["a", "b"], "label": [1, 0]}, IMDB)
    mapping = {"pos": "praise", "neg": "blame"}
    corpus = read(resolve("hub:own/er"), "train", Columns(mapping=mapping))
    assert corpus.labels == ("blame", "praise")
    assert list(corpus.rows["label"]) == [1, 0]


def test_unlabelled_rows_are_named(hub: Hub) -> None:
    hub.add("train", {"text": ["a", "b"], "label": [1, -1]}, IMDB)
    with pytest.raises(DataError, match="own/er/train:2: the row has no label"):
        read(resolve("hub:own/er"), "train")


@pytest.mark.parametrize("name", ["imdb", "a/b/c/d", "a/", "https://x/y z"])
def test_a_dataset_is_written_with_its_owner(hub: Hub, name: str) -> None:
    with pytest.raises(DataError, match="hub:owner/name"):
        resolve(f"hub:{name}")


def test_failures_say_what_to_do(hub: Hub) -> None:
    hub.error = ConnectionError("cannot reach the hub\nlong trace")
    with pytest.raises(DataError, match=r"\(cannot reach the hub\).*HF_TOKEN"):
        resolve("hub:own/er")
    hub.error = ValueError("Config name is missing. Pick one among ['a', 'b']")
    with pytest.raises(DataError, match=r"\['a', 'b'\].*hub:own/er/CONFIG"):
        resolve("hub:own/er")


def test_a_failing_download_is_a_data_error(hub: Hub) -> None:
    hub.add("train", {"text": ["a"], "label": [1]}, IMDB)
    source = resolve("hub:own/er")
    hub.error = RuntimeError("disk full")
    with pytest.raises(DataError, match="disk full"):
        read(source, "train")


def test_offline_forbids_the_hub_in_words(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_OFFLINE", "1")
    with pytest.raises(DataError, match="PLAUDIT_OFFLINE forbids"):
        resolve("hub:own/er")
