"""Model folders, recipes and names made by somebody who means harm: refused, inert, nothing run."""

import csv
import hashlib
import json
import os
import pickle
import shutil
import struct
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import plaudit
from plaudit import artifact
from plaudit.cli import app
from plaudit.errors import ArtifactError, ConfigError, PlauditError
from plaudit.model.build import load_encoder, load_tokenizer
from tests.score.stub import scored

HOSTILE = "<script>alert(1)</script>=cmd()\x1b[2J\u202e"


class Bomb:
    """What a pickle can do when it is read: here, write a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return (os.mkdir, (str(self.canary),))


@pytest.fixture
def canary(tmp_path):
    """A path that hostile code would make."""
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "hostile code was run"


@pytest.fixture
def encoder(tiny_encoder, tmp_path):
    return shutil.copytree(tiny_encoder, tmp_path / "encoder")


@pytest.fixture
def model(workshop, tmp_path):
    return shutil.copytree(workshop / "runs" / "quickstart" / "model", tmp_path / "model")


def edit(folder, name, **values):
    """Change settings of a model, and its manifest with them, as its author can."""
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), encoding="utf-8")
    sign(folder, name)


def sign(folder, name):
    path = folder / artifact.MANIFEST
    if path.exists():
        manifest = json.loads(path.read_text("utf-8"))
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        path.write_text(json.dumps(manifest), encoding="utf-8")


def plant(folder, canary):
    """Put code where auto_map would find it."""
    code = f"import os\nos.mkdir({str(canary)!r})\nclass Mine: pass\n"
    (folder / "mine.py").write_text(code)


REMOTE = {
    "config.json": {"AutoConfig": "mine.Mine", "AutoModel": "mine.Mine"},
    "tokenizer_config.json": {"AutoTokenizer": ["mine.Mine", "mine.Mine"]},
}


@pytest.mark.promise("is refused with the reason, and none is run", fault="a model with code")
@pytest.mark.parametrize("kind", [None, "no-such-kind"])
def test_an_encoder_that_brings_code_is_refused_and_its_code_not_run(encoder, canary, kind):
    plant(encoder, canary)
    own = {} if kind is None else {"model_type": kind}
    edit(encoder, "config.json", auto_map=REMOTE["config.json"], **own)
    with pytest.raises(ConfigError, match="asks for code of its own"):
        load_encoder(str(encoder))


def test_a_tokenizer_that_brings_code_is_refused_and_its_code_not_run(encoder, canary):
    plant(encoder, canary)
    name = "tokenizer_config.json"
    edit(encoder, name, auto_map=REMOTE[name], tokenizer_class="Mine")
    with pytest.raises(ConfigError, match="asks for code of its own"):
        load_tokenizer(str(encoder))


@pytest.mark.promise("is refused with the reason, and none is run", fault="a model with code")
@pytest.mark.parametrize("name", [*REMOTE, "mine.py"])
def test_a_model_folder_that_brings_code_is_refused_even_with_a_right_manifest(model, canary, name):
    if name in REMOTE:
        edit(model, name, auto_map=REMOTE[name])
    else:
        plant(model, canary)
    with pytest.raises(ArtifactError, match=rf"{name} (asks for code|is code)"):
        plaudit.Classifier.load(model)


@pytest.mark.promise("is refused or left unread", fault="a model with a pickle")
def test_a_pickle_is_never_read(encoder, canary):
    (encoder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(canary)))
    load_encoder(str(encoder))
    (encoder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"no \.safetensors file; pickled weights can run code"):
        load_encoder(str(encoder))


def test_a_pickle_in_an_array_is_never_read(model, canary):
    objects = np.array([Bomb(canary)], dtype=object)
    np.save(model / artifact.PRINTS, objects, allow_pickle=True)
    sign(model, artifact.PRINTS)
    with pytest.raises(ArtifactError, match="allow_pickle"):
        plaudit.Classifier.load(model)


HARM = {
    "giant header": struct.pack("<Q", 2**62),
    "header beyond the file": struct.pack("<Q", 2**26) + b"{}",
    "not a header": struct.pack("<Q", 2) + b"[]",
    "overlapping": struct.pack("<Q", 66)
    + b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4]}}'
    + b"\0\0\0\0",
}


@pytest.mark.promise("is refused in seconds", fault="weights with a made-up header")
@pytest.mark.parametrize("harm", HARM)
def test_weights_with_a_made_up_header_are_refused_at_once(model, encoder, harm):
    began_s = time.monotonic()
    (encoder / "model.safetensors").write_bytes(HARM[harm])
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_encoder(str(encoder))
    name = next(n for n in (artifact.WEIGHTS, artifact.OWN_WEIGHTS) if (model / n).exists())
    (model / name).write_bytes(HARM[harm])
    sign(model, name)
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        plaudit.Classifier.load(model)
    assert time.monotonic() - began_s < 60


@pytest.mark.promise("is refused with the reason", fault="parts of a model that do not fit")
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("config.json", {"id2label": {"0": "good", "1": "bad"}}),
        ("config.json", {"vocab_size": 3}),
        ("config.json", {"hidden_size": 31}),
        ("config.json", {"num_hidden_layers": 5}),
        ("config.json", {"model_type": "no-such-kind"}),
        ("tokenizer.json", {"model": {"type": "Nonsense"}}),
        ("plaudit.json", {"labels": ["only one"]}),
        ("plaudit.json", {"labels": "negative"}),
        ("plaudit.json", {"files": {"../../etc/passwd": "0" * 64}}),
        ("plaudit.json", {"files": ["config.json"]}),
        ("plaudit.json", {"unheard_of": 1}),
    ],
)
def test_parts_that_do_not_fit_are_refused(model, name, values):
    if name == artifact.MANIFEST:
        path = model / name
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | values), encoding="utf-8")
    else:
        edit(model, name, **values)
    with pytest.raises(ArtifactError):
        plaudit.Classifier.load(model)


@pytest.mark.promise("is refused", fault="a name that leads out of its folder")
@pytest.mark.parametrize("name", ["../out", "/tmp/out", "a/b", "..", ".hidden", "a\nb", "a\0b"])
def test_a_run_cannot_be_written_beside_its_folder(name):
    with pytest.raises(ConfigError, match="name"):
        plaudit.load_config(None, [f"name={json.dumps(name)}"])


def test_a_recipe_runs_nothing_and_reads_nothing_but_what_it_names(tmp_path, canary):
    recipe = tmp_path / "evil.toml"
    recipe.write_text(f"name = \"__import__('os').mkdir({str(canary)!r})\"\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="name"):
        plaudit.load_config(str(recipe))
    recipe.write_text('include = "/etc/passwd"\n')
    with pytest.raises(ConfigError, match="include"):
        plaudit.load_config(str(recipe))


@pytest.mark.promise("are inert on a terminal and in logs", fault="hostile names and labels")
def test_a_hostile_file_name_is_inert_in_every_message(workshop, tmp_path):
    name = HOSTILE.replace("/", "|")
    (tmp_path / f"{name}.csv").write_text("text\nfine\n\n", encoding="utf-8")
    (tmp_path / f"{name}.jsonl").write_text('{"text": "fine"}\nno\n', encoding="utf-8")
    model = workshop / "runs" / "quickstart" / "model"
    asked = [
        ("score", model, tmp_path / f"{name}.jsonl", tmp_path / f"{name}.out.csv"),
        ("score", model, tmp_path / f"{name}.csv", tmp_path / "no" / f"{name}.csv"),
        ("evaluate", model, tmp_path / f"{name}.csv"),
        ("predict", model, tmp_path / f"no{name}.csv"),
        ("train", tmp_path / f"{name}.csv"),
        ("evaluate", tmp_path / name, tmp_path / f"{name}.csv"),
    ]
    for words in asked:
        done = CliRunner().invoke(app, [*map(str, words)], prog_name="plaudit")
        said = done.stdout + done.stderr
        assert "<script>" in said, words
        assert not {"\x1b", "\u202e"} & set(said), words


@pytest.mark.promise("are inert in CSV with --excel-safe", fault="hostile names and labels")
def test_hostile_labels_are_inert_in_csv(tmp_path):
    from plaudit.predict import Prediction

    class Evil:
        labels = ("=HYPERLINK(1)", "@b\n")

        def predict(self, texts):
            return [Prediction(self.labels[0], 1.0, dict.fromkeys(self.labels, 0.5))] * len(texts)

    data = tmp_path / "in.csv"
    data.write_text("text\nfine\n")
    out = tmp_path / "out.csv"
    scored(data, out, Evil(), excel_safe=True, probabilities=True)
    with out.open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)
    assert row[1] == "'=HYPERLINK(1)"
    assert not [cell for cell in (*header, *row) if cell[0] in "=+-@\t\r"]


def test_hostile_text_in_quarantine_is_ascii_and_one_line_a_row(tmp_path):
    data, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    data.write_text('{"text": "fine"}\n{"text": "' + HOSTILE + "\n", encoding="utf-8")
    scored(data, out)
    lines = (tmp_path / "out.jsonl.quarantine.jsonl").read_text("ascii").splitlines()
    assert json.loads(lines[0])["beginning"].startswith('{"text": "<script>')
    assert len(lines) == 1
    assert "\x1b" not in lines[0]


def test_every_refusal_is_the_users_to_mend():
    assert issubclass(ArtifactError, PlauditError)
    assert {ArtifactError.exit_code, ConfigError.exit_code} == {2}
