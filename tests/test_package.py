"""What ``import plaudit`` offers, whatever was imported before."""

import subprocess
import sys

import pytest

import plaudit


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


def test_the_package_says_what_it_has():
    assert set(plaudit.__all__) <= set(dir(plaudit))
    assert plaudit.load_config("imdb", ["seed=3"]).seed == 3
    assert isinstance(plaudit.load_config(), plaudit.Config)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        plaudit.trian  # noqa: B018
