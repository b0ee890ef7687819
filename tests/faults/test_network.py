"""A mirror that fails, through the real command line where no test has to wait."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mirror
from command import Command, Completed
from mirror import CONTENT, LASTING, MNIST_FIRST, Mirror
from refusal import check_refused
from sightline.data import catalog, download
from sightline.data.download import RetryPolicy
from sightline.records import Run
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign


@pytest.fixture
def server() -> Iterator[Mirror]:
    with mirror.serving() as serving:
        yield serving


@pytest.fixture
def local(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "NO_PROXY": "127.0.0.1"}


def fetch_tiny(server: Mirror, artifacts: Path) -> list[str]:
    """Return the command that downloads the two files of the mirror."""
    options = ["--mirror", server.address, "--artifacts", str(artifacts)]
    return [sys.executable, mirror.__file__, "datasets", "fetch", "tiny", *options]


def run(command: list[str], local: dict[str, str]) -> Completed:
    return subprocess.run(command, env=local, capture_output=True, text=True, check=False)


def check_fetched(done: Completed, artifacts: Path) -> None:
    """Check that both files were downloaded completely, and nothing else."""
    assert done.returncode == 0, done.stderr
    folder = artifacts / "datasets" / "tiny"
    assert done.stdout.split() == [str(folder / f"{name}.gz") for name in CONTENT]
    found = {path.name: gzip.decompress(path.read_bytes()) for path in folder.iterdir()}
    assert found == {f"{name}.gz": content for name, content in CONTENT.items()}


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(["short"], id="body-shorter-than-its-length"),
        pytest.param(["503"], id="one-server-error"),
        pytest.param(["short"], id="range-ignored"),
    ],
)
def test_transient_fault_is_retried_from_the_start_of_the_file(
    server: Mirror, local: dict[str, str], tmp_path: Path, faults: list[str]
) -> None:
    server.faults["/tiny/train"] = list(faults)

    done = run(fetch_tiny(server, tmp_path), local)

    check_fetched(done, tmp_path)
    assert server.asked == ["/tiny/train.gz"] * (1 + len(faults)) + ["/tiny/test.gz"]
    assert server.ranges == []


@pytest.mark.parametrize(("fault", "requests", "reason"), LASTING.values(), ids=LASTING)
def test_lasting_fault_is_refused_before_any_training(
    sightline: Command, server: Mirror, tmp_path: Path, fault: str, requests: int, reason: str
) -> None:
    server.faults[MNIST_FIRST] = [fault] * 20

    done = sightline(
        *("train", "--dataset=mnist", f"--mirror={server.address}", f"--artifacts={tmp_path}"),
        NO_PROXY="127.0.0.1",
    )

    check_refused(done, f"{server.address}{MNIST_FIRST}: ", reason, "--data-dir")
    assert server.asked == [MNIST_FIRST] * requests
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_stalled_download_times_out_and_is_retried(
    server: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setitem(catalog.NAMED, "tiny", mirror.tiny([server.address]))
    server.faults["/train"] = ["stall"]

    paths = download.fetch(
        Run(id="stall", workspace=Workspace(tmp_path)), "tiny", RetryPolicy(read_timeout=0.3)
    )

    assert [gzip.decompress(path.read_bytes()) for path in paths] == list(CONTENT.values())
    assert server.asked == ["/train.gz"] * 2 + ["/test.gz"]
    assert max(RetryPolicy().connect_timeout, RetryPolicy().read_timeout) <= 30


def test_killed_download_is_cleaned_up_and_repeated(
    server: Mirror, local: dict[str, str], tmp_path: Path
) -> None:
    server.faults["/tiny/train"] = ["stall"]
    folder = tmp_path / "datasets" / "tiny"
    with subprocess.Popen(fetch_tiny(server, tmp_path), env=local) as process:
        assert server.held.wait(60)
        while not any(path.stat().st_size for path in folder.iterdir()):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    (left,) = os.listdir(folder)
    assert left.startswith(".train.gz.")

    done = run(fetch_tiny(server, tmp_path), local)

    check_fetched(done, tmp_path)
