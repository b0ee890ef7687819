import json
import os
import sys
from importlib.util import find_spec

import pytest

from command import ROOT, execute

pytestmark = [pytest.mark.campaign, pytest.mark.long]

OTHERS = [name for name in ("jax", "torch") if find_spec(name)]
PROGRAM = ROOT / "tests" / "support" / "first_step.py"
RECIPES = ["tutorial", "fast"]


def losses(folder, backend):
    """Train each recipe for three steps, in a separate process."""
    folder.mkdir()
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = execute(sys.executable, PROGRAM, folder, *RECIPES, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, dict[str, list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return found[backend]


def test_each_backend_begins_with_the_same_loss(tmp_path):
    assert "jax" in OTHERS, "the development dependencies include it"
    expected = losses(tmp_path / "tensorflow", "tensorflow")
    for backend in OTHERS:
        found = losses(tmp_path / backend, backend)
        for recipe in RECIPES:
            first = pytest.approx(expected[recipe][0], abs=1e-4)
            assert found[recipe][0] == first, (backend, recipe)
            assert found[recipe] == pytest.approx(expected[recipe], abs=0.05), (backend, recipe)
