from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import huggingface_hub
import pytest

from plaudit.data import hub as hub_data
from plaudit.data.network import switched_on
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
        self.up = True
        self.cached = False
        self.probed: list[str] = []

    def probe(self, urls: tuple[str, ...], timeout_s: float, *, any_status: bool) -> frozenset[str]:
        assert timeout_s <= 5 and any_status  # a private dataset answers with an error
        self.probed += urls
        return frozenset(urls if self.up else ())

    def check(self) -> None:
        offline = datasets.config.HF_HUB_OFFLINE and huggingface_hub.is_offline_mode()
        assert offline == (not self.up), "the library would retry for half a minute"
        if self.error or (not self.up and not self.cached):
            raise self.error or ConnectionError("offline")

    def add(self, split: str, rows: dict[str, list[Any]], features: Any = None) -> None:
        self.tables[split] = datasets.Dataset.from_dict(rows, features=features)

    def builder(self, *location: str) -> Any:
        self.check()
        splits = dict.fromkeys(self.tables) if self.knows_splits else None
        return SimpleNamespace(info=SimpleNamespace(splits=splits))

    def load(self, *location: str, split: str) -> datasets.Dataset:
        self.check()
        self.loaded.append((*location, split))
        return self.tables[split]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    hub = Hub()
    for variable in ("PLAUDIT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.setattr("plaudit.data.network.reachable", hub.probe)
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


def test_a_folder_is_not_taken_for_a_dataset_of_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some" / "reviews").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"hub:some/reviews.*folder of that name.*\./some/reviews"):
        hub_data.load(("some/reviews",), "train")
    with pytest.raises(DataError, match="a folder of that name"):
        hub_data.splits(("some/reviews",))


def test_a_failing_download_is_a_data_error(hub: Hub) -> None:
    hub.add("train", {"text": ["a"], "label": [1]}, IMDB)
    source = resolve("hub:own/er")
    hub.error = RuntimeError("disk full")
    with pytest.raises(DataError, match="disk full"):
        read(source, "train")


@pytest.mark.parametrize("variable", ["PLAUDIT_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_forbids_the_hub_in_words(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    hub.up = False
    with pytest.raises(DataError, match=f"{variable} forbids.*give the path"):
        resolve("hub:own/er")
    assert hub.probed == []


def test_offline_the_hubs_cache_still_serves(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAUDIT_OFFLINE", "1")
    hub.up, hub.cached = False, True
    hub.add("train", {"text": ["a", "b"], "label": [0, 1]}, IMDB)
    assert len(read(resolve("hub:own/er"), "train").rows) == 2
    assert hub.probed == []


def test_without_network_the_error_comes_from_one_short_probe(hub: Hub) -> None:
    hub.up = False
    with pytest.raises(DataError, match=r"huggingface\.co does not answer.*give the path"):
        resolve("hub:own/er")
    assert hub.probed == ["https://huggingface.co"]
    assert not datasets.config.HF_HUB_OFFLINE
    assert not huggingface_hub.is_offline_mode()


def test_without_network_the_hubs_cache_serves(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    hub.up, hub.cached = False, True
    hub.add("train", {"text": ["a", "b"], "label": [0, 1]}, IMDB)
    assert len(read(resolve("hub:own/er"), "train").rows) == 2
    assert set(hub.probed) == {"https://mirror.example"}


def test_the_switches_of_the_network_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, on in ((" True ", True), ("1", True), ("on", True), ("0", False), ("", False)):
        monkeypatch.setenv("PLAUDIT_OFFLINE", value)
        assert switched_on("PLAUDIT_OFFLINE") is on


def test_a_list_of_classes_is_several_labels_by_name(hub: Hub) -> None:
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "labels": datasets.List(datasets.ClassLabel(names=["joy", "anger", "fear"])),
        }
    )
    hub.add("train", {"text": ["a", "b", "c"], "labels": [[0, 1], [], [1]]}, features)
    source = resolve("hub:owner/emotions")
    found = read(source, "train", Columns(label="labels", separator="|"))
    assert found.labels == ("joy", "anger")
    assert found.rows["label"][:] == [[1, 1], [0, 0], [0, 1]]
    with pytest.raises(DataError, match=r"data\.multilabel=true"):
        read(source, "train", Columns(label="labels"))
