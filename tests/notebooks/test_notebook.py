"""The notebook runs from top to bottom, and what is committed of it shows nobody's machine."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "finetune_bert_imdb.ipynb"


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed(
    notebook: nbformat.NotebookNode, tmp_path_factory: pytest.TempPathFactory
) -> nbformat.NotebookNode:
    """The notebook after a run on its small setting, in a folder of its own."""
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAUDIT_NOTEBOOK", "small")
        patch.setenv("PLAUDIT_CACHE", str(folder / "cache"))
        patch.setenv("PLAUDIT_OFFLINE", "1")
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "jupyter"))
        patch.setenv(
            "PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        )
        client = NotebookClient(
            nbformat.from_dict(notebook),
            timeout=240,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
        )
        return client.execute()


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(each["text"] for each in cell.outputs if each.output_type == "stream")


def cell_with(notebook: nbformat.NotebookNode, words: str) -> nbformat.NotebookNode:
    [found] = [c for c in notebook.cells if c.cell_type == "code" and words in c.source]
    return found


# nbclient's kernel speaks over sockets that warn of what its own machine has or lacks.
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_it_runs_from_top_to_bottom_on_the_small_setting(executed):
    assert printed(cell_with(executed, "SETTINGS = {")).startswith("small ")
    assert "plaudit " in printed(cell_with(executed, "run = plaudit.train("))
    # A kernel that runs something else on standard error has something to tell the reader.
    told = [o for c in executed.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    assert told == []


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_text_keeps_its_vector_beside_padding_only_with_its_mask(executed):
    shown = printed(cell_with(executed, "def mean_vector"))
    with_mask, without = (float(each) for each in re.findall(r"alone (-?\d\.\d+)", shown))
    assert with_mask == 1.0
    assert without < 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_pooling_in_the_open_gives_the_vectors_that_embed_gives(executed):
    shown = printed(cell_with(executed, "plaudit.Embedder.load"))
    assert float(re.search(r"above: (\S+)", shown)[1]) < 1e-4


def test_what_is_committed_was_run_in_one_go(notebook):
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not printed(cell_with(notebook, "SETTINGS = {")).startswith("small ")
    assert sum("image/png" in o.get("data", {}) for c in code for o in c.outputs) >= 5
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)


def test_what_is_committed_is_small_and_shows_no_machine(notebook):
    assert NOTEBOOK.stat().st_size < 1_000_000
    shown = "".join(
        printed(cell) + "".join(str(o.get("data", {}).get("text/plain", "")) for o in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    )
    assert (
        re.findall(r"(?:/home|/root|/Users|/tmp|/work|/usr|/opt|[A-Z]:\\)[\w/\\.-]*", shown) == []
    )
    assert not re.search(rf"\b{re.escape(platform.node())}\b", shown)
    assert "execution" not in {key for cell in notebook.cells for key in cell.metadata}


def test_its_links_and_files_exist(notebook):
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    named = re.findall(r"`(docs/[\w./-]+)`", prose)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
