import os

import pytest


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of what is rendered."""
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "SIGHTLINE_", "DO_NOT_TRACK")):
            monkeypatch.delenv(name)
