import keras
import pytest

import published_textures
from run_to_predict import RUN_ID, publish
from sightline.pipeline.process import keras_process
from sightline.prediction.model import find
from sightline.storage.workspace import Workspace


@pytest.fixture(scope="session")
def published(textures):
    """The run of the trained textures, and the Keras process that uses its model."""
    yield published_textures.publish(textures)
    keras_process().close()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that predicts dots."""
    root = tmp_path_factory.mktemp("artifacts")
    keras.utils.set_random_seed(0)
    publish(root)
    return find(Workspace(root), RUN_ID)
