"""The sides of `scoring.py` and `latency.py`: each turns texts into labels with the same weights.

A trained plaudit model is saved anew with the policy `head` at 512 tokens, the only one that the
peers have. plaudit saves a mean-pooled BERT with one more layer, so that plain transformers can
read it; the peers are spared that layer here and get the six that plaudit computes, pooled alike,
as a transformers model object.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.reviews import bundled
from common.side_by_side import missing, quiet_peers, say
from plaudit import artifact
from plaudit.config import CleanConfig, ModelConfig, SplitConfig, TextConfig
from plaudit.errors import PlauditError
from plaudit.export import Format, export
from plaudit.model import families
from plaudit.model.build import build, load_tokenizer
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.device import Compute
from plaudit.predict import Classifier

MAX_TOKENS = 512
LABELS = ("negative", "positive")
FORMATS: tuple[Format, ...] = ("onnx", "onnx-int8")
REFERENCE = "pipeline, defaults"
"""Computes in fp32 in the plainest way; agreement is counted against its labels."""

Score = Callable[[Sequence[str]], list[int]]
"""From texts to the index of each one's label."""


@dataclass(frozen=True, slots=True)
class Model:
    """What all sides score with.

    Attributes
    ----------
    folder : Path
        An artefact with the policy `head` at 512 tokens.
    name : str
        Where it came from.
    trained : bool
        False: the bundled encoder with a random head, for speed only.
    compute : Compute
    quick : Path or None
        The same, with the words that answer in its place where they are sure (`ngrams.cascade`), if
        it has such.
    """

    folder: Path
    name: str
    trained: bool
    compute: Compute
    quick: Path | None = None

    def load(self) -> artifact.Loaded:
        """Load it anew, so that sides share nothing."""
        return artifact.load(self.folder)


def newest(runs: Path = Path("runs")) -> Path | None:
    """Return the newest model that a quickstart made."""
    found = sorted(runs.glob("quickstart*/model/plaudit.json"), key=lambda p: p.stat().st_mtime)
    return found[-1].parent if found else None


def prepare(source: Path | None, work: Path, compute: Compute) -> Model:
    """Save the model to score with; without a source, an untrained one."""
    source = source or newest()
    text = TextConfig(max_tokens=MAX_TOKENS, policy="head")
    if source is None:
        torch.manual_seed(0)
        with quiet_peers():
            model = build(ModelConfig(), LABELS, max_tokens=MAX_TOKENS, window_pooling="mean")
        spec = artifact.Spec(
            labels=LABELS, pooling="mean", window_pooling="mean", text=text, clean=CleanConfig(),
            split=SplitConfig(), seed=0, data="bundled", data_files={}, label_mapping=None,
            config_digest="", versions={},
        )  # fmt: skip
        prints_N = np.zeros(0, np.uint64)
        loaded = artifact.Loaded(model, load_tokenizer("bundled"), spec, prints_N)
        say("no model of a quickstart run here: an untrained head, for speed only (see --model)")
    else:
        loaded = artifact.load(source)
        if loaded.spec.labels != LABELS:
            raise SystemExit(f"{source} has the labels {loaded.spec.labels}, wanted: {LABELS}")
        if not len(loaded.seen_prints_N):
            say(f"{source} does not list what it was trained on: accuracy is on seen reviews too")
    quick = _save(loaded, work / "quick", {"text": text}) if loaded.spec.ngram_cascade else None
    # Peers have the encoder alone, and no rule.
    plain = {"text": text, "ngram_weight": 0.0, "ngram_cascade": None, "decision": None}
    folder = _save(dataclasses.replace(loaded, ngrams=None), work / "model", plain)
    return Model(folder, str(source or "untrained"), source is not None, compute, quick)


def _save(loaded: artifact.Loaded, folder: Path, changed: dict[str, Any]) -> Path:
    spec = loaded.spec.model_copy(update=changed)
    parts = loaded.model, loaded.tokenizer, spec, loaded.seen_prints_N, loaded.ngrams
    artifact.save(folder, *parts)
    return folder


def plaudit_sides(model: Model, work: Path, *, short: bool) -> dict[str, Score]:
    """Return plaudit in the precision that it chooses here, and in its exported formats.

    Each also with words that answer where they are sure, if the model has such.

    Parameters
    ----------
    model : Model
    work : Path
    short : bool
        Compare what was exported with the original on a few short texts only.
    """
    sides: dict[str, Score] = {}
    # The labels of an untrained head hang by a hair, and mean nothing.
    options = {} if model.trained else {"max_differ": 1.0}
    for folder, how in ((model.folder, ""), (model.quick, ", words where sure")):
        if folder is None:
            continue
        at = {"device": model.compute.device, "precision": model.compute.precision}
        sides[f"plaudit, {model.compute.precision}{how}"] = _answers(Classifier.load(folder, **at))
        for name in FORMATS:
            say(f"exporting to {name}{how}, and comparing it with the original")
            out = work / f"{folder.name}-{name}"
            try:
                with silent():
                    data = few_texts(work) if short else None
                    export(folder, name, out, data=data, **options)
                sides[f"plaudit, {name}{how}"] = _answers(Classifier.load(out))
            except PlauditError as error:
                say(f"plaudit, {name}{how} is skipped: {error}")
    return sides


