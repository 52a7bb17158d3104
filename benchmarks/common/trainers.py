"""The sides of `training.py`: each trains on batches that it is told, cut by its own rule.

All have the bundled encoder, two labels, the same token ids (at most 512, the beginning of a long
review) and the same clock: from the end of an uncounted first step to the end of the last one, data
loading included. Only real tokens count.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from accelerate.state import AcceleratorState
from torch.utils.data import DataLoader, Dataset

from common.batches import Batches, Pool, sixteens
from common.side_by_side import Sample, missing, now, quiet_peers
from plaudit.config import Config, ModelConfig
from plaudit.model.build import build, encoder_location, load_tokenizer
from plaudit.model.device import Compute
from plaudit.model.packed import choose
from plaudit.text.dataset import dataloader
from plaudit.text.packing import PackedLoader
from plaudit.text.sampling import TokenBudgetSampler
from plaudit.train.course import Course
from plaudit.train.loop import Settings, fit

MAX_TOKENS = 512


class Trained(Protocol):
    """A way to train.

    Attributes
    ----------
    warm_rows : int
        Reviews of the first, uncounted step.
    """

    warm_rows: int

    def plan(self) -> Batches:
        """Return an epoch's batches over the pool."""
        ...

    def train(self, batches: Batches) -> Sample:
        """Train on batches, the first of which is not counted."""
        ...


class Plaudit:
    """plaudit's own loop with its default configuration, but for the 512 tokens.

    Batches are padded or packed, as it chooses for the device.
    """

    warm_rows = 2

    def __init__(self, pool: Pool, compute: Compute) -> None:
        self.pool, self.compute, self.config = pool, compute, Config()
        torch.manual_seed(0)
        with quiet_peers():
            self.model = build(
                ModelConfig(),
                ("negative", "positive"),
                max_tokens=pool.max_tokens,
                window_pooling="mean",
            )
        train, dropout = self.config.train, self.config.model.attention_dropout
        self.packed = choose(train.packed, self.model.stock, compute, dropout).packed

    def plan(self) -> Batches:
        budget = self.config.train.batch_tokens
        return TokenBudgetSampler(
            self.pool.encoded, budget, packed=self.packed, shuffle=True
        ).batches()

    def train(self, batches: Batches) -> Sample:
        course = Course(len(batches), len(batches), float(len(batches)), frozenset())
        pool = self.pool
        loader = (
            PackedLoader(pool.encoded, pool.labels_N, batches)
            if self.packed
            else dataloader(pool.encoded, pool.labels_N, batches)
        )
        settings = Settings(self.config.optim, self.config.train)
        steps = fit(self.model, lambda _: iter(loader), course, self.compute, settings)
        next(steps)
        started = now()
        for _ in steps:
            pass
        return Sample(self.pool.tokens(batches[1:]), now() - started)


