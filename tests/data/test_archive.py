from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from plaudit.data import archive
from plaudit.data.sources import read, resolve
from plaudit.errors import DataError

REVIEWS = {
    "aclImdb/test/neg/0_2.txt": b"A bore.",
    "aclImdb/test/pos/0_9.txt": b"A triumph.",
    "aclImdb/train/unsup/0_0.txt": b"Whatever.",
    "aclImdb/train/pos/1_9.txt": "Très bien.".encode(),
    "aclImdb/train/neg/1_2.txt": b"Dull.",
    "aclImdb/imdb.vocab": b"the",
}


def member(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size, "/etc/passwd"
    return info


def pack(path: Path, extra: Iterable[tarfile.TarInfo] = (), last: bool = True) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        if not last:
            for info in extra:
                tar.addfile(info)
        tar.addfile(member("aclImdb", tarfile.DIRTYPE))
        for name, content in REVIEWS.items():
            tar.addfile(member(name, size=len(content)), io.BytesIO(content))
        if last:
            for info in extra:
                tar.addfile(info)
    return path


def test_splits_are_read_from_the_stream(tmp_path: Path) -> None:
    path = pack(tmp_path / "aclImdb_v1.tar.gz")
    source = resolve(str(path))
    assert (source.kind, source.splits, source.order) == ("archive", ("train", "test"), "blocks")
    corpus = read(source, "train")
    assert list(corpus.rows["text"]) == ["Dull.", "Très bien."]
    assert corpus.labels == ("negative", "positive")
    assert list(corpus.rows["label"]) == [0, 1]
    assert corpus.rows["origin"][1] == "aclImdb_v1.tar.gz:aclImdb/train/pos/1_9.txt"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert corpus.provenance.files == {"aclImdb_v1.tar.gz": digest}
    assert list(read(source, "test").rows["text"]) == ["A bore.", "A triumph."]
    assert [entry.name for entry in tmp_path.iterdir()] == ["aclImdb_v1.tar.gz"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (member("aclImdb/train/pos/2_9.txt", tarfile.SYMTYPE), "link or a device"),
        (member("aclImdb/train/pos/2_9.txt", tarfile.LNKTYPE), "link or a device"),
        (member("aclImdb/train/pos/2_9.txt", tarfile.CHRTYPE), "link or a device"),
        (member("aclImdb/train/pos/2_9.txt", tarfile.FIFOTYPE), "link or a device"),
        (member("aclImdb/../train/pos/2_9.txt"), "points out of the archive"),
        (member("/train/pos/2_9.txt"), "points out of the archive"),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_an_unsafe_member_is_named(
    tmp_path: Path, bad: tarfile.TarInfo, words: str, last: bool
) -> None:
    path = pack(tmp_path / "r.tar.gz", [bad], last=last)
    with pytest.raises(DataError, match=words) as caught:
        read(resolve(str(path)), "train")
    assert f"member '{bad.name}'" in str(caught.value)


def test_sizes_and_counts_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pack(tmp_path / "r.tgz")
    with monkeypatch.context() as patch:
        patch.setattr(archive, "MOST_BYTES", 20)
        with pytest.raises(DataError, match="unpacks to more than 20 bytes"):
            resolve(str(path))
    with monkeypatch.context() as patch:
        patch.setattr(archive, "MOST_MEMBERS", 3)
        with pytest.raises(DataError, match=r"'aclImdb/train/unsup/0_0\.txt' is one too many"):
            resolve(str(path))
    with monkeypatch.context() as patch:
        patch.setattr(archive, "LONGEST_TEXT", 10)
        with pytest.raises(DataError, match=r"'aclImdb/train/pos/1_9\.txt' is a text of 11 bytes"):
            read(resolve(str(path)), "test")


def test_the_declared_sizes_are_capped_before_they_are_read(tmp_path: Path) -> None:
    huge = member("aclImdb/huge.bin")
    huge.size = 3 * 2**30
    (tmp_path / "r.tar").write_bytes(huge.tobuf())
    with pytest.raises(DataError, match=r"'aclImdb/huge\.bin' brings the unpacked size to 3,221,"):
        resolve(str(tmp_path / "r.tar"))


def header(kind: bytes, body: bytes) -> bytes:
    """Return an extension header, such as tarfile itself would never write."""
    info = member("././@LongLink", kind, size=len(body))
    return info.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)


def record(size: int) -> bytes:
    return f"{size} comment=".encode() + b"x" * (size - len(f"{size} comment=") - 1) + b"\n"


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE])
@pytest.mark.parametrize("first", [True, False])
def test_large_headers_are_refused_before_they_fill_the_memory(
    tmp_path: Path, kind: bytes, first: bool
) -> None:
    body = record(2**20) if kind != tarfile.GNUTYPE_LONGNAME else b"n" * 2**20
    packed = gzip.decompress(pack(tmp_path / "r.tar.gz").read_bytes())
    at = 0 if first else packed.index(b"aclImdb/train/neg/1_2.txt")
    (tmp_path / "r.tar.gz").write_bytes(
        gzip.compress(packed[:at] + header(kind, body) + packed[at:])
    )
    with pytest.raises(DataError, match=r"r\.tar\.gz: more than 65,536 bytes of headers"):
        read(resolve(str(tmp_path / "r.tar.gz")), "train")


