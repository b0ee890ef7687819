"""Shards on the pool cpu: a real server, a real worker, and a process that is killed."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from examples import write_folders
from processes import wait_for
from sightline.config import DataConfig
from sightline.data import ingest, locate
from sightline.records import Run
from sightline.storage import locks
from sightline.storage.workspace import Workspace
from sightline.tasks.shards import ingest_elsewhere


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("data") / "photos", 24, 4, (12, 12, 3)) / "train"


def test_shard_whose_process_is_killed_is_ingested_again_alone(workers, photos, tmp_path):
    config = DataConfig(dataset=str(photos), shard_images=12)
    source = locate.locate(config)
    expected = ingest.ingest(Run(id="here", workspace=Workspace(tmp_path)), source, config)
    run = Run(id="sharded", workspace=Workspace(workers.artifacts))
    blocked, *others = (run.workspace.root / entry for entry in expected.shards)

    def ingest_there():
        with temporary_settings({PREFECT_API_URL: f"{workers.ui}/api"}):
            elsewhere = partial(ingest_elsewhere, deployment="shard/shard-cpu")
            return ingest.ingest(run, source, config, elsewhere)

    def states():
        named = {"flow_runs": {"name": {"like_": f"{run.id}-"}}}
        found = workers.post("/flow_runs/filter", named)
        return sorted((one["name"], one["state"]["name"]) for one in found)

    def blocked_process():
        """Return the process of the first shard once all others have ended."""
        ends = [(one.name[:8], "Completed") for one in others]
        begun = [(name.removeprefix(f"{run.id}-"), state) for name, state in states()]
        if begun == sorted([*ends, (blocked.name[:8], "Running")]):
            found = workers.processes("prefect.engine")
            return found[0] if len(found) == 1 else None
        return None

    lock = blocked.with_name(f".{blocked.name}.lock")
    with ThreadPoolExecutor(1) as pool:
        with locks.alone(lock, "the test"):  # the first shard waits until it is killed
            found = pool.submit(ingest_there)
            os.kill(wait_for("the first shard is left", blocked_process), signal.SIGKILL)
        assert found.result() == expected
    ends = [state for _, state in states()]
    assert sorted(ends) == ["Completed"] * len(expected.shards) + ["Crashed"]
