from collections.abc import Callable
from typing import Any

import pytest

from reading import read_all


@pytest.fixture
def read() -> Callable[..., Any]:
    return read_all
