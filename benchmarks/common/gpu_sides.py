"""The two sides of ``gpu.py``: plaudit's loop and transformers.Trainer, on the same job."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from torch.nn.utils.rnn import pad_sequence

from plaudit.config import Config, OptimConfig, TrainConfig
from plaudit.model import graphed
from plaudit.model.classifier import ReviewClassifier
from plaudit.model.compiled import compile_layers
from plaudit.model.device import plan
from plaudit.model.packed import Form
from plaudit.text.dataset import dataloader
from plaudit.text.packing import PackedLoader
from plaudit.text.sampling import TokenBudgetSampler
from plaudit.train.course import plan_course
from plaudit.train.loop import Settings, fit

Shape = tuple[int, int, int]
"""Layers, hidden size, heads."""


@dataclass(frozen=True)
class Job:
    """What is measured, where, for how long."""

    device: str
    texts: Any
    targets_N: np.ndarray
    batch_tokens: int
    warmup: int
    steps: int

    @property
    def mean_length(self) -> float:
        return float(self.texts.longest_N().mean())


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def stock(shape: Shape, device: str) -> Any:
    """Build a BERT classifier with random weights; speed does not depend on their values."""
    torch.manual_seed(0)
    layers, hidden, heads = shape
    config = transformers.BertConfig(
        num_hidden_layers=layers, hidden_size=hidden, num_attention_heads=heads,
        intermediate_size=4 * hidden, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    with torch.device(device):
        return transformers.AutoModelForSequenceClassification.from_config(
            config, attn_implementation="sdpa", dtype=torch.float32
        )


def plaudit_rate(shape: Shape, form: str, job: Job) -> float:
    """Measure plaudit's loop; layers of an equal model are not compiled again."""
    model = ReviewClassifier(stock(shape, job.device), "mean", "mean")
    if "compiled" in form:
        compile_layers(model.stock, job.device)
    packed = "packed" in form
    compute = plan(job.device, "bf16" if job.device == "cuda" else "fp32")
    sampler = TokenBudgetSampler(job.texts, job.batch_tokens, packed=packed, shuffle=True)
    loader = (PackedLoader if packed else dataloader)(job.texts, job.targets_N, sampler)

    def batches(epoch: int) -> Iterator[Any]:
        sampler.epoch = epoch
        return iter(loader)

    train = TrainConfig(max_steps=job.warmup + job.steps)
    course = plan_course(sampler, train, validated=False)
    if "graph" in form and job.device == "cuda":
        # True, not auto: a side that could not be recorded must not pass for one that was.
        asked = {"batch_tokens": job.batch_tokens, "cuda_graphs": True}
        config = Config(train=train.model_copy(update=asked))
        model.train()
        how = Form(True, "")
        model.graph = graphed.recorded(config, model.stock, sampler, how, compute, print)
    started = tokens = 0.0
    for record in fit(model, batches, course, compute, Settings(OptimConfig(lr=1e-5), train)):
        if record.step == job.warmup:
            synchronize(job.device)
            started, tokens = time.perf_counter(), record.tokens
    synchronize(job.device)
    return (record.tokens - tokens) / (time.perf_counter() - started)


def trainer_rate(shape: Shape, job: Job) -> float:
    """Measure transformers.Trainer."""

    class Timed(transformers.Trainer):
        started: float = 0.0
        tokens: Any = 0

        def training_step(self, model: Any, inputs: Any, *args: Any, **more: Any) -> Any:
            if self.state.global_step == job.warmup:
                synchronize(job.device)
                self.started, self.tokens = time.perf_counter(), 0
            # Kept on the device: the host need not wait for it.
            self.tokens = self.tokens + inputs["attention_mask"].sum()
            return super().training_step(model, inputs, *args, **more)

    cuda = job.device == "cuda"
    items = [
        {"input_ids": torch.from_numpy(job.texts.piece(n).astype(np.int64)), "labels": int(label)}
        for n, label in enumerate(job.targets_N)
    ]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Timed(
            model=stock(shape, job.device),
            args=transformers.TrainingArguments(
                output_dir=folder, max_steps=job.warmup + job.steps, learning_rate=1e-5,
                per_device_train_batch_size=max(1, round(job.batch_tokens / job.mean_length)),
                train_sampling_strategy="group_by_length", bf16=cuda, use_cpu=not cuda,
                dataloader_num_workers=4 if cuda else 0, remove_unused_columns=False,
                save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True,
            ),
            train_dataset=items,
            data_collator=padded,
        )  # fmt: skip
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        synchronize(job.device)
        seconds = time.perf_counter() - trainer.started
    return float(trainer.tokens) / seconds


def padded(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    ids = pad_sequence([item["input_ids"] for item in items], batch_first=True)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "labels": torch.tensor([item["labels"] for item in items]),
    }
