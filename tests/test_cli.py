"""The command line against a stand-in for the API: what it parses, calls, prints and returns."""

import io
import json
import os
import signal
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import plaudit
from plaudit import artifact, labelled
from plaudit.cli import app, main
from plaudit.config import CleanConfig
from plaudit.data.records import Columns
from plaudit.errors import DataError, TrainingError


@dataclass
class Call:
    args: tuple
    kwargs: dict


class Api:
    """Stands where plaudit.run and plaudit.predict stand, and remembers what it was asked."""

    spec = types.SimpleNamespace(clean=CleanConfig())

    def __init__(self):
        self.calls = []
        self.error = None
        self.read = []

    def _called(self, *args, **kwargs):
        self.calls.append(Call(args, kwargs))
        if self.error is not None:
            raise self.error

    def train(self, config, *, watcher=None):
        self._called(config)
        if watcher is not None:
            watcher.say("the data is here")
        folder = Path(config.out) / config.name
        report = {"accuracy": 0.9, "auc": float("nan")}
        return types.SimpleNamespace(folder=folder, model=folder / "model", report=report)

    def evaluate(self, model, data, *, watcher=None, **options):
        self._called(model, data, **options)
        return {
            "rows": 1234,
            "split": options["split"] or "test",
            "labels": ["neg\x1b[2J", "pos"],
            "metrics": {
                "accuracy": {"value": 0.9, "low": 0.85, "high": 0.95},
                "roc_auc": {"value": None, "low": None, "high": None},
            },
        }

    def rebuild_report(self, run):
        self._called(run)
        return run / "model" / "report.html"

    def load(self, model, *, device="auto"):
        self._called(model, device=device)
        return self

    def predict(self, texts):
        self.read.append(list(texts))
        return [
            types.SimpleNamespace(
                label="pos",
                probability=0.75,
                probabilities={"neg": 0.25, "pos": 0.75},
                unsure="unsure" in text,
                possible=None,
            )
            for text in texts
        ]


@pytest.fixture
def api(monkeypatch, tmp_path):
    fake = Api()
    predict = types.SimpleNamespace(Classifier=fake)
    summary = types.SimpleNamespace(headline=lambda report: f"accuracy {report['accuracy']}\x1b[1m")
    monkeypatch.setitem(sys.modules, "plaudit.run", fake)
    monkeypatch.setattr(plaudit, "run", fake, raising=False)
    monkeypatch.setitem(sys.modules, "plaudit.predict", predict)
    either = types.SimpleNamespace(load=fake.load, LabelSet=tuple)
    monkeypatch.setitem(sys.modules, "plaudit.multilabel", either)
    spec = types.SimpleNamespace(pairs=False, text_pair_column=None, text_column=None)
    for module in (artifact, labelled):
        monkeypatch.setattr(module, "read_spec", lambda folder: spec)
    monkeypatch.setitem(sys.modules, "plaudit.report.summary", summary)
    monkeypatch.chdir(tmp_path)
    return fake


def plaudit_(*args, stdin=None):
    return CliRunner().invoke(app, list(args), input=stdin, prog_name="plaudit")


def test_train_resolves_what_is_asked_and_prints_the_result(api):
    done = plaudit_("train", "bundled", "optim.lr=3e-5", "name=mine")
    assert done.exit_code == 0
    (call,) = api.calls
    assert (call.args[0].data.train, call.args[0].optim.lr) == ("bundled", 3e-5)
    assert done.stdout.splitlines() == [
        "accuracy 0.9\\x1b[1m",
        "report: runs/mine/model/report.html",
        "model:  runs/mine/model",
    ]
    assert done.stderr == "the data is here\nnext: plaudit predict runs/mine/model 'A triumph.'\n"


def test_train_as_json_prints_one_strict_document(api):
    done = plaudit_("train", "bundled", "--json", "--quiet")
    document = json.loads(done.stdout)
    assert document["folder"] == "runs/bundled"
    assert document["model"] == "runs/bundled/model"
    assert document["report"] == {"accuracy": 0.9, "auc": None}
    assert "the data is here" not in done.stderr


