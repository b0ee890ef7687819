"""Sightline works the same from a checkout, an editable install and a wheel, whatever the user's
folder holds: nothing of it is imported under a name that a Prefect user gives to their own code."""

import json
import os
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from command import ROOT, execute

pytestmark = pytest.mark.slow

INSTALLS = ("checkout", "editable", "wheel")

PROGRAM = """
import json, sys
from prefect.flows import load_flow_from_entrypoint
import sightline
from sightline.models.build import build
from sightline.pipeline import provenance
flows = [load_flow_from_entrypoint(entrypoint).name for entrypoint in sys.argv[1:]]
print(json.dumps({
    "file": sightline.__file__,
    "flows": flows,
    "package": provenance.package_digest(),
    "stage": provenance.code_digest("sightline.training.train"),
    "shadowed": sorted({"flows", "tasks"} & set(sys.modules)),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel and return the folder that it is unpacked to."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = execute(sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, ROOT)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def own_code(tmp_path):
    """A folder whose owner has flows and tasks of their own."""
    (tmp_path / "flows").mkdir()
    for name in ("flows/__init__.py", "tasks.py"):
        (tmp_path / name).write_text("raise RuntimeError('the wrong module was imported')\n")
    return tmp_path


def python(place, install, wheel, *arguments):
    """Run Python in a folder with one of the installs, and return what it prints."""
    installed = {"checkout": [str(ROOT / "src")], "wheel": [str(wheel)], "editable": []}[install]
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(place),
        "PYTHONPATH": os.pathsep.join([str(place), *installed]),  # the user's own code comes first
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    done = execute(sys.executable, *arguments, cwd=place, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.campaign
def test_every_install_imports_its_own_flows_and_has_equal_digests(wheel, own_code):
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    entrypoints = sorted({deployment["entrypoint"] for deployment in deployments})
    found = {
        install: json.loads(python(own_code, install, wheel, "-c", PROGRAM, *entrypoints))
        for install in INSTALLS
    }
    places = {install: Path(result.pop("file")).parent for install, result in found.items()}
    assert places["wheel"] == wheel / "sightline"
    assert places["checkout"] == places["editable"] == ROOT / "src" / "sightline"
    assert found["wheel"] == found["checkout"] == found["editable"]
    flows = {"fit", "prune", "score", "shard", "train", "trial", "watch"}
    assert set(found["wheel"]["flows"]) == flows
    assert not found["wheel"]["shadowed"]


def test_command_and_keras_process_start_beside_own_flows(wheel, own_code):
    command = "from sightline.flows.cli.main import main; main()"
    shown = python(own_code, "wheel", wheel, "-c", command, "doctor", "--artifacts", "made")
    assert "cpu" in shown  # the device, as the Keras process sees it
