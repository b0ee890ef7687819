"""A training that is killed, terminated, or too large for memory."""

import json
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from command import BIN, check_refused, execute
from examples import write_npz
from processes import command_line, cut_power, descendants, is_running, wait_for
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign

SETTINGS = {
    "training.epochs": "40",
    "training.batch_size": "8",
    "training.checkpoint_steps": "25",
    "training.steps_per_execution": "1",
    "model.convolutions": "[{filters=4}, {filters=8}]",
    "model.dropout": "0.2",
    "training.augmentation": "{rotation=0.05, translation=0.1, zoom=0.1}",
    "preprocessing.validation_fraction": "0.2",
    "evaluation.robustness_images": "0",
    "evaluation.saliency_images": "0",
}
"""Sixteen steps an epoch, 640 in all: some seconds."""


class Training:
    """A training in one artifacts root, started repeatedly with the same command."""

    def __init__(self, folder, data, environment):
        self.root = folder / "artifacts"
        self.environment = environment
        self._data = data

    def command(self, *more, **changes):
        options = [f"--set={key}={value}" for key, value in {**SETTINGS, **changes}.items()]
        where = ["--dataset", str(self._data), "--artifacts", str(self.root)]
        return [str(BIN / "sightline"), "train", "--recipe=tutorial", *where, *options, *more]

    def started(self, **changes):
        return subprocess.Popen(
            self.command(**changes), env=self.environment, stderr=subprocess.PIPE, text=True
        )

    def finish(self, *more):
        done = execute(*self.command(*more), env=self.environment)
        assert done.returncode == 0, done.stderr
        return done

    def interrupt(self, after_steps, number, pause=0):
        """Start, and send a signal some time after a checkpoint of at least this many steps."""
        with self.started() as process:

            def is_reached():
                assert process.poll() is None, process.stderr and process.stderr.read()
                return any(steps >= after_steps for steps in self.checkpoints())

            wait_for(f"a checkpoint after {after_steps} steps", is_reached)
            time.sleep(pause)
            if number == signal.SIGKILL:
                cut_power(process.pid)
            else:
                process.send_signal(number)
            _, errors = process.communicate()
            if number != signal.SIGKILL:
                assert process.returncode == 128 + number, errors
            return errors

    def checkpoints(self):
        """List the steps of the finished checkpoints, newest first."""
        found = (self.root / "checkpoints").glob("*/checkpoint-*.npz")
        return sorted((int(path.name.split("-")[1]) for path in found), reverse=True)

    def manifest(self):
        return run_folder.read(Workspace(self.root), "latest")


def keras_worker(process):
    """Find the Keras process below a command."""
    below = descendants(process.pid)
    return next(pid for pid in below if "sightline.pipeline.worker" in command_line(pid))


def check_equal(resumed, uninterrupted):
    ours, theirs = resumed.records, uninterrupted.records
    assert ours.train.weights_sha256 == theirs.train.weights_sha256
    assert ours.train.optimizer_sha256 == theirs.train.optimizer_sha256
    assert ours.train.seeds_sha256 == theirs.train.seeds_sha256
    assert ours.train.model.sha256 == theirs.train.model.sha256
    assert ours.evaluate.predictions.sha256 == theirs.evaluate.predictions.sha256


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_npz(tmp_path_factory.mktemp("data") / "textures.npz")


@pytest.fixture(scope="module")
def uninterrupted(data, served_environment, tmp_path_factory):
    """The same training without interruption."""
    training = Training(tmp_path_factory.mktemp("uninterrupted"), data, served_environment)
    assert "Resumed" not in training.finish().stderr
    return training


@pytest.fixture
def training(tmp_path, data, served_environment, uninterrupted):
    """A training whose earlier stages are done."""
    prepared = Training(tmp_path, data, served_environment)
    for stage in ("ingest", "preprocess", "build"):
        shutil.copytree(uninterrupted.root / "cache" / stage, prepared.root / "cache" / stage)
    return prepared


@pytest.mark.long
def test_training_killed_repeatedly_ends_with_the_same_bytes(training, uninterrupted):
    moments = np.random.default_rng(23)
    reached = [0]
    for after in (100, 300):  # at the second kill it has not caught up yet
        training.interrupt(after, signal.SIGKILL, pause=float(moments.uniform(0, 0.3)))
        reached.append(training.checkpoints()[0])
    assert reached == sorted(set(reached)), "each attempt made progress"
    done = training.finish("--json")
    assert "Resumed from epoch" in done.stderr
    assert json.loads(done.stdout)["stages"]["preprocess"]["cached"]
    check_equal(training.manifest(), uninterrupted.manifest())
    assert len(training.manifest().records.train.resumed) == 2
    assert not training.checkpoints()


def test_sigterm_or_a_dead_parent_loses_no_step(training, uninterrupted):
    errors = training.interrupt(50, signal.SIGTERM, pause=0.05)
    assert "run the same command again" in errors
    assert "Traceback" not in errors
    saved = training.checkpoints()
    assert len(saved) == 2
    assert place(saved[0]) in errors
    orphaned = end_without_its_parent(training, due_after=97)
    assert orphaned > saved[0]
    assert (orphaned - saved[0]) % 97, "the last checkpoint was not due"
    training.finish()
    check_equal(training.manifest(), uninterrupted.manifest())
    first, second = training.manifest().records.train.resumed
    assert place(saved[0]) in first
    assert place(orphaned) in second


def end_without_its_parent(training, due_after):
    """Kill the command alone, wait for its Keras process, return the steps of the checkpoint."""
    newest = training.checkpoints()[0]
    with training.started(**{"training.checkpoint_steps": str(due_after)}) as process:
        wait_for("a checkpoint", lambda: training.checkpoints()[0] != newest)
        child = keras_worker(process)
        process.kill()
        process.wait()
    wait_for("its Keras process ends", lambda: not is_running(child))
    return training.checkpoints()[0]


def place(steps):
    """Format the position of a training as its log does."""
    epochs, step = divmod(steps, 16)
    return f"epoch {epochs + 1}, step {step}" if step else f"the end of epoch {epochs}"


def test_killed_keras_process_is_restarted_and_resumes(training, uninterrupted):
    with training.started() as process:
        wait_for("a checkpoint", training.checkpoints)
        os.kill(keras_worker(process), signal.SIGKILL)
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert "Resumed from" in errors
    check_equal(training.manifest(), uninterrupted.manifest())


def test_too_little_memory_asks_for_a_smaller_batch(tmp_path, served_environment):
    images = write_npz(tmp_path / "large.npz", train=2000, shape=(64, 64, 1))
    settings = "--set training.batch_size=2000 --set 'model.convolutions=[{filters=4096}]'"
    settings = f"--recipe tutorial {settings}"
    command = f"{BIN}/sightline train --dataset {images} --artifacts {tmp_path}/artifacts"
    limited = f"ulimit -v 40000000; exec {command} {settings}"
    check_refused(execute("bash", "-c", limited, env=served_environment), "training.batch_size")
