from collections.abc import Iterator

import pytest

from sightline.keras_process import keras_process


@pytest.fixture(scope="session")
def keras() -> Iterator[None]:
    yield
    keras_process().close()
