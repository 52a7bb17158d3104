from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants

from plaudit.artifact.spec import MANIFEST
from plaudit.config import ModelConfig
from plaudit.errors import ConfigError
from plaudit.model import families
from plaudit.model.build import build, encoder_location, load_masked, load_tokenizer
from plaudit.model.classifier import ReviewClassifier, combine
from plaudit.model.loading import TRAINED, check_vocabulary
from tests.conftest import save_encoder

FAMILIES = [
    "bert", "distilbert", "roberta", "deberta-v2", "electra", "mpnet", "modernbert",
]  # fmt: skip
IDS_PT = torch.tensor([[2, 6, 7, 8, 3], [2, 9, 3, 0, 0]])
MASK_PT = (IDS_PT != 0).long()
OWNER_P = torch.tensor([0, 1])


def tiny(encoder: Path | str, **settings: object) -> ReviewClassifier:
    config = ModelConfig(encoder=str(encoder), **settings)  # type: ignore[arg-type]
    torch.manual_seed(0)
    return build(config, ("bad", "good", "mixed"), max_tokens=32, window_pooling="mean").eval()


@pytest.mark.parametrize("pooling", ["cls", "pooler", "mean", "max"])
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_and_pooling_ignores_padding(family: str, pooling: str, tmp_path: Path) -> None:
    model = tiny(save_encoder(tmp_path / "encoder", family), pooling=pooling)
    with torch.no_grad():
        padded_BC = model(IDS_PT, MASK_PT, OWNER_P)
        alone_BC = model(IDS_PT[1:, :3], MASK_PT[1:, :3], OWNER_P[:1])
    assert padded_BC.shape == (2, 3)
    torch.testing.assert_close(padded_BC[1:], alone_BC, atol=1e-4, rtol=1e-4)


def test_poolings_differ(tiny_encoder: Path) -> None:
    rows = []
    for pooling in ("cls", "pooler", "mean", "max"):
        model = tiny(tiny_encoder, pooling=pooling)
        torch.nn.init.normal_(model.stock.classifier.weight, generator=torch.manual_seed(1))
        with torch.no_grad():
            rows.append(model(IDS_PT, MASK_PT, OWNER_P))
    for i in range(4):
        for j in range(i):
            assert not torch.allclose(rows[i], rows[j], atol=1e-3)


def test_mean_pooling_is_the_mean_of_real_tokens(tiny_encoder: Path) -> None:
    model = tiny(tiny_encoder, pooling="mean")
    states = torch.randn(1, 3, 32)
    pooled = model.pool(states, torch.tensor([[1, 1, 0]]))
    expected = torch.nn.functional.layer_norm(states[:, :2].mean(1), (32,))
    torch.testing.assert_close(pooled, expected, atol=5e-3, rtol=0)


def test_window_logits_are_pooled_per_text() -> None:
    logits_PC = torch.tensor([[1.0, 0.0], [3.0, -2.0], [5.0, 5.0]])
    owner_P = torch.tensor([0, 0, 1])
    assert combine(logits_PC, owner_P, 2, "mean").tolist() == [[2.0, -1.0], [5.0, 5.0]]
    assert combine(logits_PC, owner_P, 2, "max").tolist() == [[3.0, 0.0], [5.0, 5.0]]


def test_freezing_reaches_embeddings_and_lower_layers_only(tiny_encoder: Path) -> None:
    model = tiny(tiny_encoder, freeze_layers=1)
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert any("embeddings" in name for name in frozen)
    assert any("layer.0" in name for name in frozen)
    assert not any("layer.1" in name or "classifier" in name for name in frozen)
    only = tiny(tiny_encoder, freeze_embeddings=True)
    frozen = {name for name, p in only.named_parameters() if not p.requires_grad}
    assert frozen
    assert all("embeddings" in name for name in frozen)


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_frozen_encoder_trains_its_head_alone_whatever_its_family(
    family: str, tmp_path: Path
) -> None:
    """What no layer holds is frozen too: relative positions, projections, a last norm."""
    folder = save_encoder(tmp_path / "encoder", family)
    model = tiny(folder, freeze_layers=2)
    head = {id(p) for part in families.head_parts(model.stock) for p in part.parameters()}
    assert {id(p) for p in model.parameters() if p.requires_grad} == head
    one = tiny(folder, freeze_layers=1)
    (_, upper) = families.layers(one.stock)
    inner = {id(p) for part in (upper, *families.head_parts(one.stock)) for p in part.parameters()}
    trained = {n for n, p in one.named_parameters() if p.requires_grad and id(p) not in inner}
    assert all("final_norm" in name for name in trained)
    assert bool(trained) is (family == "modernbert")


def test_a_norm_after_all_layers_learns_at_the_top_layers_rate(tmp_path: Path) -> None:
    model = tiny(save_encoder(tmp_path / "encoder", "modernbert"))
    depth = families.depth_of_parameters(model, model.stock)
    assert {depth[name] for name in depth if "final_norm" in name} == {2}


def test_more_frozen_layers_than_there_are_is_an_error(tiny_encoder: Path) -> None:
    with pytest.raises(ConfigError, match="has 2 layers"):
        tiny(tiny_encoder, freeze_layers=3)