def test_a_mistake_in_the_settings_is_the_users_and_starts_nothing(api):
    done = plaudit_("train", "bundled", "optim.lrr=1", "train.epochs=-1")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "plaudit:",
        "  optim.lrr=1: optim.lrr is not a setting; did you mean optim.lr?",
        "  train.epochs=-1: train.epochs must be a number above 0 and up to 100000, not -1.",
    ]
    assert api.calls == []


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("r.csv:3: no \x1b[31mlabel"), 2, "plaudit: r.csv:3: no \\x1b[31mlabel\n"),
        (TrainingError("the loss is not a number"), 1, "plaudit: the loss is not a number\n"),
        (KeyboardInterrupt(), 130, "plaudit: interrupted\n"),
        (ZeroDivisionError("oh\nno"), 1, "plaudit: ZeroDivisionError: oh (PLAUDIT_DEBUG=1"),
        (MemoryError(), 1, "plaudit: MemoryError: no message (PLAUDIT_DEBUG=1"),
        (BrokenPipeError(), 0, ""),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_errors_become_one_message_and_an_exit_code(api, monkeypatch, error, code, said, flags):
    monkeypatch.delenv("PLAUDIT_DEBUG", raising=False)
    monkeypatch.setattr("plaudit.console._discard_output", lambda: None)
    api.error = error
    done = plaudit_("train", "bundled", *flags)
    assert done.exit_code == code
    assert done.stdout == ""
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr


def test_a_traceback_is_shown_when_asked_for(api, monkeypatch):
    monkeypatch.setenv("PLAUDIT_DEBUG", "1")
    api.error = ZeroDivisionError("oh")
    done = plaudit_("train", "bundled")
    assert done.exit_code == 1
    assert "Traceback" in done.stderr


def test_help_of_train_shows_every_setting_with_its_default():
    from plaudit.config import describe

    done = plaudit_("train", "--help")
    assert done.exit_code == 0
    assert "optim.lr = 0.0001" in done.stdout
    for setting in describe():
        assert f"  {setting.key} = " in done.stdout
        assert setting.help in done.stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["evaluate", "m"], "Missing argument 'DATA'"),
        (["train", "--jsn"], "--json"),
    ],
)
def test_usage_errors_exit_2(args, said):
    done = plaudit_(*args)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_version():
    assert plaudit_("--version").stdout == f"plaudit {plaudit.__version__}\n"


def test_evaluate_passes_everything_on(api):
    labels = '{"1-4" = "neg", "7-10" = "pos"}'
    asked = ["--split", "test", "--text", "body", "--label", "stars", "--labels", labels]
    done = plaudit_("evaluate", "runs/a b/model", "r.csv", *asked)
    assert done.exit_code == 0
    (call,) = api.calls
    assert call.args == ("runs/a b/model", "r.csv")
    mapping = {"1-4": "neg", "7-10": "pos"}
    assert call.kwargs["split"] == "test"
    assert call.kwargs["columns"] == Columns("body", "stars", mapping)
    assert done.stdout.splitlines() == [
        "1,234 rows (test), labels neg\\x1b[2J, pos",
        "accuracy             0.9000   0.8500 to 0.9500",
        "roc_auc              undefined",
    ]
    assert done.stderr == "next: plaudit predict 'runs/a b/model' 'A triumph.'\n"


