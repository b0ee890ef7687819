"""One machine, SQLite and a password: the set-up of `make server`, `deploy` and `worker`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from refusal import check_refused
from stack import Stack, stack

pytestmark = pytest.mark.campaign

PASSWORD = "admin:s3cret-of-the-test"  # noqa: S105 - invented


@pytest.fixture(scope="module")
def guarded(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A server with a password, both pools, deployments and workers."""
    settings = {
        **environment,
        "PREFECT_SERVER_API_AUTH_STRING": PASSWORD,
        "PREFECT_API_AUTH_STRING": PASSWORD,
    }
    for running in stack(tmp_path_factory.mktemp("guarded"), settings):
        assert running.make("deploy").returncode == 0
        for pool in ("cpu", "gpu"):
            running.start_worker(pool)
        yield running


@pytest.fixture(scope="module")
def done(guarded: Stack, textures: Path) -> dict[str, Any]:
    flow_run = guarded.start(
        "train/train-manual", dataset=str(textures), epochs=2, deployment="fit/fit-gpu"
    )
    return guarded.finish(flow_run)


def test_run_completes_on_two_workers(guarded: Stack, done: dict[str, Any]) -> None:
    assert done["state"]["name"] == "Completed", guarded.tail()
    (fit,) = guarded.fits_of(done["id"])
    assert (fit["state"]["name"], fit["work_pool_name"]) == ("Completed", "gpu")


def test_database_is_sqlite(guarded: Stack) -> None:
    assert (Path(guarded.environment["PREFECT_HOME"]) / "prefect.db").is_file()


def test_caller_without_the_password_is_refused(guarded: Stack) -> None:
    done = guarded.command("sightline", "ops", "status", PREFECT_API_AUTH_STRING="")
    check_refused(done, "PREFECT_API_AUTH_STRING")
    assert guarded.command("sightline", "ops", "status").returncode == 0


def test_password_is_nowhere_on_disk(guarded: Stack, done: dict[str, Any]) -> None:
    """Neither in a log or a run, nor in Prefect's database or result store."""
    secret = PASSWORD.partition(":")[2].encode()
    stored = [path for path in guarded.logs.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in stored)
    for path in stored:
        assert secret not in path.read_bytes(), path


def test_makefile_refuses_an_open_server(guarded: Stack) -> None:
    done = guarded.make("server", "HOST=0.0.0.0", PREFECT_SERVER_API_AUTH_STRING="")
    assert done.returncode != 0
    assert "PREFECT_SERVER_API_AUTH_STRING" in " ".join(done.stderr.split())
