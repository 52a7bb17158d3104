from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from plaudit import artifact
from plaudit.config import CleanConfig, ModelConfig, SplitConfig, TextConfig
from plaudit.errors import ArtifactError
from plaudit.model.build import build, load_tokenizer
from plaudit.predict import Classifier
from tests.conftest import save_encoder

TEXTS = ["a good film", "bad bad plot was it", "the actor is great and the film is a waste"]
LABELS = ("negative", "positive")


def make(folder: Path, encoder: Path, **settings: Any) -> Path:
    torch.manual_seed(0)
    config = ModelConfig(encoder=str(encoder), **settings)
    model = build(config, LABELS, max_tokens=32, window_pooling="mean").eval()
    stir(model)
    spec = artifact.Spec(
        labels=LABELS,
        pooling=config.pooling,
        window_pooling="mean",
        text=TextConfig(max_tokens=32),
        clean=CleanConfig(),
        split=SplitConfig(),
        seed=0,
        data="reviews.csv",
        data_files={},
        label_mapping=None,
        config_digest="0" * 16,
        versions=artifact.versions(),
    )
    prints_N = np.array([5, 3, 5], dtype=np.uint64)
    artifact.save(folder, model, load_tokenizer(str(encoder)), spec, prints_N)
    return folder


def stir(model: Any) -> None:
    """Make the random weights large enough for texts to differ."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.3)


def pipeline_probabilities(folder: Path) -> np.ndarray:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer)
    rows = pipe(TEXTS, batch_size=3, top_k=None)
    return np.array(
        [[next(c["score"] for c in row if c["label"] == x) for x in LABELS] for row in rows]
    )


@pytest.mark.parametrize("pooling", ["cls", "pooler", "mean"])
@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta", "electra", "modernbert"])
def test_plain_transformers_gives_the_same_probabilities(
    family: str, pooling: str, tmp_path: Path
) -> None:
    encoder = save_encoder(tmp_path / "encoder", family)
    folder = make(tmp_path / "model", encoder, pooling=pooling)
    ours = Classifier.load(folder, device="cpu", precision="fp32").probabilities(TEXTS)
    assert np.ptp(ours[:, 0]) > 0.01
    np.testing.assert_allclose(ours, pipeline_probabilities(folder), atol=2e-3)


@pytest.mark.parametrize(("family", "pooling"), [("bert", "max"), ("mpnet", "mean")])
def test_what_transformers_cannot_express_it_refuses_to_load(
    family: str, pooling: str, tmp_path: Path
) -> None:
    import transformers

    encoder = save_encoder(tmp_path / "encoder", family)
    folder = make(tmp_path / "model", encoder, pooling=pooling)
    with pytest.raises(OSError, match=r"model\.safetensors"):
        transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    assert len(Classifier.load(folder, device="cpu").predict(TEXTS)) == 3


def test_a_checkpoint_with_old_names_is_read_back_where_transformers_is_not_to_read_it(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    """As of BERT's first: gamma and beta, which transformers renames as it loads, and back."""
    encoder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, encoder)
    weights = load_file(encoder / artifact.WEIGHTS)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, name in old.items():
        weights = {key.replace(new, name): value for key, value in weights.items()}
    save_file(weights, encoder / artifact.WEIGHTS, metadata={"format": "pt"})
    folder = make(tmp_path / "model", encoder, pooling="max")
    assert len(Classifier.load(folder, device="cpu").predict(TEXTS)) == 3


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_a_loaded_model_answers_as_the_saved_one(
    pooling: str, tiny_encoder: Path, tmp_path: Path
) -> None:
    folder = make(tmp_path / "model", tiny_encoder, pooling=pooling)
    torch.manual_seed(0)
    config = ModelConfig(encoder=str(tiny_encoder), pooling=pooling)  # type: ignore[arg-type]
    fresh = build(config, LABELS, max_tokens=32, window_pooling="mean")
    stir(fresh)
    loaded = artifact.load(folder)
    for name, weight in fresh.state_dict().items():
        assert torch.equal(weight, loaded.model.state_dict()[name]), name
    assert loaded.seen_prints_N.tolist() == [3, 5]


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_changed_byte_is_found_and_named(name: str, tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    with pytest.raises(ArtifactError, match=f"{name} was changed"):
        artifact.load(folder)


def test_a_missing_file_and_a_pickle_are_both_named(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    (folder / "tokenizer.json").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ArtifactError, match=r"tokenizer.json is missing.*pytorch_model.bin is a"):
        artifact.verify(folder)


def rewritten(folder: Path, name: str) -> None:
    """Enter a changed file in the manifest, as whoever changed it on purpose would."""
    manifest = json.loads((folder / "plaudit.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "plaudit.json").write_text(json.dumps(manifest))


def test_pages_may_be_edited_and_folders_added(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    artifact.add(folder, {"README.md": "card"})
    assert "README.md" in json.loads((folder / "plaudit.json").read_text())["files"]
    (folder / "README.md").write_text("my card")
    (folder / ".git").mkdir()
    artifact.verify(folder)
    artifact.add(folder, {"report.html": "<p>"})
    artifact.verify(folder)


def test_a_file_that_is_not_in_the_manifest_is_not_trusted(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    manifest = json.loads((folder / "plaudit.json").read_text())
    for files in ({}, None):
        (folder / "plaudit.json").write_text(json.dumps(manifest | {"files": files}))
        with pytest.raises(ArtifactError, match=r"manifest|lists no files"):
            artifact.verify(folder)
    (folder / "plaudit.json").write_text("[]")
    with pytest.raises(ArtifactError, match="not a JSON object"):
        artifact.verify(folder)


def test_a_link_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    (folder / "config.json").rename(tmp_path / "config.json")
    (folder / "config.json").symlink_to(tmp_path / "config.json")
    with pytest.raises(ArtifactError, match=r"config\.json is a link"):
        artifact.verify(folder)


def test_labels_of_config_and_manifest_must_agree(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": "positive", "1": "negative"}
    (folder / "config.json").write_text(json.dumps(config))
    rewritten(folder, "config.json")
    with pytest.raises(ArtifactError, match="has the labels"):
        artifact.load(folder)


def test_a_tokenizer_that_does_not_belong_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] |= {f"new{n}": 1000 + n for n in range(50)}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    rewritten(folder, "tokenizer.json")
    with pytest.raises(ArtifactError, match="do not belong together"):
        artifact.load(folder)


def test_a_run_folder_is_pointed_to_its_model(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    with pytest.raises(ArtifactError, match="Did you mean"):
        artifact.load(folder.parent)
    with pytest.raises(ArtifactError, match="is not there"):
        artifact.load(tmp_path / "nothing")


def test_nothing_in_a_model_folder_is_a_pickle(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "model", tiny_encoder)
    for path in folder.iterdir():
        assert path.suffix in (".json", ".safetensors", ".npy", ".txt", ".jinja"), path