def test_evaluate_writes_the_document_that_it_prints(api):
    done = plaudit_("evaluate", "m", "r.csv", "--out", "scores.json", "--json")
    assert json.loads(done.stdout)["metrics"]["accuracy"]["low"] == 0.85
    assert Path("scores.json").read_text() == done.stdout
    assert list(Path().iterdir()) == [Path("scores.json")]
    assert api.calls[0].kwargs["columns"] == Columns()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("scores.json", "scores.json exists and is never overwritten; choose another name."),
        ("r.csv", "r.csv exists and is never overwritten"),
        ("folder", "folder exists"),
        ("dangling", "dangling exists"),
        ("folder/none/scores.json", "there is no folder folder/none"),
        ("r.csv/scores.json", "there is no folder r.csv"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_loaded(api, place, said):
    for name in ("scores.json", "r.csv"):
        Path(name).write_text("precious")
    Path("folder").mkdir()
    Path("dangling").symlink_to("nowhere")
    done = plaudit_("evaluate", "m", "r.csv", "--out", place)
    assert done.exit_code == 2
    assert said in done.stderr
    assert api.calls == []
    assert Path("scores.json").read_text() == Path("r.csv").read_text() == "precious"


def test_a_result_that_cannot_be_written_is_still_shown(api, monkeypatch):
    def full(path, text, **kwargs):
        path.touch()
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    done = plaudit_("evaluate", "m", "r.csv", "--out", "scores.json")
    assert done.exit_code == 1
    assert "no space left" in done.stderr
    assert "accuracy " in done.stdout
    assert list(Path().iterdir()) == []


def test_a_file_that_appeared_meanwhile_is_kept(api, monkeypatch):
    def appear(document):
        Path("s").write_text("mine")
        return []

    monkeypatch.setattr("plaudit.cli.models.scores", appear)
    assert plaudit_("evaluate", "m", "r.csv", "--out", "s").exit_code == 2
    assert Path("s").read_text() == "mine"


@pytest.mark.parametrize("args", [("evaluate", "m", "r.csv"), ("predict", "m", "good")])
def test_the_device_is_passed_on(api, args):
    for asked, device in (([], "auto"), (["--device", "cuda"], "cuda")):
        assert plaudit_(*args, *asked).exit_code == 0
        assert api.calls.pop().kwargs["device"] == device
    done = plaudit_(*args, "--device", "tpu")
    assert done.exit_code == 2
    assert "'auto', 'cpu', 'cuda', 'mps'" in done.stderr
    assert api.calls == []


def test_a_wrong_mapping_is_the_users_mistake(api):
    done = plaudit_("evaluate", "m", "r.csv", "--labels", "pos")
    assert done.exit_code == 2
    assert "data.labels must be a table of names" in done.stderr


def test_predict_answers_arguments_in_order(api):
    done = plaudit_("predict", "m", "A triumph.", "tab\there \x9b2J")
    assert done.stdout == "pos\t0.7500\tA triumph.\npos\t0.7500\ttab\\there \\x9b2J\n"
    assert done.stderr == "next: plaudit evaluate m DATA\n"


def test_predict_says_what_it_is_unsure_of(api):
    done = plaudit_("predict", "m", "surely", "unsurely")
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["pos", "unsure (pos)"]
    lines = plaudit_("predict", "m", "--json", "surely", "unsurely").stdout.splitlines()
    found = [(json.loads(line)["label"], json.loads(line)["unsure"]) for line in lines]
    assert found == [("pos", False), ("pos", True)]


def test_predict_prints_one_json_line_a_text(api):
    done = plaudit_("predict", "m", "--json", "-", stdin="é \x9b one\n\nthree")
    lines = done.stdout.splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["é \x9b one", "", "three"]
    assert json.loads(lines[0])["probabilities"] == {"neg": 0.25, "pos": 0.75}
    assert "é" in lines[0]
    assert "\x9b" not in done.stdout


def test_predict_answers_an_empty_text_and_says_that_it_is_one(api):
    done = plaudit_("predict", "m", "-", stdin="one\n\n<br />\nthree")
    assert done.stdout.count("\n") == 4  # so that answers line up with lines
    assert "ATTENTION: texts that are empty once cleaned: 2." in done.stderr
    assert "ATTENTION" not in plaudit_("predict", "m", "one").stderr


def test_train_of_nothing_starts_no_run(api):
    done = plaudit_("train")
    assert done.exit_code == 2
    assert "plaudit train quickstart" in done.stderr
    assert "--resume RUN" in done.stderr
    assert api.calls == []


def test_two_results_do_not_go_into_one_file(api):
    done = plaudit_("evaluate", "m", "r.csv", "--rows", "x.parquet", "--out", "x.parquet")
    assert done.exit_code == 2
    assert "--out and --rows are both x.parquet; name two files" in done.stderr
    assert api.calls == []


def test_predict_reads_standard_input_when_nothing_is_given(api):
    assert plaudit_("predict", "m", stdin="a\nb\n").stdout.count("\n") == 2
    assert api.read == [["a", "b"]]


def test_predict_reads_one_existing_file(api):
    Path("r.csv").write_text("id,review\n1,good\n2,bad\n")
    plaudit_("predict", "m", "r.csv")
    plaudit_("predict", "m", "r.csv", "--text", "id")
    done = plaudit_("predict", "m", "r.csv", "another")
    assert done.exit_code == 2
    assert "r.csv: that names a file" in done.stderr
    assert api.read == [["good", "bad"], ["1", "2"]]


def test_predict_wants_no_column_where_there_is_no_table(api):
    for given in (["abc"], ["a", "b"], []):
        done = plaudit_("predict", "m", *given, "--text", "review", stdin="abc\n")
        assert done.exit_code == 2
        assert "--text review names a column of a table" in done.stderr
    assert api.read == []


def test_a_mistyped_file_is_not_a_review(api):
    done = plaudit_("predict", "m", "missing.csv")
    assert done.exit_code == 2
    assert "missing.csv: there is no such file" in done.stderr
    assert api.calls == []


def test_input_that_is_not_utf8_is_the_users_mistake(api):
    done = plaudit_("predict", "m", "-", stdin=b"fine\n\xff\n")
    assert done.exit_code == 2
    assert "standard input:2: byte 1 of the line is not UTF-8" in done.stderr


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    (tmp_path / "quickstart.toml").write_text("# Five minutes.\n[train]\nepochs = 1\n")
    monkeypatch.setattr("plaudit.config.shipped.folder", lambda: tmp_path)


def test_recipes_are_listed_printed_and_explained(shelf):
    assert plaudit_("recipes").stdout == "quickstart  Five minutes.\n"
    assert plaudit_("recipes", "quickstart").stdout == "# Five minutes.\n[train]\nepochs = 1\n"
    assert "optim.lr = 0.0001" in plaudit_("recipes", "--keys").stdout
    assert "train.epochs = 1.0" in plaudit_("recipes", "--keys", "quickstart").stdout
    assert plaudit_("recipes", "--keys", "quikstart").exit_code == 2
    done = plaudit_("recipes", "quikstart")
    assert done.exit_code == 2
    assert "did you mean 'quickstart'?" in done.stderr


def test_report_is_rebuilt_and_summarised(api):
    Path("runs/x/model").mkdir(parents=True)
    Path("runs/x/model/report.json").write_text('{"accuracy": 0.5}')
    done = plaudit_("report", "runs/x")
    assert api.calls[0].args == (Path("runs/x"),)
    assert done.stdout == "accuracy 0.5\\x1b[1m\nreport: runs/x/model/report.html\n"


def test_doctor_prints_its_findings(monkeypatch):
    from plaudit import doctor

    monkeypatch.setattr(doctor, "examine", lambda: {"machine": {"python": "3"}})
    monkeypatch.setattr(doctor, "lines", lambda findings: [f"python {findings['machine']}\x07"])
    assert json.loads(plaudit_("doctor", "--json").stdout) == {"machine": {"python": "3"}}
    done = plaudit_("doctor")
    assert done.stdout == "python {'python': '3'}\\x07\n"
    assert done.stderr.startswith("next: plaudit")


def run_python(*args, **kwargs):
    kwargs.setdefault("capture_output", True)
    return subprocess.run([sys.executable, *args], timeout=120, check=False, **kwargs)


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom plaudit.cli import main\nsys.argv = ['plaudit', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pydantic', 'numpy', 'sklearn', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("words", [["recipes", "--keys"], ["train", "--help"], ["--version"]])
def test_a_reader_that_leaves_early_is_no_error(words):
    command = [sys.executable, "-m", "plaudit", *words]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=120, check=False)
    os.close(write)
    assert done.returncode == 0
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("words", "code"),
    [("recipes quickstart 2>&-", 0), ("recipes nope 2>&-", 2), ("recipes >&-", 0),
     ("predict nowhere -- text <&-", 2), ("--help >/dev/full", 1)],
)  # fmt: skip
def test_a_stream_that_is_closed_or_full_is_no_traceback(words, code):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    # Unbuffered, nothing would be left to be written at exit.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m plaudit {words}', sys.executable],
        capture_output=True, timeout=120, check=False, env=env,
    )  # fmt: skip
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert b"AttributeError" not in done.stderr


