"""The notebook of the introduction, run from its first cell to its last on few images."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"
FEWER = [
    "training.epochs=1",
    "training.examples_per_epoch=320",
    "evaluation.robustness_images=10",
    "evaluation.saliency_images=1",
    "evaluation.label_error_threshold=1",
]


@pytest.fixture(scope="module")
def notebook():
    found = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(found)
    return found


@pytest.fixture(scope="module")
def executed(notebook, tmp_path_factory):
    """The notebook after a run beside an artifacts folder of its own."""
    folder = tmp_path_factory.mktemp("checkout") / "docs"
    folder.mkdir()
    shorter = nbformat.from_dict(notebook)
    (parameters,) = (
        cell for cell in shorter.cells if "parameters" in cell.metadata.get("tags", [])
    )
    parameters.source += f"\nSETTINGS += {FEWER}"
    place = {"metadata": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            patch.setenv(variable, str(folder))
        return NotebookClient(
            shorter, timeout=None, kernel_name="python3", resources=place
        ).execute()


def shown(notebook, name):
    """List what a cell showed: its lines, and "picture" for each picture."""
    (cell,) = (cell for cell in notebook.cells if cell.id == name)
    return [
        "picture" if "image/png" in output.get("data", {}) else output.get("text", "table")
        for output in cell.outputs
    ]


def test_notebook_runs_to_its_last_cell_and_shows_every_step(executed):
    outputs = {name: shown(executed, name) for name in ("build", "fit", "evaluate", "labels")}
    assert outputs["build"] == ["141,258 parameters\n", "picture"]
    assert "epoch 1 of 1: accuracy" in "".join(outputs["fit"])
    assert "% (95% interval" in outputs["evaluate"][0]
    assert outputs["labels"] == ["table"]
    for name in ("ingest", "history", "say", "report", "worst"):
        assert shown(executed, name) == ["picture"], name


def test_notebook_is_kept_without_outputs(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells[0].source.startswith('DATASET = "mnist-5k"')
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)
