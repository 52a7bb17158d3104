"""What the documents point to exists: files, make targets, commands, settings."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

import plaudit
from tests.commands import commands_in, mistakes

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "finetune_bert_imdb.ipynb"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


# Figures are written last: what stands for one until then must not be published.
PLACEHOLDER = re.compile(r"\b(?!PLAUDIT_|HF_|RLIMIT_)[A-Z]{3,}_[A-Z]{3,}\w*")


def code_in(text):
    """Return what stands in code fences and between backquotes."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (document.parent / link).exists()] == []


def prose_in(text):
    """Return what stands outside of code fences and backquotes."""
    return re.sub(r"```.*?```|`[^`\n]+`", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_no_placeholder_is_left(document):
    assert PLACEHOLDER.findall(prose_in(document.read_text(encoding="utf-8"))) == []


def test_no_placeholder_is_left_in_a_recipe():
    from plaudit.config import recipes

    assert {each.name: PLACEHOLDER.findall(each.header) for each in recipes()} == {
        each.name: [] for each in recipes()
    }


def test_placeholders_are_told_from_names():
    assert PLACEHOLDER.findall("TABLE_MEASURED, BENCH_PADDING_512 of") == [
        "TABLE_MEASURED",
        "BENCH_PADDING_512",
    ]
    known = "PLAUDIT_IMDB, PLAUDIT_CACHE, HF_HUB_OFFLINE, ROC-AUC, ids_BT, README.md, `A_FIELD`"
    assert PLACEHOLDER.findall(prose_in(known + "\n```\nSOME_CONSTANT\n```")) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_make_targets_exist(document):
    named = set(re.findall(r"\bmake ([a-z]+)\b", code_in(document.read_text(encoding="utf-8"))))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_commands_and_settings_exist(name):
    from plaudit.cli import app
    from plaudit.config import describe, recipes

    code = code_in((ROOT / name).read_text(encoding="utf-8"))
    commands = {command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"^\s*(?:\$ )?plaudit ([a-z]+)", code, re.MULTILINE))
    assert named <= commands
    trained = set(re.findall(r"\bplaudit train ([a-z][a-z0-9-]*)(?=\s|$|`)", code, re.MULTILINE))
    assert trained <= {recipe.name for recipe in recipes()} | {"imdb", "bundled"}
    settings = {setting.key for setting in describe()}
    sections = {key.partition(".")[0] for key in settings if "." in key}
    for section, rest in re.findall(r"\b([a-z]+)\.([a-z_]+)=", code):
        assert section not in sections or f"{section}.{rest}" in settings


@pytest.mark.parametrize(
    "name", ["README.md", "docs/concepts.md", "docs/measured.md", "docs/results.md"]
)
def test_every_command_line_parses_and_its_settings_resolve(name):
    lines = commands_in((ROOT / name).read_text(encoding="utf-8"))
    assert lines
    assert {line: found for line in lines if (found := mistakes(line))} == {}


def test_the_notebooks_command_lines_parse():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    prose = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    lines = commands_in(prose)
    assert lines
    assert {line: found for line in lines if (found := mistakes(line))} == {}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("plaudit trian quickstart", "no command trian"),
        ("plaudit --ofline predict M x", "no option --ofline"),
        ("plaudit train quickstart optim.rate=1", "optim.rate"),
        ("plaudit train quickstrat", "no recipe quickstrat"),
        ("plaudit train quickstart text.policy=middle", "middle"),
        ("plaudit ablate quickstart text.policy=head,middle", "middle"),
        ("plaudit ablate quickstart text.policy=head,tail --seed 3", "--seed"),
        ("plaudit export MODEL --fromat onnx", "no option --fromat"),
        ("plaudit embed bundled", "Missing"),
    ],
)
def test_a_wrong_command_line_is_found(line, wrong):
    [found] = mistakes(line)
    assert wrong in found


def test_command_lines_are_found_in_fences_and_between_backquotes():
    text = (
        "`plaudit train\nquickstart` and\n```\n$ plaudit doctor   # looks\nmake x\n```\n`plaudit`"
    )
    assert commands_in(text) == ["plaudit doctor", "plaudit train quickstart"]


def test_every_make_target_is_explained():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    assert set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE)) == set(phony)


@pytest.mark.parametrize("verb", sorted(plaudit._VERBS))
def test_every_verb_of_the_api_has_an_example_that_runs(verb):
    module, name = plaudit._VERBS[verb]
    document = getattr(import_module(module), name).__doc__
    assert re.search(rf"^ +>>> .*\bplaudit\.{verb}\(", document, re.MULTILINE)
    assert "+SKIP" not in document
