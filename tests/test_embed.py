"""Embeddings: the right states, pooled over the right tokens, written in the right order."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

import plaudit
from plaudit.cli import app
from plaudit.data.records import Columns
from plaudit.embed import embedder as embedding
from plaudit.embed import writing
from plaudit.errors import ArtifactError, ConfigError, DataError, PlauditError
from tests.conftest import save_encoder

TEXTS = ["A good film.", "the worst plot and a dull actor", "", "great"]


@pytest.fixture(scope="module")
def embedder(tiny_encoder):
    return plaudit.Embedder.load(tiny_encoder, max_tokens=32, device="cpu")


@pytest.fixture(scope="module")
def states(tiny_encoder):
    """The hidden states of each of TEXTS, computed alone with plain transformers."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_encoder)
    model = transformers.AutoModel.from_pretrained(tiny_encoder).eval()
    with torch.inference_mode():
        return [
            [
                layer[0].numpy()
                for layer in model(
                    **tokenizer(text, return_tensors="pt"), output_hidden_states=True
                ).hidden_states
            ]
            for text in TEXTS
        ]


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("mean", lambda top: top.mean(axis=0)),
        ("cls", lambda top: top[0]),
        ("max", lambda top: top.max(axis=0)),
    ],
)
def test_vectors_are_those_of_plain_transformers(embedder, states, pooling, pool):
    wanted = np.stack([pool(layers[-1]) for layers in states])
    np.testing.assert_allclose(embedder.embed(TEXTS, pooling=pooling), wanted, atol=1e-5)


