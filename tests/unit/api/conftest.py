import pytest

import run_to_predict
from sightline.pipeline.process import keras_process


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The artifacts folder of a run with a small untrained model."""
    root = tmp_path_factory.mktemp("published")
    run_to_predict.publish(root)
    return root


@pytest.fixture(scope="session")
def keras():
    yield
    keras_process().close()
