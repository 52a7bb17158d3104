from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from plaudit.audit import writing as audit_writing
from plaudit.data import outputs
from plaudit.data.cleaned import Rows
from plaudit.data.fingerprint import fingerprints
from plaudit.embed import writing as embed_writing
from plaudit.errors import ConfigError, DataError
from plaudit.evaluate import predictions
from plaudit.evaluate.decide import answer
from plaudit.evaluate.predictions import of_rows, read, write
from plaudit.score import publish

TEXTS = ["A triumph.", "The worst.", "It was " + "very " * 100 + "good."]


@pytest.fixture
def kept():
    rows = Rows(TEXTS, np.array([1, 0, 1]), [f"r.csv:{n}" for n in (2, 3, 4)], fingerprints(TEXTS))
    given = answer(np.array([[0.25, 0.75], [0.9, 0.1], [0.6, 0.4]]), None)
    return of_rows(rows, given, ("neg", "p:os"))


def test_what_was_predicted_is_read_as_it_was_written(kept, tmp_path):
    write(tmp_path / "p.parquet", kept)
    again = read(tmp_path / "p.parquet")

    assert again.labels == ("neg", "p:os")
    assert again.prints_N.tolist() == fingerprints(TEXTS).tolist()
    assert again.origins == ["r.csv:2", "r.csv:3", "r.csv:4"]
    assert again.targets_N.tolist() == [1, 0, 1]
    assert again.predicted_N.tolist() == [1, 0, 0]
    assert again.probabilities_NC.tolist() == kept.probabilities_NC.tolist()


def test_any_reader_of_parquet_finds_names_and_not_codes(kept, tmp_path):
    write(tmp_path / "p.parquet", kept)
    first = pq.read_table(tmp_path / "p.parquet").to_pylist()[0]

    assert first == {
        "fingerprint": f"{fingerprints(TEXTS)[0]:016x}", "origin": "r.csv:2", "truth": "p:os",
        "predicted": "p:os", "excerpt": "A triumph.", "p:neg": 0.25, "p:p:os": 0.75,
    }  # fmt: skip


def test_of_a_long_text_the_beginning_and_the_end_are_kept(kept):
    assert kept.excerpts[:2] == TEXTS[:2]
    assert kept.excerpts[2].startswith("It was very")
    assert kept.excerpts[2].endswith("very good.")
    assert len(kept.excerpts[2]) < 300


def test_nothing_is_overwritten(kept, tmp_path):
    write(tmp_path / "p.parquet", kept)
    with pytest.raises(ConfigError, match="exists and is never overwritten"):
        write(tmp_path / "p.parquet", kept)
    with pytest.raises(ConfigError, match="there is no folder"):
        write(tmp_path / "none" / "p.parquet", kept)
    with pytest.raises(ConfigError, match=r"name a \.parquet file"):
        write(tmp_path / "p.csv", kept)
    assert [path.name for path in tmp_path.iterdir()] == ["p.parquet"]


def test_another_order_of_labels_means_the_same(kept):
    turned = kept.relabelled(("p:os", "neg"))

    assert turned.targets_N.tolist() == [0, 1, 0]
    assert turned.predicted_N.tolist() == [0, 1, 1]
    assert turned.probabilities_NC[0].tolist() == [0.75, 0.25]
    with pytest.raises(DataError, match="only predictions of the same labels"):
        kept.relabelled(("neg", "pos"))


def test_three_labels_turn_the_right_way_round():
    """With two, an order and its inverse are the same."""
    texts = list("abc")
    rows = Rows(texts, np.array([0, 1, 2]), texts, fingerprints(texts))
    turned = of_rows(rows, answer(np.eye(3), None), ("x", "y", "z")).relabelled(("z", "x", "y"))

    assert [turned.labels[code] for code in turned.targets_N] == ["x", "y", "z"]
    assert [turned.labels[code] for code in turned.probabilities_NC.argmax(axis=1)] == [*"xyz"]


def test_another_parquet_file_is_refused(tmp_path):
    import pyarrow as pa

    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "t.parquet")
    (tmp_path / "x.parquet").write_text("no table")
    with pytest.raises(DataError, match="plaudit evaluate MODEL DATA --rows"):
        read(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(tmp_path / "x.parquet")


@pytest.mark.parametrize("name", ["~/kept", "a:b"])
def test_a_folder_is_no_address_and_no_home(kept, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir(parents=True)
    write(Path(name) / "rows.parquet", kept)
    assert read(Path(name) / "rows.parquet").labels == kept.labels


def test_a_folder_that_may_not_be_written_to_is_named_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    checks = (
        predictions.check_new, outputs.check_new, outputs.check_folder, publish.check_out,
        audit_writing.check_out, lambda out: embed_writing._check_out(out, "mean"),
    )  # fmt: skip
    for check in checks:
        with pytest.raises(ConfigError, match="nothing may be written to"):
            check(tmp_path / "rows.parquet")
