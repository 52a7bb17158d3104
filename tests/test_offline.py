"""--offline: no verb opens a connection, and what needs one says so."""

import json
import os
import shutil
import subprocess
import sys

import pytest

# An audit hook sees every socket of the process, whatever opens it, and cannot be taken away.
CODE = """
import json, sys
opened = []
def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        opened.append(event)
        raise OSError("a connection was tried: " + event)
sys.addaudithook(refuse)
from plaudit.cli import main
codes = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["plaudit", *words]
    try:
        main()
    except SystemExit as stop:
        codes.append(stop.code or 0)
print(json.dumps({"codes": codes, "opened": opened}), file=sys.stderr)
"""
MODEL = "runs/quickstart/model"
DONE = [
    ["train", "reviews.toml", "train.epochs=1", "name=off", "--quiet"],
    ["evaluate", MODEL, "reviews.csv"],
    ["predict", MODEL, "A triumph."],
    ["score", MODEL, "reviews.csv", "scored.csv", "--text", "text"],
    ["embed", "tiny-bert", "reviews.csv", "vectors.npy"],
    ["report", "runs/off"],
    ["doctor"],
    ["recipes"],
]
REFUSED = [
    ["train", "hub:stanfordnlp/imdb", "model.encoder=tiny-bert"],
    ["train", "reviews.csv", "model.encoder=hub:google-bert/bert-base-uncased"],
    ["push", MODEL, "me/mine"],
]


def without_network(folder, commands):
    """Run commands in one process that may open no connection; in a namespace without any, too."""
    away = ["unshare", "--map-root-user", "--net"] if shutil.which("unshare") else []
    if away and subprocess.run([*away, "true"], capture_output=True, check=False).returncode:
        away = []  # not permitted here; the audit hook is the stricter of the two anyhow
    switches = {"PLAUDIT_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}
    env = {name: value for name, value in os.environ.items() if name not in switches}
    words = json.dumps([["--offline", *command] for command in commands])
    done = subprocess.run(
        [*away, sys.executable, "-c", CODE, words],
        cwd=folder, env=env, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    *said, last = done.stderr.splitlines()
    return json.loads(last) | {"said": "\n".join(said), "out": done.stdout}


@pytest.fixture(scope="module")
def found(workshop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("offline")
    shutil.copytree(workshop, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAUDIT_CACHE", str(folder / "cache"))
        return without_network(folder, [*DONE, *REFUSED])


@pytest.mark.promise("no connection is tried, and local work is done", fault="--offline")
def test_every_verb_does_its_work_without_a_connection(found):
    assert found["opened"] == []
    assert found["codes"][: len(DONE)] == [0] * len(DONE), found["said"]


@pytest.mark.promise("is refused and says what to do", fault="--offline, and a name on the hub")
def test_what_needs_the_hub_says_so_and_what_to_do(found):
    assert found["codes"][len(DONE) :] == [2] * len(REFUSED), found["said"]
    assert found["said"].count("PLAUDIT_OFFLINE forbids the network (unset it") == 2
    assert "plaudit push needs the network" in found["said"]
