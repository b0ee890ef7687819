import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from command import Command
from examples import write_npz
from processes import free_port, wait_for

STAGES = {"ingest", "preprocess", "build", "train", "evaluate", "report"}


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[str]:
    """A Prefect server on loopback, as a user would start it."""
    port = free_port()
    prefect = str(Path(sys.executable).parent / "prefect")
    command = [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}/api"

    def answers() -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"{url}/health").is_success
        return False

    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_for("the server answers", answers)
        yield url
        process.send_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def twice(
    sightline: Command, server: str, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """The same training, two times, against the server."""
    folder = tmp_path_factory.mktemp("user")
    data = write_npz(folder / "textures.npz")
    results = []
    for _ in range(2):
        done = sightline(
            "train",
            f"--dataset={data}",
            f"--artifacts={folder / 'artifacts'}",
            "--set=training.epochs=2",
            "--mirror=http://user:hunter2@127.0.0.1:9",
            "--json",
            PREFECT_API_URL=server,
        )
        assert done.returncode == 0, done.stderr
        results.append(json.loads(done.stdout))
    return results


def read(server: str, what: str, **query: object) -> Any:
    return httpx.post(f"{server}/{what}/filter", json=query).raise_for_status().json()


def flow_run(server: str, summary: dict[str, Any]) -> dict[str, Any]:
    (found,) = read(server, "flow_runs", flow_runs={"name": {"any_": [summary["run_id"]]}})
    assert isinstance(found, dict)
    return found


def task_states(server: str, summary: dict[str, Any]) -> dict[str, str]:
    flow = {"id": {"any_": [flow_run(server, summary)["id"]]}}
    tasks = read(server, "task_runs", flow_runs=flow)
    return {task["name"].rpartition("-")[0]: task["state"]["name"] for task in tasks}


def test_prefect_shows_runs_with_computed_and_cached_stages(
    server: str, twice: list[dict[str, Any]]
) -> None:
    for summary in twice:
        found = flow_run(server, summary)
        # The automations watch only deployed runs, which have the tag `sightline`.
        assert (found["state"]["name"], found["tags"]) == ("Completed", [])
    first, second = (task_states(server, summary) for summary in twice)
    assert set(first) == set(second) == {*STAGES, "data-gate", "publish"}
    assert {first[stage] for stage in STAGES} == {"Completed"}
    assert {second[stage] for stage in STAGES} == {"Cached"}


def test_stages_leave_prefect_artifacts_and_a_log(server: str, twice: list[dict[str, Any]]) -> None:
    of_run = {"flow_run_id": {"any_": [flow_run(server, twice[0])["id"]]}}
    artifacts = {item["key"]: item for item in read(server, "artifacts", artifacts=of_run)}
    assert set(artifacts) >= {
        "dataset",
        "data-gate",
        "arrays",
        "model",
        "training-progress",
        "training-history",
        "evaluation",
        "training-curves",
        "training-report",
    }
    assert artifacts["training-progress"]["data"] == 100
    assert "test accuracy" in artifacts["training-report"]["data"]
    assert len(json.loads(artifacts["training-history"]["data"])) == 2
    assert any("Epoch 2 of 2" in log["message"] for log in read(server, "logs", logs=of_run))


def test_password_of_a_mirror_is_stored_nowhere(server: str, twice: list[dict[str, Any]]) -> None:
    assert "hunter2" not in json.dumps(flow_run(server, twice[0]))
    assert "hunter2" not in json.dumps(read(server, "logs"))
    for path in Path(twice[0]["run_dir"]).parents[1].rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
