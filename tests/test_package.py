"""What ``import plaudit`` offers, whatever was imported before."""

import ast
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest

import plaudit

SOURCE = Path(plaudit.__file__).parent
# What brings torch, which is not at stake where the order of imports is: seconds for each process.
BELOW_PREDICT = (
    "plaudit.artifact",
    "plaudit.model.device",
    "plaudit.model.infer",
    "plaudit.text.encode",
)


def python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_plaudit_imports_nothing_heavy():
    python(
        "import sys, plaudit\n"
        "plaudit.__version__, dir(plaudit)\n"
        "assert not {'torch', 'transformers', 'pydantic', 'numpy'} & set(sys.modules)\n"
    )


@pytest.mark.parametrize(
    "before", ["", "import plaudit.train, plaudit.evaluate", "import plaudit.train.loop as loop"]
)
def test_verbs_that_are_also_rooms_are_both_in_any_order(before):
    python(
        f"import sys, types\n{before}\n"
        "run = types.SimpleNamespace(train=lambda c, watcher=None: ('ran', c, watcher),\n"
        "                            evaluate=lambda m, d: ('scored', m, d))\n"
        "sys.modules['plaudit.run'] = run\n"
        "import plaudit\n"
        "assert plaudit.train('config', watcher=1) == ('ran', 'config', 1)\n"
        "from plaudit import evaluate, train\n"
        "assert train('config') == ('ran', 'config', None)\n"
        "assert evaluate('m', 'd') == ('scored', 'm', 'd')\n"
        "import plaudit.evaluate.metrics as metrics\n"
        "assert plaudit.evaluate.metrics is metrics\n"
    )


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import plaudit.predict, plaudit.doctor, plaudit.report, plaudit.recipes",
        "from plaudit.predict import Classifier",
        "import plaudit.report.words as words",
        "import plaudit.cli",
        "from plaudit import Classifier, load_config",
    ],
)
def test_every_verb_of_the_command_line_is_a_function_in_any_order(before):
    python(
        "import sys, types\n"
        "from unittest.mock import MagicMock\n"
        f"sys.modules |= {{name: MagicMock() for name in {BELOW_PREDICT}}}\n"
        f"{before}\n"
        "import plaudit\n"
        "assert plaudit.recipes()[0].name == 'quickstart'\n"
        "plaudit.doctor.examine = lambda: 'facts'\n"
        "assert plaudit.doctor() == 'facts'\n"
        "class Fake:\n"
        "    def load(model, *, device): return Fake()\n"
        "    def predict(self, texts): return [text.upper() for text in texts]\n"
        "plaudit.predict.Classifier = Fake\n"
        "import plaudit.multilabel\n"
        "plaudit.multilabel.load = Fake.load\n"
        "assert plaudit.predict('m', ['a', 'b']) == ['A', 'B']\n"
        "assert plaudit.Classifier is plaudit.predict.Classifier is Fake\n"
        "sys.modules['plaudit.run'] = types.SimpleNamespace(rebuild_report=lambda r: ('new', r))\n"
        "assert plaudit.report('runs/x') == ('new', 'runs/x')\n"
        "import plaudit.report.words as words\n"
        "assert plaudit.report.words is words\n"
        "from plaudit import doctor, predict, recipes, report\n"
        "assert [callable(verb) for verb in (doctor, predict, recipes, report)] == [True] * 4\n"
    )


def test_every_command_has_its_function():
    from plaudit.cli import app

    commands = {command.callback.__name__ for command in app.registered_commands}
    assert commands <= set(plaudit.__all__)
    assert all(callable(getattr(plaudit, name)) for name in commands)


# What a declared dependency is built on, and brings along whatever its version.
BROUGHT = {
    "huggingface_hub": "datasets",
    "markupsafe": "jinja2",
    "pyarrow": "datasets",
    "scipy": "scikit-learn",
}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


def test_every_package_that_is_imported_is_declared():
    declared = {re.match(r"[\w.-]+", line)[0].lower() for line in requires("plaudit")}
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCE.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    roots = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"plaudit"}
    needed = {BROUGHT.get(root, DISTRIBUTIONS.get(root, root)) for root in roots}
    assert needed - declared == set()


def test_the_package_says_what_it_has():
    assert set(plaudit.__all__) <= set(dir(plaudit))
    assert {"predict", "recipes", "doctor", "report"} <= set(plaudit.__all__)
    assert plaudit.load_config("imdb", ["seed=3"]).seed == 3
    assert isinstance(plaudit.load_config(), plaudit.Config)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        plaudit.trian  # noqa: B018
