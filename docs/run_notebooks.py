"""Run the notebooks and keep what they show: python docs/run_notebooks.py [NOTEBOOK ...].

The notices that TensorFlow writes to standard error are left out.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def run(path: Path) -> None:
    """Run a notebook from its first cell to its last, and write it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    metadata = nbformat.from_dict(notebook.metadata)
    NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    ).execute()
    notebook.metadata = metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    nbformat.write(notebook, path)


for given in map(Path, sys.argv[1:] or sorted(FOLDER.glob("*.ipynb"))):
    print(given.name)
    run(given)
