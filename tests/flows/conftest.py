import shutil
from pathlib import Path

import pytest

from examples import write_npz
from sightline.pipeline.process import keras_process
from sightline.records import Run
from sightline.storage.workspace import Workspace
from tiny_run import tiny


@pytest.fixture(scope="session")
def keras():
    yield
    keras_process().close()


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return write_npz(tmp_path_factory.mktemp("data") / "textures.npz")


@pytest.fixture(scope="session")
def first(prefect_api, keras, data, tmp_path_factory):
    """The one run that all tests of the flows share, in a workspace that none of them changes."""
    from sightline.flows.train import training_flow

    workspace = Workspace(tmp_path_factory.mktemp("first") / "artifacts")
    return training_flow(tiny(data), Run(id="first", workspace=workspace))


@pytest.fixture(scope="module")
def root(first, tmp_path_factory):
    """An artifacts root that the tests of a file share: a copy of the one with the first run."""
    copy = tmp_path_factory.mktemp("copy") / "artifacts"
    return shutil.copytree(Path(first.run_dir).parents[1], copy)
