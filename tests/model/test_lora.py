"""Adapters: what they change, what they leave, and that the artefact does not need them."""

from __future__ import annotations

import builtins
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from plaudit import run
from plaudit.config import Config, LoraConfig, ModelConfig, OptimConfig, check, load
from plaudit.errors import ConfigError, MissingExtra
from plaudit.model import families, lora
from plaudit.model.build import build
from plaudit.model.classifier import ReviewClassifier
from plaudit.predict import Classifier
from plaudit.train.optim import parameter_groups
from tests.conftest import save_encoder

pytestmark = pytest.mark.usefixtures("unrendered")
IDS_PT = torch.tensor([[2, 6, 7, 8, 3], [2, 9, 3, 0, 0]])
INPUTS = (IDS_PT, (IDS_PT != 0).long(), torch.tensor([0, 1]))


def tiny(encoder: Path, **model: Any) -> ReviewClassifier:
    torch.manual_seed(0)
    config = ModelConfig(encoder=str(encoder), **model)
    return build(config, ("bad", "good"), max_tokens=32, window_pooling="mean").eval()


def adapted(encoder: Path, frozen: int = 0, **settings: Any) -> ReviewClassifier:
    model = tiny(encoder, freeze_layers=frozen)
    lora.adapt(model, LoraConfig(**{"rank": 2, **settings}), frozen_layers=frozen)
    return model


def moved(model: ReviewClassifier) -> ReviewClassifier:
    """Give the adapters an effect, as training does."""
    random_ = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, generator=random_)
    return model


def logits_of(model: ReviewClassifier) -> torch.Tensor:
    with torch.no_grad():
        logits_BC: torch.Tensor = model(*INPUTS)
    return logits_BC


@pytest.mark.parametrize(
    "family", ["bert", "distilbert", "roberta", "deberta-v2", "electra", "mpnet", "modernbert"]
)
def test_merged_weights_give_the_logits_of_the_adapters(family: str, tmp_path: Path) -> None:
    encoder = save_encoder(tmp_path / "encoder", family)
    model = moved(adapted(encoder))
    expected_BC = logits_of(model)
    assert not torch.allclose(expected_BC, logits_of(tiny(encoder)), atol=1e-4)
    whole = lora.merged(model)
    torch.testing.assert_close(logits_of(whole), expected_BC, atol=1e-5, rtol=0)
    assert set(whole.state_dict()) == set(tiny(encoder).state_dict())
    torch.testing.assert_close(logits_of(model), expected_BC, atol=0, rtol=0)


def test_untrained_adapters_change_no_logit(tiny_encoder: Path) -> None:
    torch.testing.assert_close(
        logits_of(adapted(tiny_encoder)), logits_of(tiny(tiny_encoder)), atol=0, rtol=0
    )


def test_the_update_is_alpha_over_rank_times_b_a(tiny_encoder: Path) -> None:
    model = moved(adapted(tiny_encoder, rank=4, alpha=10.0))
    query = families.layers(model.stock)[1].attention.self.query
    b, a = query.lora_B["default"].weight, query.lora_A["default"].weight
    assert (a.shape, b.shape) == ((4, 32), (32, 4))
    before = query.base_layer.weight.detach().clone()
    after = families.layers(lora.merged(model).stock)[1].attention.self.query.weight
    torch.testing.assert_close(after - before, 10.0 / 4 * (b @ a), atol=1e-6, rtol=1e-5)


def test_the_size_of_adapters_is_what_merging_leaves_out(tiny_encoder: Path) -> None:
    model = adapted(tiny_encoder, rank=4)
    whole, without = (
        sum(weights.numel() for weights in each.parameters())
        for each in (model, lora.merged(model))
    )
    assert lora.size(model) == whole - without > 0
    assert lora.size(tiny(tiny_encoder)) == 0


def test_only_adapters_of_queries_and_values_and_the_head_train(tiny_encoder: Path) -> None:
    trained = {n for n, p in adapted(tiny_encoder).named_parameters() if p.requires_grad}
    encoder = {name for name in trained if "encoder.layer" in name}
    assert {name.partition("self.")[2] for name in encoder} == {
        f"{matrix}.lora_{part}.default.weight" for matrix in ("query", "value") for part in "AB"
    }
    assert {name.rpartition(".")[0] for name in trained - encoder} == {
        "stock.bert.pooler.dense", "stock.classifier",
    }  # fmt: skip


def test_frozen_layers_get_no_adapters(tiny_encoder: Path) -> None:
    names = [name for name, _ in adapted(tiny_encoder, frozen=1).named_parameters()]
    assert {name.split("layer.")[1][0] for name in names if "lora" in name} == {"1"}
    with pytest.raises(ConfigError, match=r"none is left for lora\.rank"):
        adapted(tiny_encoder, frozen=2)


def test_targets_are_linear_layers_of_the_encoder(tiny_encoder: Path) -> None:
    model = adapted(tiny_encoder, targets=("intermediate.dense",))
    with_one = {n.split(".lora")[0] for n, _ in model.named_parameters() if "lora" in n}
    assert {name.partition("layer.")[2] for name in with_one} == {
        "0.intermediate.dense", "1.intermediate.dense",
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"'q_lin' is no linear layer .* attention\.self\.query"):
        adapted(tiny_encoder, targets=("q_lin",))


