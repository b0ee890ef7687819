import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

OTHERS = [name for name in ("jax", "torch") if find_spec(name)]
PROGRAM = Path(__file__).parents[1] / "first_step.py"


def losses(folder: Path, backend: str, recipe: str) -> list[float]:
    """Train for three steps in a process of its own."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), recipe],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: list[float] = json.loads(done.stdout.splitlines()[-1])[backend]
    return found


def test_backend_of_the_extra_is_installed_here() -> None:
    assert "jax" in OTHERS, "the developer tools hold it"


@pytest.mark.parametrize("recipe", ["tutorial", "fast"])
def test_each_backend_begins_with_the_same_loss(tmp_path: Path, recipe: str) -> None:
    expected = losses(tmp_path / "tensorflow", "tensorflow", recipe)
    for backend in OTHERS:
        found = losses(tmp_path / backend, backend, recipe)
        assert found[0] == pytest.approx(expected[0], abs=1e-4), backend
        assert found == pytest.approx(expected, abs=0.05), backend