def few_texts(work: Path) -> str:
    """Write the beginnings of some reviews as DATA."""
    path = work / "few.jsonl"
    reviews = bundled(32)
    with path.open("w", encoding="utf-8") as file:
        for text, label in zip(reviews.texts, reviews.labels_N, strict=True):
            row = {"text": " ".join(text.split()[:20]), "label": LABELS[int(label)]}
            file.write(json.dumps(row) + "\n")
    return str(path)


def _answers(classifier: Classifier) -> Score:
    index = {label: i for i, label in enumerate(classifier.labels)}
    return lambda texts: [index[answer.label] for answer in classifier.predict(texts)]


def peer_sides(model: Model, batch: int) -> dict[str, Score]:
    """Return `transformers.pipeline` at its defaults, and sorted in batches of the size given.

    At its defaults it computes in fp32; batched, in the precision that plaudit chooses here.
    """
    return {
        REFERENCE: pipeline(model, batch=None),
        "pipeline, batched and sorted": pipeline(model, batch=batch),
    }


def pipeline(model: Model, *, batch: int | None) -> Score:
    """Return a pipeline: one text at a time, or texts sorted by length in batches."""
    import transformers

    loaded = model.load()
    stock = as_transformers(loaded.model)
    if batch is not None and model.compute.precision == "bf16":
        stock = copy.deepcopy(stock).to(torch.bfloat16)
    with quiet_peers():
        pipe = transformers.pipeline(
            "text-classification",
            model=stock,
            tokenizer=loaded.tokenizer,
            device=model.compute.device,
        )
    index = {label: i for i, label in enumerate(loaded.spec.labels)}
    cut = {"truncation": True, "max_length": MAX_TOKENS}

    def score(texts: Sequence[str]) -> list[int]:
        if batch is None:
            return [index[answer["label"]] for answer in pipe(list(texts), **cut)]
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        answers = pipe([texts[n] for n in order], batch_size=batch, **cut)
        labels = [0] * len(texts)
        for n, answer in zip(order, answers, strict=True):
            labels[n] = index[answer["label"]]
        return labels

    return score


def as_transformers(model: ReviewClassifier) -> Any:
    """Turn a ReviewClassifier into a transformers model that computes the same.

    Notes
    -----
    Its stock part changes class in place; the ReviewClassifier must not be used afterwards.
    """
    from transformers.modeling_outputs import SequenceClassifierOutput

    pool, stock = model.pool, model.stock

    class Pooled(type(stock)):  # type: ignore[misc]
        def forward(
            self,
            input_ids: torch.Tensor,
            attention_mask: torch.Tensor,
            token_type_ids: torch.Tensor | None = None,
        ) -> Any:
            states_BTD = self.base_model(input_ids=input_ids, attention_mask=attention_mask)[0]
            return SequenceClassifierOutput(
                logits=families.head(self, pool(states_BTD, attention_mask))
            )

    # Pipelines look for the architecture's name.
    Pooled.__name__ = type(stock).__name__
    stock.__class__ = Pooled
    return stock.eval()


def runtime_sides(model: Model, work: Path, sizes: Sequence[int]) -> dict[str, Score]:
    """Return ONNX Runtime used as a first script does: all defaults, int8, unsorted batches."""
    lacking = missing("onnx", "onnxruntime", "onnxscript")
    if lacking:
        say(f"ONNX Runtime is skipped: {lacking} not installed")
        return {}
    import onnxruntime

    loaded = model.load()
    path = quantised(loaded.model, work)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return {f"ONNX Runtime int8, {size}": _runtime(session, loaded, size) for size in sizes}


def _runtime(session: Any, loaded: artifact.Loaded, size: int) -> Score:
    wanted = {each.name for each in session.get_inputs()}

    def score(texts: Sequence[str]) -> list[int]:
        labels: list[int] = []
        for start in range(0, len(texts), size):
            encoded = loaded.tokenizer(
                list(texts[start : start + size]),
                truncation=True, max_length=MAX_TOKENS, padding=True, return_tensors="np",
            )  # fmt: skip
            fed = {name: array.astype(np.int64) for name, array in encoded.items()}
            (logits_BC,) = session.run(None, {n: a for n, a in fed.items() if n in wanted})
            labels += logits_BC.argmax(axis=1).tolist()
        return labels

    return score


class _Logits(torch.nn.Module):
    """Takes and gives plain tensors, as an exported graph does."""

    def __init__(self, stock: Any) -> None:
        super().__init__()
        self.stock = stock

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits_BC: torch.Tensor = self.stock(input_ids, attention_mask).logits
        return logits_BC


def quantised(model: ReviewClassifier, work: Path) -> Path:
    """Export with torch's exporter and quantise with ONNX Runtime, both at their defaults."""
    from onnxruntime.quantization import quantize_dynamic

    plain, small = work / "naive.onnx", work / "naive-int8.onnx"
    ids_BT = torch.randint(5, 40, (2, 16))
    shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with silent(), torch.inference_mode():
        torch.onnx.export(
            _Logits(as_transformers(model)).eval(),
            (ids_BT, torch.ones_like(ids_BT)),
            plain,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes=(shape, shape),
            dynamo=True,
        )
        quantize_dynamic(plain, small)
    return small


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Exporters report on every step."""
    with contextlib.redirect_stdout(io.StringIO()), quiet_peers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
