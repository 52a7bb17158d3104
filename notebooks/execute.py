"""Execute the notebook as the chosen setting has it, and keep its outputs in place.

It uses the setting that the machine suggests; the environment variable PLAUDIT_NOTEBOOK names
another. It runs in a folder of its own, so that tables and models are not left beside it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("finetune_bert_imdb.ipynb")
CELL_SECONDS = 7200


def main() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    started = time.monotonic()

    def tell(cell: nbformat.NotebookNode, cell_index: int, **_: object) -> None:
        if cell.cell_type == "code":
            first = cell.source.partition("\n")[0]
            print(f"{time.monotonic() - started:6.0f} s  cell {cell_index}: {first}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
            on_cell_executed=tell,
        )
        client.execute()
    # The version of the interpreter is this machine's, and of no use to a reader.
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