def test_last_four_puts_the_means_of_four_layers_side_by_side(tmp_path):
    import transformers

    config = transformers.AutoConfig.from_pretrained(save_encoder(tmp_path / "two"))
    config.num_hidden_layers = 5
    model = transformers.AutoModel.from_config(config).eval()
    folder = save_encoder(tmp_path / "five")
    model.save_pretrained(folder)
    ids = transformers.AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**ids, output_hidden_states=True).hidden_states
    wanted = np.concatenate([layer[0].mean(dim=0).numpy() for layer in hidden[-4:]])
    found = plaudit.Embedder.load(folder).embed([TEXTS[0]], pooling="last_four")[0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_last_four_of_two_layers_is_refused(embedder):
    with pytest.raises(ConfigError, match="2 layers"):
        embedder.embed(TEXTS, pooling="last_four")


def test_normalised_vectors_have_length_one(embedder):
    lengths = np.linalg.norm(embedder.embed(TEXTS, normalize=True), axis=1)
    np.testing.assert_allclose(lengths, 1.0, atol=1e-6)


def test_windows_pool_over_all_their_tokens(reviews_run, tmp_path):
    """The mean over windows that do not overlap is the mean over all tokens."""
    from plaudit import artifact
    from plaudit.config import TextConfig
    from plaudit.embed import Embedder
    from plaudit.text.encode import TextEncoder

    whole = Embedder.load(reviews_run)
    text = TextConfig(max_tokens=8, policy="windows", stride=0, max_windows=4)
    tokenizer = artifact.load(reviews_run).tokenizer
    cut = Embedder(whole.encoder, TextEncoder(tokenizer, text), whole.cleaning, whole.compute)
    long = "good plot and a great film with the best actor but it was dull"
    [(tokens, states_TD)] = cut.tokens([long])
    assert tokens.count("[CLS]") > 1
    np.testing.assert_allclose(cut.embed([long])[0], states_TD.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(
        cut.embed([long], pooling="max")[0], states_TD.max(axis=0), atol=1e-5
    )
    firsts = states_TD[[i for i, token in enumerate(tokens) if token == "[CLS]"]]
    np.testing.assert_allclose(cut.embed([long], pooling="cls")[0], firsts.mean(axis=0), atol=1e-5)


@pytest.fixture(scope="module")
def reviews_run(tmp_path_factory, tiny_encoder, reviews_file):
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        for page in ("plaudit.report.html.render", "plaudit.report.card.render"):
            patch.setattr(page, lambda document: "")
        config = plaudit.load_config(
            str(reviews_file),
            [
                f"model.encoder={tiny_encoder}", f"out={folder}", "text.max_tokens=32",
                "train.max_steps=2", "evaluate.baseline=false", "evaluate.bootstrap=100",
                "optim.lr=0.05",
            ],
        )  # fmt: skip
        return plaudit.train(config).model


def test_a_fine_tuned_model_gives_its_own_vectors(embedder, reviews_run):
    tuned = plaudit.Embedder.load(reviews_run)
    assert tuned.text_encoder.config.max_tokens == 32
    assert np.abs(tuned.embed(TEXTS) - embedder.embed(TEXTS)).max() > 0.01


def test_parquet_keeps_rows_texts_and_vectors_in_order(
    reviews_file, tiny_encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr(writing, "CHUNK", 100)
    done = plaudit.embed(tiny_encoder, str(reviews_file), tmp_path / "v.parquet", max_tokens=32)
    table = pq.read_table(tmp_path / "v.parquet").to_pydict()
    given = [json.loads(line)["text"] for line in Path(reviews_file).read_text().splitlines()]
    assert (done.rows, done.dimensions) == (240, 32)
    assert table["row"] == list(range(240))
    assert table["text"] == given
    one = plaudit.Embedder.load(tiny_encoder, max_tokens=32).embed([given[217]])[0]
    np.testing.assert_allclose(table["vector"][217], one, atol=1e-5)


def test_labels_come_along_when_asked_for(reviews_file, tiny_encoder, tmp_path):
    plaudit.embed(
        tiny_encoder, str(reviews_file), tmp_path / "v.parquet", columns=Columns("text", "label"),
        max_tokens=32,
    )  # fmt: skip
    labels = pq.read_table(tmp_path / "v.parquet")["label"].to_pylist()
    assert labels[:4] == ["negative", "positive"] * 2


def test_tokens_have_a_vector_each(tiny_encoder, tmp_path):
    (tmp_path / "in.txt").write_text("A good film.\nunwatchable\n", encoding="utf-8")
    plaudit.embed(tiny_encoder, str(tmp_path / "in.txt"), tmp_path / "v.parquet", pooling="tokens")
    rows = pq.read_table(tmp_path / "v.parquet").to_pylist()
    assert rows[1]["tokens"] == ["[CLS]", "un", "##watch", "##able", "[SEP]"]
    assert [np.shape(row["vectors"]) for row in rows] == [(6, 32), (5, 32)]


@pytest.mark.parametrize(
    ("name", "pooling", "says"),
    [
        ("v.csv", "mean", "parquet or .npy"),
        ("v.npy", "tokens", "Name a .parquet"),
        ("v.npy", "median", "it can be cls, mean, max"),
        ("taken.npy", "mean", "never overwritten"),
        ("no/v.npy", "mean", "no folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(tiny_encoder, tmp_path, name, pooling, says):
    (tmp_path / "taken.npy").write_text("mine")
    (tmp_path / "in.txt").write_text("good\n")
    with pytest.raises(ConfigError, match=says):
        plaudit.embed(
            tiny_encoder, str(tmp_path / "in.txt"), tmp_path / name, pooling=pooling
        )  # fmt: skip
    assert (tmp_path / "taken.npy").read_text() == "mine"


def test_nothing_half_written_stays(tiny_encoder, tmp_path, monkeypatch):
    (tmp_path / "in.txt").write_text("good\n", encoding="utf-8")
    monkeypatch.setattr(
        writing.np, "save", lambda *a, **k: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(PlauditError, match=r"v\.npy cannot be written: No space left"):
        plaudit.embed(tiny_encoder, str(tmp_path / "in.txt"), tmp_path / "v.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt"]


def test_an_empty_file_is_an_error(tiny_encoder, tmp_path):
    (tmp_path / "in.txt").write_text("")
    with pytest.raises(DataError, match="no text"):
        plaudit.embed(tiny_encoder, str(tmp_path / "in.txt"), tmp_path / "v.npy")


def test_an_exported_model_is_refused_by_name(reviews_run, tmp_path, monkeypatch):
    from plaudit import artifact

    loaded = artifact.load(reviews_run)
    exported = artifact.Loaded(object(), loaded.tokenizer, loaded.spec, loaded.seen_prints_N)
    monkeypatch.setattr(embedding.artifact, "load", lambda model: exported)
    with pytest.raises(ArtifactError, match="exported"):
        plaudit.Embedder.load(reviews_run)


def test_more_tokens_than_positions_are_refused(tiny_encoder):
    with pytest.raises(ConfigError, match="at most 66"):
        plaudit.Embedder.load(tiny_encoder, max_tokens=512)


def test_the_command_says_what_it_wrote(tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("good\nbad\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["embed", str(tiny_encoder), "in.txt", "v.npy", "--json"])
    assert json.loads(done.stdout) == {"path": "v.npy", "rows": 2, "dimensions": 32}
    again = CliRunner().invoke(app, ["embed", str(tiny_encoder), "in.txt", "v.npy"])
    assert (again.exit_code, "never overwritten" in again.stderr) == (2, True)


@pytest.mark.slow
def test_the_bundled_encoder_gives_the_vectors_of_sentence_transformers():
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from plaudit.model.build import encoder_location

    texts = ["A triumph of a film.", "Dull, and a waste of time. " * 60, "ok"]
    model = sentence_transformers.SentenceTransformer(encoder_location("bundled"), device="cpu")
    wanted = model.encode(texts, normalize_embeddings=True)
    found = plaudit.Embedder.load("bundled", device="cpu").embed(texts, normalize=True)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("columns", [None, Columns("text", "label")])
def test_a_split_of_a_table_that_has_none_is_refused(reviews_file, tiny_encoder, tmp_path, columns):
    def embed(name, split):
        place = tmp_path / name
        return plaudit.embed(
            tiny_encoder, str(reviews_file), place, split=split, columns=columns, max_tokens=8
        )

    with pytest.raises(DataError, match=r"split 'test'\. Leave"):
        embed("v.npy", "test")
    assert embed("all.npy", "all").rows == 240


def test_the_folder_of_a_run_names_the_model_in_it(reviews_run):
    with pytest.raises(ArtifactError, match=f"Did you mean {reviews_run}"):
        plaudit.Embedder.load(Path(reviews_run).parent)


def test_a_device_that_is_not_there_is_named_with_those_that_are(tiny_encoder):
    missing = "cuda" if torch.backends.mps.is_available() else "mps"
    with pytest.raises(ConfigError, match=rf"'{missing}' .*--device.* has: cpu.*or auto"):
        plaudit.Embedder.load(tiny_encoder, device=missing)


def test_a_pooling_that_is_none_is_refused(embedder):
    with pytest.raises(ConfigError, match="pooling is 'median'; it can be cls, mean, max"):
        embedder.embed(["a film"], pooling="median")


def test_half_a_character_does_not_cost_the_file(tiny_encoder, tmp_path):
    (tmp_path / "r.jsonl").write_text('{"text": "good \\ud83d film"}\n{"text": "fine"}\n')
    done = plaudit.embed(tiny_encoder, str(tmp_path / "r.jsonl"), tmp_path / "v.parquet")
    assert done.rows == 2
    texts = pq.read_table(tmp_path / "v.parquet").column("text").to_pylist()
    assert texts == ["good \ufffd film", "fine"]


@pytest.mark.parametrize("columns", [Columns(text="foo"), Columns(label="foo")])
def test_columns_of_what_has_none_are_refused(columns, tiny_encoder, tmp_path):
    (tmp_path / "lines.txt").write_text("good\n")
    with pytest.raises(DataError, match=r"has no columns, so that --(text|label) foo names none"):
        plaudit.embed(
            tiny_encoder, str(tmp_path / "lines.txt"), tmp_path / "v.npy", columns=columns
        )


def test_nothing_that_train_refuses_is_advised(tiny_encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("good\n")
    done = CliRunner().invoke(app, ["embed", str(tiny_encoder), "lines.txt", "v.npy"])
    assert done.exit_code == 0
    assert "next:" not in done.stderr
