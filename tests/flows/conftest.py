from collections.abc import Iterator
from pathlib import Path

import pytest

from examples import write_npz
from sightline.pipeline.process import keras_process


@pytest.fixture(scope="session")
def keras() -> Iterator[None]:
    yield
    keras_process().close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of one's own."""
    return write_npz(tmp_path_factory.mktemp("data") / "textures.npz")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts root that the tests of a file share."""
    return tmp_path_factory.mktemp("artifacts")
