import pytest

from searching import setup


@pytest.fixture
def asked():
    return setup("training.learning_rate=log(1e-4, 1e-1)", "training.batch_size=choice(16, 32)")