def test_dropout_rates_reach_their_places(tiny_encoder: Path) -> None:
    model = tiny(tiny_encoder, dropout=0.2, attention_dropout=0.3, head_dropout=0.4)
    base = model.stock.base_model
    assert base.embeddings.dropout.p == 0.2
    assert base.encoder.layer[0].output.dropout.p == 0.2
    assert base.encoder.layer[0].attention.self.dropout.p == 0.3
    assert model.stock.dropout.p == 0.4


def test_a_longer_text_than_the_encoder_reads_is_refused(tiny_encoder: Path) -> None:
    config = ModelConfig(encoder=str(tiny_encoder))
    with pytest.raises(ConfigError, match="at most 66"):
        build(config, ("a", "b"), max_tokens=67, window_pooling="mean")


def test_roberta_positions_begin_after_the_padding(tmp_path: Path) -> None:
    config = ModelConfig(encoder=str(save_encoder(tmp_path / "encoder", "roberta")))
    with pytest.raises(ConfigError, match="at most 64"):
        build(config, ("a", "b"), max_tokens=65, window_pooling="mean")


def test_an_unknown_family_is_refused(tmp_path: Path) -> None:
    import transformers

    folder = tmp_path / "gpt"
    config = transformers.GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=9, n_positions=8)
    transformers.GPT2Model(config).save_pretrained(folder)
    with pytest.raises(ConfigError, match="'gpt2' model; plaudit knows: bert"):
        tiny(folder)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ConfigError, match="safetensors"):
        encoder_location(str(tmp_path))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        encoder_location(str(tmp_path / "nothing"))


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No answer from the hub, though nobody forbade to ask; returns its empty cache."""
    for variable in ("PLAUDIT_OFFLINE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("plaudit.data.network.reachable", lambda *asked, **how: frozenset())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("load", [load_tokenizer, tiny])
def test_an_unreachable_hub_says_what_to_do(silent_hub: Path, load: Callable[[str], Any]) -> None:
    with pytest.raises(ConfigError, match=r"huggingface\.co does not answer.*folder.*'bundled'"):
        load("hub:nobody/nothing")


def test_an_unreachable_hub_is_not_asked_again_and_again(
    silent_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its library would retry for most of a minute."""
    import transformers

    def ask(location: str, **how: object) -> None:
        assert constants.is_offline_mode()
        raise OSError(f"no {location} in the cache")

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", ask)
    with pytest.raises(ConfigError, match="no nobody/nothing in the cache"):
        load_tokenizer("hub:nobody/nothing")
    assert not constants.is_offline_mode()


@pytest.mark.parametrize("forbidden_by", ["PLAUDIT_OFFLINE", "HF_HUB_OFFLINE", None])
def test_a_model_in_the_hubs_cache_needs_no_network(
    silent_hub: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch, forbidden_by: str | None
) -> None:
    repository = silent_hub / "models--some--body"
    shutil.copytree(tiny_encoder, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    if forbidden_by:
        monkeypatch.setenv(forbidden_by, "1")
    assert load_tokenizer("hub:some/body").cls_token == "[CLS]"
    assert len(families.layers(tiny("hub:some/body").stock)) == 2


def test_a_folder_is_not_taken_for_a_model_of_the_hub(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_encoder, tmp_path / "some" / "body")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"hub:some/body.*a folder of that name.*\./some/body"):
        load_tokenizer("hub:some/body")
    assert load_tokenizer("./some/body").cls_token == "[CLS]"


def test_the_head_begins_with_what_the_encoder_knows(tiny_encoder: Path) -> None:
    dense = families.dense(tiny(tiny_encoder, pooling="mean").stock)
    torch.testing.assert_close(dense.weight, torch.eye(32))
    kept = families.dense(tiny(tiny_encoder, pooling="pooler").stock)
    assert not torch.allclose(kept.weight, torch.eye(32))


def test_an_encoder_with_missing_weights_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    """Else they would be random, and nobody would know."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, folder)
    weights = load_file(folder / "model.safetensors")
    renamed = {name.replace("layer.1", "other.1"): tensor for name, tensor in weights.items()}
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"16 weights are not in its safetensors.*layer\.1"):
        tiny(folder)


def test_a_tokenizer_of_another_model_is_refused(tiny_encoder: Path) -> None:
    tokenizer = load_tokenizer(str(tiny_encoder))
    model = tiny(tiny_encoder)
    check_vocabulary(model.stock, tokenizer, "here")
    tokenizer.add_tokens([f"new{n}" for n in range(50)])
    with pytest.raises(ConfigError, match="here: the tokenizer has"):
        check_vocabulary(model.stock, tokenizer, "here")


def test_a_classifier_is_no_encoder(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_encoder, folder)
    (folder / TRAINED).write_text("{}")
    with pytest.raises(ConfigError, match=r"classifier that plaudit trained.*distill\.teacher"):
        tiny(folder)
    with pytest.raises(ConfigError, match="classifier that plaudit trained"):
        load_masked(ModelConfig(encoder=str(folder)))
    load_tokenizer(str(folder))  # to count its tokens it will do
    assert TRAINED == MANIFEST