def test_a_program_that_calls_main_has_its_own_handler_back(monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "argv", ["plaudit", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_leaves_nothing_half_written(tmp_path):
    code = (
        "import os, signal, sys\nfrom plaudit import cli, console\n"
        "def wait(*args):\n    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        signal.pause()\n    finally:\n        print('cleared')\n"
        "import plaudit.config\nplaudit.config.recipes = wait\n"
        "sys.argv = ['plaudit', 'recipes']\ncli.main()\n"
    )
    done = run_python("-c", code)
    assert done.returncode == 143
    assert done.stdout == b"cleared\n"
    assert done.stderr == b"plaudit: SIGTERM\n"


def test_a_terminal_without_unicode_shows_escapes():
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run_python("-m", "plaudit", "recipes", "é", env=env)
    assert done.returncode == 2
    assert b"'\\xe9' is not a recipe" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_json_is_json_whatever_the_encoding_of_the_terminal(encoding):
    code = (
        "import sys\nfrom plaudit import cli, doctor\n"
        "doctor.examine = lambda: {'folder': 'Žižek 🎬 é \\x9b'}\n"
        "sys.argv = ['plaudit', 'doctor', '--json']\ncli.main()\n"
    )
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = run_python("-c", code, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode(encoding)) == {"folder": "Žižek 🎬 é \x9b"}
    assert ("🎬".encode() in done.stdout) == (encoding == "utf-8")


def test_the_streams_of_a_notebook_need_no_encoding(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "argv", ["plaudit", "--version"])
    from plaudit.cli import main

    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 0
    assert sys.stdout.getvalue() == f"plaudit {plaudit.__version__}\n"
