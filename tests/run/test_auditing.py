from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np

from plaudit.audit import audit, audit_rows
from plaudit.audit.lengths import lengths_of
from plaudit.config import TextConfig, load
from plaudit.data.cleaned import Rows
from plaudit.data.fingerprint import fingerprints
from plaudit.run import auditing


def rows(texts: list[str], targets: list[int]) -> Rows:
    origins = [f"reviews.csv:{n}" for n in range(2, len(texts) + 2)]
    return Rows(texts, np.array(targets, dtype=np.int64), origins, fingerprints(texts))


def lengths(texts: list[str]):
    tokens_N = np.array([len(text.split()) for text in texts], dtype=np.int64)
    return lengths_of(tokens_N, "bundled", TextConfig(max_tokens=64), 62)


def test_a_run_says_what_its_training_rows_are_like(workshop):
    report = json.loads((workshop / "runs/quickstart/model/report.json").read_text())
    found, text = report["audit"], report["text"]

    assert found["rows"] == report["data"]["rows"]["train"]
    assert sum(found["labels"].values()) == found["rows"]
    assert found["lengths"]["total"] == text["tokens_total"]
    assert [cut for cut in found["lengths"]["policies"] if cut["policy"] == text["policy"]] == [
        {
            "policy": text["policy"],
            "texts": text["texts_cut"],
            "lost": 1 - text["tokens_kept"] / text["tokens_total"],
            "pieces": 1.0,
        }
    ]
    assert found["label_noise"] is None
    assert report["seconds"]["audit"] >= found["seconds"] > 0


def test_a_run_keeps_the_curves_of_its_test(workshop):
    report = json.loads((workshop / "runs/quickstart/model/report.json").read_text())
    (curve,) = report["curves"]
    confusion = report["test"]["confusion"]

    assert curve["label"] == report["test"]["labels"][1]
    assert curve["rows"] == sum(confusion[1])


def test_rows_in_memory_are_audited_as_a_file_is(tmp_path):
    texts = [f"the film number {n} was {'good' if n % 2 else 'bad'} enough" for n in range(60)]
    texts[40] = texts[0]  # the same label
    texts[41] = texts[2]  # the other one
    targets = [n % 2 for n in range(60)]
    file = tmp_path / "reviews.csv"
    lines = [
        f"{text},{('neg', 'pos')[target]}" for text, target in zip(texts, targets, strict=True)
    ]
    file.write_text("\n".join(["text,label", *lines]) + "\n", encoding="utf-8")

    own = audit_rows("reviews.csv", rows(texts, targets), ("neg", "pos"), lengths(texts))
    other = audit(str(file), label_errors=False)

    codes = {finding.code: finding.count for finding in own.findings}
    assert codes["duplicates"] == 1
    assert codes["conflicts"] == 2
    for code in ("duplicates", "conflicts"):
        (theirs,) = (finding for finding in other.findings if finding.code == code)
        assert codes[code] == theirs.count
    assert own.to_dict()["labels"] == {"neg": 30, "pos": 30}


def test_an_audit_that_breaks_costs_the_run_nothing_else(monkeypatch):
    def broken(*_):
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setattr(auditing, "lengths_of", broken)
    prepared = SimpleNamespace(train=rows(["good film"], [0]))
    data = SimpleNamespace(prepared=prepared, train=SimpleNamespace(full_N=None))
    watcher = SimpleNamespace(say=(said := []).append)
    found = auditing.audited(load(None, []), data, SimpleNamespace(limit=0), watcher)

    assert found == {"failed": "RuntimeError: out of memory"}
    assert said[-1].endswith("The run goes on without.")
