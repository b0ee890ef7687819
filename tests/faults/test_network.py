"""A mirror that fails."""

import gzip
import os
import signal
import subprocess
import sys
import time

import pytest

import mirror
from command import check_refused, execute, invoke, refusing
from mirror import CONTENT, LASTING, MNIST_FIRST
from sightline.data import catalog, download
from sightline.data.mirror import RetryPolicy
from sightline.records import Run
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign


@pytest.fixture
def server():
    with mirror.serving() as serving:
        yield serving


@pytest.mark.parametrize(("fault", "requests", "reason"), LASTING.values(), ids=LASTING)
def test_lasting_fault_is_refused_before_any_training(server, tmp_path, fault, requests, reason):
    server.faults[MNIST_FIRST] = [fault] * 20

    options = ("--dataset=mnist", f"--mirror={server.address}", f"--artifacts={tmp_path}")
    with refusing():
        done = invoke("train", *options, NO_PROXY="127.0.0.1")

    check_refused(done, f"{server.address}{MNIST_FIRST}: ", reason, "--data-dir")
    assert server.asked == [MNIST_FIRST] * requests
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_stalled_download_times_out_and_is_retried(server, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(catalog.NAMED, "tiny", mirror.tiny([server.address]))
    server.faults["/train"] = ["stall"]

    run = Run(id="stall", workspace=Workspace(tmp_path))
    paths = download.fetch(run, "tiny", RetryPolicy(read_timeout=0.3))

    assert [gzip.decompress(path.read_bytes()) for path in paths] == list(CONTENT.values())
    assert server.asked == ["/train.gz"] * 2 + ["/test.gz"]
    assert max(RetryPolicy().connect_timeout, RetryPolicy().read_timeout) <= 30


def test_killed_download_is_cleaned_up_and_repeated(server, environment, tmp_path):
    server.faults["/tiny/train"] = ["stall"]
    folder = tmp_path / "datasets" / "tiny"
    options = ["--mirror", server.address, "--artifacts", str(tmp_path)]
    command = [sys.executable, mirror.__file__, "datasets", "fetch", "tiny", *options]
    local = {**environment, "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(command, env=local) as process:
        assert server.held.wait(60)
        while not any(path.stat().st_size for path in folder.iterdir()):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    (left,) = os.listdir(folder)
    assert left.startswith(".train.gz.")

    done = execute(*command, env=local)

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(folder / f"{name}.gz") for name in CONTENT]
    found = {path.name: gzip.decompress(path.read_bytes()) for path in folder.iterdir()}
    assert found == {f"{name}.gz": content for name, content in CONTENT.items()}
