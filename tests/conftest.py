"""A two-layer random encoder and a small vocabulary: the whole line in seconds."""

from __future__ import annotations

import json
import random
from pathlib import Path

import hypothesis
import pytest
import torch

from plaudit.model import device

# How long an example takes is the machine's doing, and decides no test.
hypothesis.settings.register_profile("plaudit", deadline=None)
hypothesis.settings.load_profile("plaudit")

# Tensors here are tiny: a second thread costs more in waiting than it brings.
torch.set_num_threads(1)
# What a test computes in is the test's to say, not the machine's: without this, one that is fast at
# bf16 would choose it, and answers would agree to three digits instead of six.
_OF_DEVICE = device._bf16
device._bf16 = lambda name: (False, "in tests") if name == "cpu" else _OF_DEVICE(name)

WORDS = [
    *("the", "a", "film", "movie", "plot", "actor", "is", "was", "good", "great", "lovely", "fine"),
    *("triumph", "bad", "awful", "dull", "poor", "waste", "worst", "best", "and", "but", "not"),
    *("very", "it", "of", "to", "in", "i", "saw", "with", "un", "##s", "##watch", "##able"),
    *(".", ",", "!", "?", "<", "3"),
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
POSITIVE = ["good", "great", "lovely", "fine", "triumph", "best"]
NEGATIVE = ["bad", "awful", "dull", "poor", "waste", "worst"]
FILLER = ["the", "a", "film", "movie", "plot", "actor", "is", "was", "and", "very", "it"]


def save_encoder(folder: Path, family: str = "bert") -> Path:
    """Write a random two-layer encoder of a family, with a tokenizer, as a model folder."""
    import transformers

    torch.manual_seed(7)
    vocabulary = SPECIAL + WORDS
    size = {"vocab_size": len(vocabulary), "pad_token_id": 0}
    common = size | {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 66, "type_vocab_size": 2,
    }  # fmt: skip
    match family:
        case "distilbert":
            config = transformers.DistilBertConfig(
                **size, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=66
            )
        case "modernbert":
            config = transformers.ModernBertConfig(
                **{k: v for k, v in common.items() if k != "type_vocab_size"},
                cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3,
                global_attn_every_n_layers=1, local_attention=16,
            )  # fmt: skip
        case _:
            config = transformers.AutoConfig.for_model(family, **common)
            if family == "electra":
                config.embedding_size = 32
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_tokenizer(folder: Path) -> None:
    """Write a small WordPiece tokenizer."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {token: i for i, token in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)  # fmt: skip


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer BERT with a small WordPiece vocabulary."""
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_encoder: Path) -> object:
    from plaudit.model.build import load_tokenizer

    return load_tokenizer(str(tiny_encoder))


def review(label: str, random_: random.Random) -> str:
    """Make a review whose words give its label away."""
    words = random_.choices(FILLER, k=random_.randint(3, 25))
    for _ in range(3):
        place = random_.randrange(len(words) + 1)
        words.insert(place, random_.choice(POSITIVE if label == "positive" else NEGATIVE))
    return " ".join(words)


@pytest.fixture(scope="session")
def reviews_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 labelled reviews as JSON lines."""
    random_ = random.Random(3)
    path = tmp_path_factory.mktemp("data") / "reviews.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for n in range(240):
            label = ("negative", "positive")[n % 2]
            text = f"{review(label, random_)} {'!' * (n % 3)} film{n}"
            file.write(json.dumps({"text": text, "label": label}) + "\n")
    return path


@pytest.fixture
def unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report.json only: drawing the page is half the cost of a small run."""
    for page in ("plaudit.report.html.render", "plaudit.report.card.render"):
        monkeypatch.setattr(page, lambda document: "")
