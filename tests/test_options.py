"""No dead options: every key of the configuration changes something that can be observed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from plaudit import run
from plaudit.config import Config, describe, load
from plaudit.data.cache import cache_folder
from plaudit.errors import PlauditError
from plaudit.model import compiled
from tests.conftest import save_encoder

pytestmark = pytest.mark.usefixtures("unrendered")

# A value for each key that differs from the default and from BASE.
OTHER: dict[str, str] = {
    "name": "other",
    "out": "{tmp}/elsewhere",
    "seed": "5",
    "seeds": "2",
    "data.train": "{tmp}/other.csv",
    "data.validation": "{tmp}/other.csv",
    "data.test": "{tmp}/other.csv",
    "data.text": "title",
    "data.text_pair": "title",
    "data.label": "second",
    "data.multilabel": "true",
    "data.label_separator": ";",
    "data.labels": '{"0" = "no", "1" = "yes"}',
    "data.exclude": "{tmp}/data.tsv",
    "data.extra": "{tmp}/other.csv",
    "data.imdb": "{tmp}/other.csv",
    "clean.html": "false",
    "clean.entities": "false",
    "clean.unicode": "false",
    "clean.control": "false",
    "clean.whitespace": "false",
    "clean.remove_punctuation": "true",
    "split.train_size": "20",
    "split.validation_size": "10",
    "split.test_size": "16",
    "split.per_class": "4",
    "split.seed": "5",
    "text.max_tokens": "8",
    "text.policy": "tail",
    "text.head_fraction": "0.6",
    "text.stride": "5",
    "text.max_windows": "2",
    "text.window_pooling": "max",
    "text.cache": "true",
    "model.encoder": "{tmp}/distilbert",
    "model.pooling": "max",
    "model.head_dropout": "0.5",
    "model.dropout": "0.5",
    "model.attention_dropout": "0.5",
    "model.freeze_embeddings": "true",
    "model.freeze_layers": "1",
    "model.reinit_layers": "1",
    "lora.rank": "2",
    "lora.alpha": "4",
    "lora.dropout": "0.5",
    "lora.targets": '["key"]',
    "optim.optimizer": "adafactor",
    "optim.lr": "2e-3",
    "optim.head_lr": "2e-3",
    "optim.layer_decay": "0.5",
    "optim.betas": "[0.5, 0.6]",
    "optim.eps": "0.1",
    "optim.weight_decay": "0.5",
    "optim.schedule": "cosine",
    "optim.warmup_fraction": "0.5",
    "optim.clip_norm": "0.01",
    "train.epochs": "2",
    "train.max_steps": "2",
    "train.max_seconds": "1e-3",
    "train.batch_tokens": "64",
    "train.batch_examples": "3",
    "train.accumulation": "2",
    "train.checkpoint_seconds": "1e-9",
    "train.precision": "bf16",
    "train.device": "cuda",
    "train.packed": "true",
    "train.cuda_graphs": "true",
    "train.compile": "true",
    "train.evaluations": "1",
    "train.select": "log_loss",
    "train.patience": "1",
    "train.average": "ema",
    "train.average_decay": "0.05",
    "train.average_from": "0.9",
    "imbalance.method": "oversample",
    "imbalance.beta": "0.9",
    "imbalance.gamma": "0.5",
    "imbalance.ratio": "0.6",
    "imbalance.prior_correction": "true",
    "craft.label_smoothing": "0.2",
    "craft.rdrop": "1",
    "craft.fgm": "1",
    "craft.pull": "1",
    "craft.unfreeze_fraction": "0.9",
    "pretrain.epochs": "1",
    "pretrain.texts": "{tmp}/bare.csv",
    "pretrain.mask_fraction": "0.5",
    "pretrain.lr": "5e-3",
    "distill.teacher": "{tmp}/teacher",
    "distill.weight": "0.9",
    "distill.temperature": "5",
    "distill.texts": "{tmp}/bare.csv",
    "pseudo.model": "{tmp}/other-teacher",
    "pseudo.texts": "{tmp}/more.csv",
    "pseudo.confidence": "0.9",
    "contrast.steps": "2",
    "contrast.lr": "1e-3",
    "contrast.texts": "6",
    "contrast.temperature": "1",
    "cotrain.words": '{"0" = ["bad"], "1" = ["good"]}',
    "cotrain.texts": "5",
    "cotrain.confident": "0.1",
    "ngrams.weight": "fit",
    "ngrams.cascade": "0.4",
    "decide.calibrate": "false",
    "decide.threshold": "f1",
    "decide.label_thresholds": "half",
    "decide.label": "0",
    "decide.target": "0.6",
    "decide.costs": '{"0" = {"1" = 9}}',
    "decide.abstain": "error",
    "decide.max_error": "0.4",
    "decide.coverage": "0.6",
    "evaluate.baseline": "true",
    "evaluate.bootstrap": "200",
    "evaluate.confidence": "0.9",
    "report.audit": "true",
    "report.explain": "true",
    "report.robustness": "true",
}
WORDS = 'cotrain.words={"0" = ["bad"], "1" = ["good"]}'
SETS = ["data.multilabel=true", "data.train={tmp}/sets.csv"]
SKEWED = "data.train={tmp}/skewed.csv"
TAUGHT = "distill.teacher={tmp}/teacher"
LABELLED = ["pseudo.model={tmp}/teacher", "pseudo.texts={tmp}/bare.csv", "pseudo.confidence=0"]
# What a key needs beside it to matter.
WITH: dict[str, list[str]] = {
    "data.imdb": ["data.train=imdb"],
    "data.label_separator": SETS,
    "data.multilabel": ['data.labels={"0" = "no", "1" = "yes"}'],
    "decide.label_thresholds": [*SETS, "split.validation_size=30"],
    "text.stride": ["text.policy=windows"],
    "text.max_windows": ["text.policy=windows", "text.stride=2"],
    "text.window_pooling": ["text.policy=windows", "text.stride=2"],
    "text.policy": ["text.stride=2"],
    "contrast.lr": ["contrast.steps=1"],
    "contrast.texts": ["contrast.steps=1"],
    "contrast.temperature": ["contrast.steps=1"],
    "cotrain.words": ["split.per_class=4"],
    "cotrain.texts": ["split.per_class=4", WORDS],
    "cotrain.confident": ["split.per_class=4", WORDS],
    "lora.alpha": ["lora.rank=2"],
    "lora.dropout": ["lora.rank=2"],
    "lora.targets": ["lora.rank=2"],
    "optim.eps": ["optim.clip_norm=0.1"],
    "train.select": ["train.epochs=3", "train.evaluations=8", "optim.lr=0.03"],
    # One kind of step, so that it is compiled once.
    "train.compile": ["train.max_steps=1", "split.validation_size=0"],
    "train.average_decay": ["train.average=ema"],
    "train.average_from": ["train.average=ema"],
    "imbalance.method": [SKEWED],
    "imbalance.beta": [SKEWED, "imbalance.method=weights"],
    "imbalance.gamma": ["imbalance.method=focal"],
    "imbalance.ratio": [SKEWED, "imbalance.method=oversample"],
    "imbalance.prior_correction": [SKEWED, "imbalance.method=weights"],
    "pretrain.texts": ["pretrain.epochs=1"],
    "pretrain.mask_fraction": ["pretrain.epochs=1"],
    "pretrain.lr": ["pretrain.epochs=1"],
    "distill.weight": [TAUGHT],
    "distill.temperature": [TAUGHT],
    "distill.texts": [TAUGHT],
    "pseudo.model": LABELLED,
    "pseudo.texts": LABELLED,
    "pseudo.confidence": LABELLED,
    "decide.label": ["decide.threshold=recall"],
    "decide.target": ["decide.threshold=recall"],
    "decide.costs": ["decide.threshold=cost", 'decide.costs={"0" = {"1" = 2}}'],
    "decide.max_error": ["decide.abstain=error"],
    "decide.coverage": ["decide.abstain=conformal"],
    "train.patience": ["train.epochs=3", "train.evaluations=8", "optim.lr=0.03"],
}
# Keys whose other value cannot work here: the refusal is the effect.
REFUSED = {"train.device", "train.cuda_graphs"}
if compiled._compiler_lacks("cpu"):
    REFUSED.add("train.compile")
ECHOES = {
    "model": ("encoder", "architecture", "pooling", "pipeline_note", "transformers"),
    "text": ("policy", "max_tokens"),
    "data": (
        "excluded",
        "pseudo",
        "unlabelled",
        "consulted",
        "asked",
        "note",
        "test_note",
        "served_by",
        "files",
    ),
    "test": ("interval",),
}
BASE = [
    "text.max_tokens=12", "text.stride=4", "text.cache=false", "train.batch_tokens=128",
    "train.epochs=1", "optim.lr=5e-3", "split.validation_size=16", "split.test_size=12",
    "evaluate.baseline=false", "evaluate.bootstrap=100", "data.text=text", "data.label=label",
    "report.explain=false", "report.audit=false",
]  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data on which every cleaning step has something to do, and two encoders."""
    folder = tmp_path_factory.mktemp("options")
    save_encoder(folder / "bert")
    save_encoder(folder / "distilbert", "distilbert")
    for name, offset, every in (("data.csv", 0, 2), ("other.csv", 1, 2), ("skewed.csv", 0, 4)):
        lines = ["text,label,title,second"]
        for n in range(64):
            mood = "good lovely" if (n + n // 9) % 2 else "bad awful"
            label = n % 2 if every == 2 else int(n % every == 0)
            text = (
                f"the<br />film{n + offset}  was {mood} &lt; 3! A cafe\u0301 \x07 plot "
                f"{'and it was very ' * (n % 7)}{mood}. I saw it."
            )
            lines.append(f"{text},{label},title {mood} {n},{n // 2 % 2}")
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    bare = [f"a film{n} that was {'good' if n % 3 else 'awful'} and a plot" for n in range(99, 139)]
    for name, texts in (("bare.csv", bare), ("more.csv", [*bare, "very dull"])):
        (folder / name).write_text("\n".join(["text", *texts]) + "\n", encoding="utf-8")
    teachers = {"teacher": "seed=3", "other-teacher": "train.epochs=4"}
    for name, setting in teachers.items():
        model = run.train(configured(folder, [setting, "decide.calibrate=false"])).model
        shutil.move(model, folder / name)
    table = (folder / "data.csv").read_text(encoding="utf-8").splitlines()
    tags = ["0", "1|2;3", "2;3", "1", ""]
    rows = [line.split(",")[0] + f",{tags[n % 5]}" for n, line in enumerate(table[1:])]
    (folder / "sets.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    # In quotes and in capitals, as published pairs are copied.
    first = (folder / "data.csv").read_text(encoding="utf-8").splitlines()[1:9]
    some = [line.split(",")[0].upper() for line in first]
    (folder / "data.tsv").write_text("\n".join(["text", *some]) + "\n", encoding="utf-8")
    return folder


def configured(places: Path, settings: list[str]) -> Config:
    return load(
        None,
        [*BASE, f"data.train={places}/data.csv", f"model.encoder={places}/bert",
         f"out={places}/runs", *settings],
    )  # fmt: skip


def observed(places: Path, settings: list[str], *, refused: bool = False) -> str:
    """Do a run; return all that it decided, without what the clock decided."""
    out = places / "runs"
    shutil.rmtree(out, ignore_errors=True)  # a name that is taken would be a change of its own
    try:
        finished = run.train(configured(places, settings))
    except PlauditError as error:
        assert refused
        return f"{type(error).__name__}: {error}"
    report: dict[str, Any] = json.loads(json.dumps(finished.report))
    for key in ("created", "seconds", "machine", "test_seconds", "config", "config_digest"):
        report.pop(key)
    report.pop("pretraining")  # the weights must show it
    for key in ("training_ended", "test_first_read"):
        report["data"].pop(key)
    report["training"] = [
        (r["step"], r["loss"], r["lr"], r["grad_norm"], r["validation"])
        for r in report["training"]["history"]
    ] + [report["training"][key] for key in ("best_step", "stopped", "checkpoints")]
    # What the report only repeats from the configuration proves nothing.
    for section, keys in ECHOES.items():
        for key in keys:
            report[section].pop(key)
    if report["baseline"]:
        report["baseline"] = report["baseline"]["scores"]
    weights = next(finished.model.glob("*.safetensors")).read_bytes()
    files = [hashlib.sha256(weights).hexdigest(), str(finished.folder), cache_folder().exists()]
    cached = list((cache_folder() / "encoded").glob("*")) if files[-1] else []
    return json.dumps([report, files[:2], len(cached) > 0], sort_keys=True)


def test_every_key_is_covered() -> None:
    assert set(OTHER) == {setting.key for setting in describe()}


@pytest.fixture(scope="module")
def before(places: Path) -> Callable[[tuple[str, ...]], str]:
    """What was observed without the key; the same for many keys, so each is run once."""
    return cache(lambda beside: observed(places, list(beside)))


# torch warns of what its own tracing does (train.compile).
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("key", sorted(OTHER))
def test_key_changes_something(
    key: str,
    places: Path,
    before: Callable[[tuple[str, ...]], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beside = [setting.replace("{tmp}", str(places)) for setting in WITH.get(key, [])]
    # The copy that the name "imdb" stands for, unless the configuration names another.
    monkeypatch.setenv("PLAUDIT_IMDB", str(places / "data.csv"))
    expected = before(tuple(beside))
    monkeypatch.setenv("PLAUDIT_CACHE", str(tmp_path / "cache"))
    value = OTHER[key].replace("{tmp}", str(places))
    changed = observed(places, [*beside, f"{key}={value}"], refused=key in REFUSED)
    assert changed != expected


def test_the_same_settings_change_nothing(places: Path) -> None:
    """Or the test above would pass whatever a key did."""
    assert observed(places, []) == observed(places, [])
