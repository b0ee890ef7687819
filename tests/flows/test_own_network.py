"""A network of the user's own in a run."""

from pathlib import Path

import pytest

from sightline.errors import ConfigError, RunError
from sightline.experiments import reproduce, run_folder
from sightline.flows.preflight import preflight
from sightline.flows.train import training_flow
from sightline.pipeline.process import keras_process
from sightline.records import Run
from sightline.storage import digests
from sightline.storage.workspace import Workspace
from tiny_run import tiny

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")

SOURCE = """
import keras

def network(image_shape, num_classes):
    return keras.Sequential([
        keras.Input(image_shape),
        keras.layers.Flatten(),
        keras.layers.Dense(num_classes, activation="softmax"),
    ])
"""
CUSTOM = ("model.architecture=custom", "model.build=own_network_of_a_run:network")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module in the folder in which the run and its Keras process start."""
    keras_process().close()
    monkeypatch.chdir(tmp_path)
    path = Path("own_network_of_a_run.py")
    path.write_text(SOURCE)
    yield path
    keras_process().close()


def test_source_of_the_network_is_part_of_the_run(data, module, tmp_path):
    workspace, config = Workspace(tmp_path / "artifacts"), tiny(data, *CUSTOM)
    training_flow(config, Run(id="own", workspace=workspace))
    manifest = run_folder.read(workspace, "own")
    assert manifest.config.model.sha256 == digests.sha256(module)
    assert [layer.kind for layer in manifest.records.build.layers][1:] == ["Flatten", "Dense"]
    again = preflight(config, Run(id="again", workspace=workspace), compare=True)
    assert again.unchanged
    module.write_text(SOURCE.replace("Flatten", "GlobalAveragePooling2D"))
    changed = preflight(config, Run(id="again", workspace=workspace), compare=True)
    assert "model.sha256" in changed.changes.sentence
    planned, run = reproduce.plan(workspace, manifest, changed.source)
    with pytest.raises(ConfigError, match=r"model\.build.*SHA-256"):
        preflight(planned, run)
    training_flow(config, Run(id="again", workspace=workspace))
    kinds = [layer.kind for layer in run_folder.read(workspace, "again").records.build.layers]
    assert kinds[1:] == ["GlobalAveragePooling2D", "Dense"]


def test_network_that_cannot_be_exported_ends_the_run_with_its_layer(data, module, tmp_path):
    module.write_text(SOURCE.replace("Flatten()", "Lambda(lambda x: x[:, 0, 0], name='corner')"))
    run = Run(id="own", workspace=Workspace(tmp_path / "artifacts"))
    with pytest.raises((RunError, ConfigError), match="'corner'"):
        training_flow(tiny(data, *CUSTOM), run)