class _Padded(Dataset[dict[str, torch.Tensor]]):
    """Every review filled up to the limit, as `padding="max_length"` does."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def __len__(self) -> int:
        return len(self.pool.encoded)

    def __getitem__(self, n: int) -> dict[str, torch.Tensor]:
        item = self.pool.item(n)
        for name in ("input_ids", "attention_mask"):
            item[name] = item[name] + [0] * (self.pool.max_tokens - len(item[name]))
        return {name: torch.tensor(value) for name, value in item.items()}


class Tutorial:
    """The loop of most tutorials: all padded to 512, fp32, batches of 16, AdamW, linear decay."""

    warm_rows = 2

    def __init__(self, pool: Pool, compute: Compute) -> None:
        self.pool, self.device = pool, compute.device
        self.model = stock().to(self.device)

    def plan(self) -> Batches:
        return sixteens(len(self.pool.encoded), 16)

    def train(self, batches: Batches) -> Sample:
        import transformers

        loader = DataLoader(_Padded(self.pool), batch_sampler=batches)
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=2e-5)
        scheduler = transformers.get_linear_schedule_with_warmup(optimizer, 0, len(batches))
        self.model.train()
        started = now()
        for step, batch in enumerate(loader):
            on = {name: value.to(self.device) for name, value in batch.items()}
            loss = self.model(**on).loss
            loss.backward()
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            if step == 0:
                started = now()
        return Sample(self.pool.tokens(batches[1:]), now() - started)


class HubTrainer:
    """`transformers.Trainer` with dynamic padding: its defaults, or the settings given.

    Parameters
    ----------
    pool : Pool
    batch : int
        ``per_device_train_batch_size``; 8 is its default.
    grouped : bool
        ``train_sampling_strategy="group_by_length"``, the `group_by_length` of transformers 4.
    bf16 : bool
    dropout : bool
        False: 0 everywhere, where the encoder's configuration has 0.1.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        batch: int = 8,
        grouped: bool = False,
        bf16: bool = False,
        dropout: bool = True,
    ) -> None:
        self.pool, self.batch, self.bf16 = pool, batch, bf16
        # Its loader cuts all batches alike, so the first is a whole one.
        self.warm_rows = batch
        self.strategy = "group_by_length" if grouped else "random"
        self.model = stock(dropout=dropout)
        self.tokenizer = load_tokenizer("bundled")

    def plan(self) -> Batches:
        """Cut batches as Trainer's own samplers do."""
        count = len(self.pool.encoded)
        if self.strategy == "random":
            return sixteens(count, self.batch)
        from transformers.trainer_pt_utils import LengthGroupedSampler

        torch.manual_seed(0)
        lengths = self.pool.lengths_N.tolist()
        return sixteens(count, self.batch, list(LengthGroupedSampler(self.batch, lengths=lengths)))

    def train(self, batches: Batches) -> Sample:
        import datasets
        import transformers

        order = [n for batch in batches for n in batch]
        rows = datasets.Dataset.from_list([self.pool.item(n) for n in order])
        size = len(batches[0])
        # What an earlier side has set must not reach this one.
        AcceleratorState._reset_state(reset_partial_state=True)

        class InOrder(transformers.Trainer):
            """Takes the batches as they were planned; all else is Trainer's own."""

            def _get_train_sampler(self, train_dataset: Any = None) -> Any:
                return torch.utils.data.SequentialSampler(rows)

        ends: list[float] = []

        class Clock(transformers.TrainerCallback):
            def on_step_end(self, *args: Any, **kwargs: Any) -> None:
                ends.append(now())

        with tempfile.TemporaryDirectory() as folder, _silent():
            trainer = InOrder(
                model=self.model,
                args=transformers.TrainingArguments(
                    output_dir=folder,
                    max_steps=len(batches),
                    per_device_train_batch_size=size,
                    train_sampling_strategy=self.strategy,
                    bf16=self.bf16,
                    use_cpu=not torch.cuda.is_available(),  # else bf16 is refused without one
                    save_strategy="no",
                    report_to="none",
                    disable_tqdm=True,
                ),
                train_dataset=rows,
                processing_class=self.tokenizer,
                data_collator=transformers.DataCollatorWithPadding(self.tokenizer),
                callbacks=[Clock()],
            )
            trainer.train()
        return Sample(self.pool.tokens(batches[1:]), ends[-1] - ends[0])


def stock(*, dropout: bool = True) -> Any:
    """Load the bundled encoder with a new head as transformers does, dropout as it is or 0."""
    import transformers

    torch.manual_seed(0)
    without = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    with quiet_peers():
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            encoder_location("bundled"), num_labels=2, **({} if dropout else without)
        )


def sides(pool: Pool, compute: Compute, batch: int) -> dict[str, Any]:
    """Return name → a function that builds that side; nothing is built yet.

    Parameters
    ----------
    pool : Pool
    compute : Compute
    batch : int
        The best batch size for Trainer.
    """
    bf16 = compute.precision == "bf16"
    best = {"batch": batch, "grouped": True, "bf16": bf16}
    found: dict[str, Any] = {
        "plaudit": lambda: Plaudit(pool, compute),
        "tutorial loop": lambda: Tutorial(pool, compute),
        "Trainer, defaults": lambda: HubTrainer(pool),
        "Trainer, best": lambda: HubTrainer(pool, **best),
        "Trainer, best, no dropout": lambda: HubTrainer(pool, **best, dropout=False),
    }
    lacking = missing("accelerate", "datasets")
    if lacking:
        print(f"Trainer is skipped: {lacking} is not installed", flush=True)
        return {name: side for name, side in found.items() if not name.startswith("Trainer")}
    return found


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Trainer prints its last record, and warns of memory that it cannot pin."""
    with contextlib.redirect_stdout(io.StringIO()), quiet_peers(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
