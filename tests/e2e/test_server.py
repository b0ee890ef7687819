"""The command against a Prefect server that runs already."""

import json
from pathlib import Path

import httpx
import pytest

from examples import write_npz

STAGES = {"ingest", "preprocess", "build", "train", "evaluate", "report"}


@pytest.fixture(scope="module")
def twice(sightline, factory, tmp_path_factory):
    """The summary of the same training, two times, with the flow run on the server."""
    folder = tmp_path_factory.mktemp("user")
    options = [
        "--recipe=tutorial",
        f"--dataset={write_npz(folder / 'textures.npz')}",
        f"--artifacts={folder / 'artifacts'}",
        "--set=training.epochs=2",
        "--mirror=http://user:hunter2@127.0.0.1:9",
    ]
    results = []
    for _ in range(2):
        done = sightline("train", *options, "--json", PREFECT_API_URL=f"{factory.ui}/api")
        assert done.returncode == 0, done.stderr
        summary = json.loads(done.stdout)
        wanted = {"flow_runs": {"name": {"any_": [summary["run_id"]]}}}
        (flow_run,) = factory.post("/flow_runs/filter", wanted)
        results.append({**summary, "flow_run": flow_run})
    return results


def test_pages_ask_the_server_that_shows_them(factory):
    shown = httpx.get(f"{factory.ui}/ui-settings", timeout=60).json()
    assert shown["api_url"] == f"{factory.ui}/api"


def task_states(server, summary):
    flow = {"id": {"any_": [summary["flow_run"]["id"]]}}
    tasks = server.post("/task_runs/filter", {"flow_runs": flow})
    return {task["name"].rpartition("-")[0]: task["state"]["name"] for task in tasks}


def test_prefect_shows_runs_with_computed_and_cached_stages(factory, twice):
    for summary in twice:
        # The automations watch only deployed runs, which have the tag `sightline`.
        found = summary["flow_run"]
        assert (found["state"]["name"], found["tags"]) == ("Completed", [])
    first, second = (task_states(factory, summary) for summary in twice)
    assert set(first) == set(second) == {*STAGES, "data-gate", "publish"}
    assert {first[stage] for stage in STAGES} == {"Completed"}
    assert {second[stage] for stage in STAGES} == {"Cached"}


def test_stages_leave_prefect_artifacts_and_a_log(factory, twice):
    flow_run = twice[0]["flow_run"]["id"]
    artifacts = factory.artifacts_of(flow_run)
    stages = {"dataset", "data-gate", "arrays", "model", "training-history", "evaluation"}
    assert set(artifacts) >= stages | {"training-curves"}
    assert artifacts["training-progress"]["data"] == 100
    assert "test accuracy" in artifacts["training-report"]["data"]
    assert len(json.loads(artifacts["training-history"]["data"])) == 2
    assert "Epoch 2 of 2" in factory.log(flow_run)


def test_password_of_a_mirror_is_stored_nowhere(factory, twice):
    flow_run = twice[0]["flow_run"]
    assert "hunter2" not in json.dumps(flow_run) + factory.log(flow_run["id"])
    for path in Path(twice[0]["run_dir"]).parents[1].rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