def test_adapters_train_at_the_rate_of_their_layer(tiny_encoder: Path) -> None:
    model = adapted(tiny_encoder)
    groups = parameter_groups(model, OptimConfig(lr=1e-3, head_lr=5e-3, layer_decay=0.5))
    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    found = {n: rates[id(p)] for n, p in model.named_parameters() if "lora" in n}
    assert {round(rate, 6) for n, rate in found.items() if "layer.1" in n} == {1e-3}
    assert {round(rate, 6) for n, rate in found.items() if "layer.0" in n} == {5e-4}


@pytest.mark.parametrize(
    ("key", "value"), [("model.reinit_layers", "1"), ("craft.fgm", "1"), ("craft.pull", "0.1")]
)
def test_what_trains_the_weights_themselves_is_refused(key: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} .* when lora.rank is above 0"):
        check(load(None, ["lora.rank=2", f"{key}={value}"]))


def test_without_peft_the_extra_is_named(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "peft":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"plaudit\[peft\]"):
        adapted(tiny_encoder)


@pytest.fixture(scope="module")
def config(
    reviews_file: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Config:
    return load(
        None,
        [f"data.train={reviews_file}", f"model.encoder={tiny_encoder}", "lora.rank=4",
         f"out={tmp_path_factory.mktemp('runs')}", "text.max_tokens=32", "train.batch_tokens=256",
         "optim.lr=2e-2", "train.epochs=4", "split.validation_size=40", "split.test_size=60",
         "evaluate.bootstrap=100", "evaluate.baseline=false", "report.audit=false",
         "report.explain=false", "train.average=ema", "contrast.steps=2"],
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(config: Config) -> run.Run:
    return run.train(config)


def test_a_run_learns_and_saves_a_stock_model(done: run.Run, tiny_encoder: Path) -> None:
    import transformers

    assert done.report["test"]["metrics"]["accuracy"]["value"] > 0.75
    texts = ["the film was good great", "a dull film awful waste"]
    ours = Classifier.load(done.model).probabilities(texts)
    pipe = transformers.pipeline("text-classification", model=str(done.model), top_k=None)
    theirs = [{each["label"]: each["score"] for each in found} for found in pipe(texts)]
    temperature = Classifier.load(done.model).spec.decision.temperature
    plain = ours**temperature / (ours**temperature).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([row["positive"] for row in theirs], plain[:, 1], atol=1e-4)


def test_the_encoder_outside_the_adapters_is_as_it_was(done: run.Run, tiny_encoder: Path) -> None:
    from safetensors.torch import load_file

    after, before = (
        load_file(done.model / "model.safetensors"),
        load_file(tiny_encoder / "model.safetensors"),
    )
    same = {n for n, t in before.items() if torch.equal(after[f"bert.{n}"], t)}
    changed = {n for n in set(before) - same if not n.startswith("pooler")}
    assert {name.split("self.")[1] for name in changed} == {"query.weight", "value.weight"}
    assert len(changed) == 4


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks
def test_peft_loads_the_adapters_onto_the_encoder(done: run.Run, tiny_encoder: Path) -> None:
    import peft

    from plaudit import artifact

    base = tiny(tiny_encoder)
    loaded = peft.PeftModel.from_pretrained(base.stock, str(done.folder / "adapter"))
    base.stock = loaded.base_model.model
    saved = artifact.load(done.model).model
    assert isinstance(saved, ReviewClassifier)
    torch.testing.assert_close(logits_of(base.eval()), logits_of(saved), atol=1e-5, rtol=0)
    settings = json.loads((done.folder / "adapter" / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"]) == (4, 16)


def test_a_run_with_adapters_resumes_bit_exactly(
    done: run.Run, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plaudit.errors import Interrupted

    class Impatient:
        steps = 0

        def say(self, line: str) -> None: ...

        def step(self, record: Any) -> None:
            self.steps += 1
            if self.steps == 7:
                raise KeyboardInterrupt

    monkeypatch.setattr("plaudit.train.keep.OVERHEAD", 1.0)
    often = config.model_copy(
        update={
            "out": str(tmp_path),
            "train": config.train.model_copy(update={"checkpoint_seconds": 1e-9}),
        }
    )
    with pytest.raises((KeyboardInterrupt, Interrupted)):
        run.train(often, watcher=Impatient())
    again = run.resume(tmp_path / "run")
    assert again.report["training"]["resumed_after"] == [6]
    for name in ("model/model.safetensors", "adapter/adapter_model.safetensors"):
        assert (again.folder / name).read_bytes() == (done.folder / name).read_bytes()


@pytest.mark.slow
def test_the_adapters_of_the_bundled_encoder_are_small(tmp_path: Path) -> None:
    model = tiny(Path("bundled"))
    lora.adapt(model, LoraConfig(rank=8))
    lora.save_adapters(model, tmp_path / "adapter")
    size = sum(file.stat().st_size for file in (tmp_path / "adapter").iterdir())
    assert size < 0.05 * 4 * sum(p.numel() for p in tiny(Path("bundled")).parameters())
    shutil.rmtree(tmp_path / "adapter")
