"""Sightline beside a user's own `flows` and `tasks`, which Prefect projects often have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ENTRYPOINTS = sorted(
    {
        deployment["entrypoint"]
        for deployment in yaml.safe_load(
            (Path(__file__).parents[2] / "prefect.yaml").read_text(encoding="utf-8")
        )["deployments"]
    }
)
LOAD = "from prefect.flows import load_flow_from_entrypoint as load; print(load({!r}).name)"
ASK_KERAS = """
from sightline.config import TrainingConfig
from sightline.pipeline.process import keras_process
from sightline.training import device
print(keras_process().run(device.inspect, TrainingConfig(epochs=1)).device)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose own modules must never be imported."""
    (tmp_path / "flows").mkdir()
    for name in ("flows/__init__.py", "tasks.py"):
        (tmp_path / name).write_text("raise ImportError('the module of the user')\n")
    return tmp_path


def run(project: Path, *command: str) -> str:
    """Run the interpreter's command as a user would, with the project first on the path."""
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    done = subprocess.run(
        command,
        cwd=project,
        env={**environment, "PREFECT_HOME": str(project), "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_command_starts_beside_the_modules_of_a_user(project: Path) -> None:
    command = str(Path(sys.executable).with_name("sightline"))
    assert "Usage" in run(project, command, "train", "--help")


@pytest.mark.parametrize("entrypoint", ENTRYPOINTS)
def test_deployed_flow_is_loaded_beside_the_modules_of_a_user(
    project: Path, entrypoint: str
) -> None:
    assert run(project, sys.executable, "-c", LOAD.format(entrypoint)).strip()


def test_keras_process_starts_beside_the_modules_of_a_user(project: Path) -> None:
    assert "cpu" in run(project, sys.executable, "-c", ASK_KERAS)
