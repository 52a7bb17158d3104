"""Words are hidden as in BERT, only they are guessed, and guessing gets better."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from plaudit.config import ModelConfig, OptimConfig, TextConfig, TrainConfig
from plaudit.errors import ConfigError
from plaudit.model import families, half
from plaudit.model.build import load_masked
from plaudit.model.device import Compute
from plaudit.text.batches import batch_of
from plaudit.text.encode import Encoded, TextEncoder
from plaudit.text.packing import pack
from plaudit.text.sampling import TokenBudgetSampler
from plaudit.train import pretrain as pretraining
from plaudit.train.course import plan_course
from plaudit.train.masking import NOT_ASKED, Masking
from plaudit.train.pretrain import GUESSES, Practice, guessing_loss, pretrain
from tests.conftest import review, save_encoder, save_tokenizer

CPU = Compute("cpu", "fp32", "a test")


@pytest.fixture(scope="module")
def texts(tiny_tokenizer: Any) -> Encoded:
    random_ = random.Random(0)
    reviews = [review(("negative", "positive")[n % 2], random_) for n in range(64)]
    return TextEncoder(tiny_tokenizer, TextConfig(max_tokens=32)).encode(reviews)


@pytest.fixture
def masking(tiny_tokenizer: Any) -> Masking:
    return Masking.of(tiny_tokenizer, 0.15)


@pytest.fixture
def mlm(tiny_encoder: Path) -> Any:
    torch.manual_seed(0)
    return load_masked(ModelConfig(encoder=str(tiny_encoder)))[0]


def test_of_a_hundred_words_fifteen_are_guessed_eight_in_ten_of_them_hidden(
    masking: Masking, tiny_tokenizer: Any
) -> None:
    random_ = torch.Generator().manual_seed(1)
    ids = masking.words_V[torch.randint(len(masking.words_V), (200_000,), generator=random_)]
    shown, wanted = masking.hide(ids, torch.ones_like(ids, dtype=torch.bool), random_)
    asked = wanted != NOT_ASKED
    assert float(asked.float().mean()) == pytest.approx(0.15, abs=0.003)
    assert torch.equal(wanted[asked], ids[asked])
    assert torch.equal(shown[~asked], ids[~asked])
    hidden = shown[asked] == tiny_tokenizer.mask_token_id
    assert float(hidden.float().mean()) == pytest.approx(0.8, abs=0.01)
    # One in ten is another word, which by chance is the same one in so many times.
    other = (shown[asked] != wanted[asked]) & ~hidden
    expected = 0.1 * (1 - 1 / len(masking.words_V))
    assert float(other.float().mean()) == pytest.approx(expected, abs=0.01)


def test_neither_special_tokens_nor_padding_are_hidden_or_put_in(
    tiny_tokenizer: Any, texts: Encoded
) -> None:
    every = Masking.of(tiny_tokenizer, 0.999)
    batch = batch_of(texts, range(16))
    shown, wanted = every.hide(batch.ids_PT, batch.mask_PT.bool(), torch.Generator().manual_seed(0))
    special = torch.isin(batch.ids_PT, torch.tensor(tiny_tokenizer.all_special_ids))
    assert special.sum() > 32
    assert torch.equal(shown[special], batch.ids_PT[special])
    assert (wanted[special] == NOT_ASKED).all()
    put_in = shown[(shown != batch.ids_PT) & (shown != tiny_tokenizer.mask_token_id)]
    assert len(put_in) > 5
    assert not torch.isin(put_in, torch.tensor(tiny_tokenizer.all_special_ids)).any()


def test_a_tokenizer_without_a_mask_token_is_refused(tiny_tokenizer: Any) -> None:
    class Maskless:
        mask_token_id = None

    with pytest.raises(ConfigError, match=r"pretrain\.epochs.*no mask token"):
        Masking.of(Maskless(), 0.15)


def test_the_loss_is_transformers_own_over_the_guessed_tokens_alone(
    mlm: Any, texts: Encoded, masking: Masking
) -> None:
    batch = batch_of(texts, range(8))
    found = guessing_loss(mlm, [batch], CPU, masking, seed=3)
    shown, wanted = masking.hide(
        batch.ids_PT, batch.mask_PT.bool(), torch.Generator().manual_seed(3)
    )
    with torch.inference_mode():
        logits = mlm(input_ids=shown, attention_mask=batch.mask_PT).logits
    # Of transformers, every position has logits; -100 is what it leaves out.
    targets = wanted.masked_fill(wanted == NOT_ASKED, -100)
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert found == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    "family", ["deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta"]
)
def test_each_family_guesses_with_its_own_head(
    family: str, texts: Encoded, masking: Masking, tmp_path: Path
) -> None:
    save_encoder(tmp_path, family)
    mlm, own = load_masked(ModelConfig(encoder=str(tmp_path)))
    assert not own
    batch = batch_of(texts, range(4))
    found = guessing_loss(mlm, [batch], CPU, masking, seed=3)
    shown, wanted = masking.hide(
        batch.ids_PT, batch.mask_PT.bool(), torch.Generator().manual_seed(3)
    )
    with torch.inference_mode():
        logits = mlm(input_ids=shown, attention_mask=batch.mask_PT).logits
    targets = wanted.masked_fill(wanted == NOT_ASKED, -100)
    expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert found == pytest.approx(float(expected), rel=1e-4)


def test_packed_texts_are_guessed_as_padded_ones(
    mlm: Any, texts: Encoded, tiny_tokenizer: Any
) -> None:
    every = Masking.of(tiny_tokenizer, 1 - 1e-9)  # so that as good as all are asked in both

    class Still(Masking):
        """Hide all, with nothing left to chance, which padding draws on."""

        def hide(self, ids: Any, real: Any, random: Any) -> Any:
            words = real & torch.isin(ids, self.words_V)
            return torch.where(words, self.mask_id, ids), torch.where(words, ids, NOT_ASKED)

    still = Still(every.mask_id, every.words_V, every.fraction)
    rows = list(range(6))
    padded = guessing_loss(mlm, [batch_of(texts, rows)], CPU, still, seed=0)
    assert guessing_loss(mlm, [pack(texts, rows)], CPU, still, seed=0) == pytest.approx(
        padded, rel=1e-5
    )


def steps(
    mlm: Any,
    texts: Encoded,
    masking: Masking,
    *,
    epochs: float,
    seed: int = 0,
    compute: Compute = CPU,
) -> Any:
    sampler = TokenBudgetSampler(texts, 512, shuffle=True, seed=seed)

    def batches(epoch: int) -> Any:
        sampler.epoch = epoch
        return (batch_of(texts, rows) for rows in sampler)

    course = plan_course(sampler, TrainConfig(epochs=epochs), validated=False)
    practice = Practice(masking, OptimConfig(lr=5e-3), 1, seed, lambda line: None)
    return pretrain(mlm, batches, course, compute, practice)


def test_guessing_gets_better_and_the_decoder_stays_the_embeddings(
    mlm: Any, texts: Encoded, masking: Masking
) -> None:
    before = guessing_loss(mlm, [batch_of(texts, range(64))], CPU, masking, seed=9)
    records = list(steps(mlm, texts, masking, epochs=20))
    after = guessing_loss(mlm, [batch_of(texts, range(64))], CPU, masking, seed=9)
    assert before == pytest.approx(math.log(len(masking.words_V)), abs=0.5)
    assert after < before - 0.5
    losses = [record.loss for record in records]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5
    assert records[-1].guessed == pytest.approx(0.15 * records[-1].tokens, rel=0.2)
    decoder, words = mlm.get_output_embeddings().weight, mlm.get_input_embeddings().weight
    assert decoder.data_ptr() == words.data_ptr()


def test_a_processor_in_bf16_is_prepared_for(mlm: Any, texts: Encoded, masking: Masking) -> None:
    next(steps(mlm, texts, masking, epochs=1, compute=Compute("cpu", "bf16", "a test")))
    assert families.embeddings(mlm)._forward_hooks


def test_before_and_after_training_are_measured_alike_in_bf16(
    mlm: Any, texts: Encoded, masking: Masking
) -> None:
    half_ = Compute("cpu", "bf16", "a test")
    before = guessing_loss(mlm, [batch_of(texts, range(8))], half_, masking, seed=3)
    half.prepare(mlm, half_)  # as training begins
    assert guessing_loss(mlm, [batch_of(texts, range(8))], half_, masking, seed=3) == before


def test_logits_come_in_blocks_of_few_sizes_and_idle_guesses_weigh_nothing(
    mlm: Any, texts: Encoded, masking: Masking, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, sizes = families.word_logits, []

    def noted(mlm: Any, states_MD: torch.Tensor) -> torch.Tensor:
        sizes.append(len(states_MD))
        return head(mlm, states_MD)

    batch = batch_of(texts, range(8))
    expected = guessing_loss(mlm, [batch], CPU, masking, seed=3)
    monkeypatch.setattr(families, "word_logits", noted)
    assert guessing_loss(mlm, [batch], CPU, masking, seed=3) == expected
    monkeypatch.setattr(pretraining, "GUESSES", 1)
    assert guessing_loss(mlm, [batch], CPU, masking, seed=3) == pytest.approx(expected)
    assert sizes[0] % GUESSES == 0 < sizes[0]
    assert sizes[1] < sizes[0], "or no guess was idle"


def test_the_same_seed_hides_the_same_words(
    tiny_encoder: Path, texts: Encoded, masking: Masking
) -> None:
    def losses(seed: int) -> list[float]:
        torch.manual_seed(0)
        fresh = load_masked(ModelConfig(encoder=str(tiny_encoder)))[0]
        return [record.loss for record in steps(fresh, texts, masking, epochs=1, seed=seed)]

    assert losses(1) == losses(1) != losses(2)


def test_a_step_in_parts_is_the_step_as_a_whole(
    tiny_encoder: Path, texts: Encoded, masking: Masking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first(at_once: int) -> tuple[float, torch.Tensor]:
        monkeypatch.setattr(Compute, "tokens_at_once", at_once)
        torch.manual_seed(0)
        fresh = load_masked(ModelConfig(encoder=str(tiny_encoder)))[0]
        record = next(iter(steps(fresh, texts, masking, epochs=1)))
        return record.loss, fresh.get_input_embeddings().weight.detach().clone()

    (whole, weights), (parts, same) = first(4096), first(40)
    assert parts == pytest.approx(whole, rel=1e-6)
    torch.testing.assert_close(same, weights, rtol=1e-3, atol=1e-5)


def test_a_head_that_the_checkpoint_has_is_used(tmp_path: Path, tiny_encoder: Path) -> None:
    torch.manual_seed(5)
    mlm, own = load_masked(ModelConfig(encoder=str(tiny_encoder)))
    assert not own
    mlm.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    torch.manual_seed(6)
    again, own = load_masked(ModelConfig(encoder=str(tmp_path)))
    assert own
    for name, weight in mlm.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name
