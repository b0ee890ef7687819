"""`sightline` as a library, used from a script and from a kernel."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from command import ROOT, execute
from examples import write_npz
from processes import descendants, is_running, wait_for
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace

# No `if __name__ == "__main__"`, and an event loop that runs, as in a kernel.
SCRIPT = """
import asyncio, json, os, sys
import sightline

async def cell(*arguments, **settings):
    return sightline.train(*arguments, recipe="quickstart", **settings)

before = dict(os.environ)
run = asyncio.run(cell("textures.npz", epochs=2, robustness_images=10))
refused = []
for settings in ({"epochs": "three"}, {"run_id": run.id}, {"dataset": "gone"}):
    try:
        asyncio.run(cell(*() if "dataset" in settings else ("textures.npz",), **settings))
    except sightline.errors.SightlineError as error:
        refused.append([type(error).__name__, str(error)])
json.dump({
    "run": run.id,
    "epochs": list(run.history["epoch"]),
    "rows": len(run.predictions),
    "changed": sorted(set(before.items()) ^ set(os.environ.items())),
    "prefect": "prefect" in sys.modules,
    "refused": refused,
    "classes": list(sightline.datasets.inspect("textures.npz", recipe="quickstart").counts.index),
}, sys.stdout)
"""
LONG = """
import sightline
try:
    sightline.train("textures.npz", "tutorial", epochs=10_000, batch_size=8, progress=True)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture(scope="module")
def home(environment, tmp_path_factory):
    """The environment of a user with a home of their own."""
    own = {name: value for name, value in environment.items() if name != "PREFECT_HOME"}
    return {**own, "HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(autouse=True)
def data(tmp_path):
    write_npz(tmp_path / "textures.npz")


def test_script_trains_in_an_event_loop_and_leaves_the_process_as_it_was(home, tmp_path):
    done = execute(sys.executable, "-c", SCRIPT, env=home, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "quiet by default"
    found = json.loads(done.stdout)
    assert run_folder.run_ids(Workspace(tmp_path / "artifacts")) == [found["run"]]
    assert found["epochs"] == [1, 2]
    assert found["rows"] == 40
    assert found["changed"] == []
    assert found["prefect"] is False
    assert len(found["classes"]) == 4
    kinds, sentences = zip(*found["refused"], strict=True)
    assert kinds == ("ConfigError", "RunExistsError", "DataError")
    assert "training.epochs" in sentences[0]
    assert not any("Traceback" in sentence for sentence in sentences)
    assert not (Path(home["HOME"], ".prefect")).exists()


@pytest.mark.campaign
@pytest.mark.long
def test_every_example_of_the_documentation_runs(home, tmp_path):
    for number in range(60):
        path = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number // 2}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (28, 28), 4 * number).save(path)
    text = (ROOT / "docs" / "python.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    program = "\n".join(blocks)
    done = execute(sys.executable, "-c", program, env=home | {"BROWSER": "true"}, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = [line for block in blocks[:2] for line in block.splitlines() if line]
    assert first[-1] == "run.report.open()"
    assert len(first) <= 5, "from the first cell to the report"
    assert "training.epochs" in done.stdout.splitlines()[-1]
    assert len(run_folder.run_ids(Workspace(tmp_path / "artifacts"))) == 3


def test_interrupt_keeps_the_checkpoint_and_ends_every_process(home, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-u", "-c", LONG],
        env=home,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets what it starts in the background ignore Ctrl-C, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        while not process.stderr.readline().startswith("Epoch 2/"):
            assert process.poll() is None
        children = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "interrupted\n"
    assert process.returncode == 0
    assert len(children) == 3, "the run, its private server and its Keras process"
    wait_for("every process ends", lambda: not any(map(is_running, children)))
    assert list((tmp_path / "artifacts" / "checkpoints").glob("*/*"))
    assert not run_folder.run_ids(Workspace(tmp_path / "artifacts"))


def test_killed_caller_ends_every_process(home, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", LONG], env=home, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("Epoch 2/"):
            assert process.poll() is None
        children = descendants(process.pid)
        process.kill()
    wait_for("every process ends", lambda: not any(map(is_running, children)))
    assert list((tmp_path / "artifacts" / "checkpoints").glob("*/*"))