def test_many_headers_in_a_row_count_together(tmp_path: Path) -> None:
    packed = gzip.decompress(pack(tmp_path / "r.tar.gz").read_bytes())
    chain = header(tarfile.XGLTYPE, record(512)) * 100
    (tmp_path / "r.tar").write_bytes(chain + packed)
    with pytest.raises(DataError, match="bytes of headers"):
        resolve(str(tmp_path / "r.tar"))


def test_headers_of_common_size_are_read(tmp_path: Path) -> None:
    packed = gzip.decompress(pack(tmp_path / "r.tar.gz").read_bytes())
    path = tmp_path / "aclImdb_v1.tar.gz"  # and bare of gzip, as some browsers save it
    path.write_bytes(header(tarfile.XGLTYPE, record(60_000)) + packed)
    assert list(read(resolve(str(path)), "train").rows["text"]) == ["Dull.", "Très bien."]


def test_a_validation_split_is_found_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for split in ("test", "train", "validation"):
            for label in ("neg", "pos"):
                text = f"{split} {label}".encode()
                tar.addfile(member(f"a/{split}/{label}/0.txt", size=len(text)), io.BytesIO(text))
    source = resolve(str(path))
    assert source.splits == ("train", "validation", "test")
    assert list(read(source, "validation").rows["text"]) == ["validation neg", "validation pos"]


def test_an_archive_and_its_folder_give_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    names = ("pos/10_9", "neg/2_1", "neg/10_3", "pos/2_8", "neg/notes", "neg/9_4")
    with tarfile.open(tmp_path / "aclImdb.tar", "w") as tar:
        for name in names:
            file = tmp_path / "aclImdb" / "train" / f"{name}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"The text of {name}.")
            tar.add(file, f"aclImdb/train/{name}.txt")
    packed = read(resolve(str(tmp_path / "aclImdb.tar")), "train").rows
    plain = read(resolve(str(tmp_path / "aclImdb")), "train").rows
    assert list(packed["text"]) == list(plain["text"])
    assert [text.split()[-1] for text in packed["text"]][:4] == [
        "neg/notes.",
        "neg/2_1.",
        "neg/9_4.",
        "neg/10_3.",
    ]


def test_the_same_text_twice_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "r.tar.gz", [member("aclImdb/train/pos/1_9.txt")])
    with pytest.raises(DataError, match=r"1_9\.txt: the archive holds this text twice"):
        read(resolve(str(path)), "train")


@pytest.mark.parametrize("keep", [-20, 40])
def test_a_truncated_archive_is_damaged(tmp_path: Path, keep: int) -> None:
    path = pack(tmp_path / "r.tar.gz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"r\.tar\.gz: damaged, incomplete"):
        read(resolve(str(path)), "train")


def test_an_archive_of_something_else_names_the_layout(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "r.tar", "w") as tar:
        tar.addfile(member("notes.txt"))
    with pytest.raises(DataError, match=r"train/LABEL/\*\.txt"):
        resolve(str(tmp_path / "r.tar"))
    (tmp_path / "r.tar").write_text("not an archive")
    with pytest.raises(DataError, match="not a tar archive"):
        resolve(str(tmp_path / "r.tar"))
