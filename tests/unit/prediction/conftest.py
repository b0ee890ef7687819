import pytest

import published_textures
from sightline.pipeline.process import keras_process


@pytest.fixture(scope="session")
def published(textures):
    """The run of the trained textures, and the Keras process that uses its model."""
    yield published_textures.publish(textures)
    keras_process().close()
