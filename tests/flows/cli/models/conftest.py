import pytest

import runs_to_promote


@pytest.fixture
def root(place, monkeypatch):
    """mnist has had two champions and has a candidate; zoo has a champion."""
    monkeypatch.setenv("SIGHTLINE_USER", "ada")
    root = place / "artifacts"
    for number in (1, 2):
        runs_to_promote.promote(root, f"run-{number}", reason="[bold]x[/bold] \x1b[2J <script>")
    runs_to_promote.register(root, "run-3", accuracy=0.97)
    runs_to_promote.promote(root, "zoo-1", "zoo")
    return root
