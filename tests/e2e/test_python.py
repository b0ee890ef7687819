"""`sightline` as a library, used from a script and from a kernel."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command import execute
from examples import write_npz
from processes import descendants, is_running, wait_for
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

# No `if __name__ == "__main__"`, an event loop that runs as in a kernel, and errors that are caught.
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


@pytest.fixture
def home(environment, tmp_path):
    """The environment of a user with a home of their own, and a folder with a data set."""
    write_npz(tmp_path / "textures.npz")
    own = {name: value for name, value in environment.items() if name != "PREFECT_HOME"}
    return {**own, "HOME": str(tmp_path / "home")}


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
    assert not (tmp_path / "home" / ".prefect").exists()


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
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
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
