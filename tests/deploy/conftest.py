import os

import pytest


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Render without the settings of the user who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "SIGHTLINE_", "DO_NOT_TRACK")):
            monkeypatch.delenv(name)
