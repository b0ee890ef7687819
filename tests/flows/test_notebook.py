"""The notebooks of the documentation, run from the first cell to the last on few images."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ("mnist_with_keras", "tutorial")
FEWER = {
    "training.epochs": 1,
    "training.examples_per_epoch": 320,
    "evaluation.robustness_images": 10,
    "evaluation.saliency_images": 1,
    "evaluation.label_error_threshold": 1,
}
MOST_BYTES = 400_000


def read(name):
    found = nbformat.read(DOCS / f"{name}.ipynb", as_version=4)
    nbformat.validate(found)
    return found


def execute(name, parameters, folder):
    """Run a notebook beside an artifacts folder of its own, with more parameters."""
    folder.mkdir()
    shorter = read(name)
    (cell,) = (one for one in shorter.cells if "parameters" in one.metadata.get("tags", []))
    cell.source += f"\n{parameters}"
    place = {"metadata": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            patch.setenv(variable, str(folder))
        return NotebookClient(
            shorter, timeout=None, kernel_name="python3", resources=place
        ).execute()


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    lines = [f"{key}={value}" for key, value in FEWER.items()]
    folder = tmp_path_factory.mktemp("checkout") / "docs"
    return execute("tutorial", f"SETTINGS += {lines}", folder)


@pytest.fixture(scope="module")
def beside_keras(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout") / "docs"
    return execute("mnist_with_keras", f"EPOCHS = 1\nSETTINGS |= {FEWER}", folder)


def shown(notebook, name):
    """List what a cell showed: its lines, and "picture" for each picture."""
    (cell,) = (cell for cell in notebook.cells if cell.id == name)
    return [
        "picture" if "image/png" in output.get("data", {}) else output.get("text", "table")
        for output in cell.outputs
        if output.get("name") != "stderr"
    ]


@pytest.mark.campaign
def test_tutorial_shows_every_stage(tutorial):
    outputs = {name: shown(tutorial, name) for name in ("build", "fit", "evaluate", "labels")}
    assert outputs["build"] == ["141,258 parameters\n", "picture"]
    assert "epoch 1 of 1: accuracy" in "".join(outputs["fit"])
    assert "% (95% interval" in outputs["evaluate"][0]
    assert outputs["labels"] == ["table"]
    for name in ("ingest", "history", "say", "report", "worst"):
        assert shown(tutorial, name) == ["picture"], name


@pytest.mark.campaign
def test_network_of_keras_and_that_of_sightline_are_equal_and_both_are_trained(beside_keras):
    assert shown(beside_keras, "build") == ["141,258 parameters\n"]
    lines = "".join(shown(beside_keras, "train"))
    assert "recipe tutorial\n" in lines
    assert "Epoch 1/1  accuracy " in lines
    assert "\x1b" not in lines, "codes of a terminal"
    (cell,) = (cell for cell in beside_keras.cells if cell.id == "comparison")
    counts = cell.outputs[0].data["text/plain"].splitlines()[1]
    assert counts.split() == ["parameters", "141258", "141258"]
    assert shown(beside_keras, "use") == ["table"]


@pytest.mark.campaign
def test_cell_shows_a_run_as_a_card(beside_keras):
    (cell,) = (cell for cell in beside_keras.cells if cell.id == "run")
    card = cell.outputs[0].data["text/html"]
    assert "Test accuracy" in card
    assert card.count("data:image/png") == 3
    assert 'href="../artifacts/runs/' in card


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_kept_as_it_was_run_without_notices_and_paths(name):
    cells = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"]
    assert cells[0].source.startswith('DATASET = "mnist-5k"')
    text = (DOCS / f"{name}.ipynb").read_text()
    assert str(DOCS.parent) not in text
    assert len(text) < MOST_BYTES
