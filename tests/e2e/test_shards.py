"""Shards on the pool cpu: a real server, a real worker, and a process that is killed."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from examples import write_folders
from processes import wait_for
from sightline.config import BackboneConfig, DataConfig, EmbeddingConfig
from sightline.data import ingest, locate
from sightline.data.sharding.shard import INGEST_SHARD
from sightline.experiments import new_run
from sightline.models.build import BUILD
from sightline.pipeline.process import keras_process
from sightline.records import Run
from sightline.storage import locks
from sightline.storage.workspace import Workspace
from sightline.tasks.shards import compute_elsewhere
from sightline.training.embed import EMBED, embed_in_shards
from sightline.training.embed_shard import EMBED_SHARD
from sightline.training.feature_shards import divide
from stored_photos import store


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_folders(tmp_path_factory.mktemp("data") / "photos", 24, 4, (12, 12, 3)) / "train"


@pytest.fixture
def killed_once(workers):
    """Compute shards there, and kill the process of one when all others are complete.

    Returns the result, and the names of the states in which the flow runs of shards ended.
    """

    def compute(run, entries, call):
        blocked, *others = (run.workspace.root / entry for entry in entries)

        def call_there():
            with temporary_settings({PREFECT_API_URL: f"{workers.ui}/api"}):
                return call()

        def states():
            named = {"flow_runs": {"name": {"like_": f"{run.id}-"}}}
            found = workers.post("/flow_runs/filter", named)
            return sorted((one["name"], one["state"]["name"]) for one in found)

        def blocked_process():
            ends = [(one.name[:8], "Completed") for one in others]
            begun = [(name.removeprefix(f"{run.id}-"), state) for name, state in states()]
            if begun == sorted([*ends, (blocked.name[:8], "Running")]):
                found = workers.processes("prefect.engine")
                return found[0] if len(found) == 1 else None
            return None

        new_run.expect(run.workspace, run.id)
        blocked.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(1) as pool:
            with locks.alone(blocked.with_name(f".{blocked.name}.lock"), "the test"):
                found = pool.submit(call_there)
                os.kill(wait_for("the first shard is left", blocked_process, 600), signal.SIGKILL)
            return found.result(), sorted(state for _, state in states())

    return compute


def elsewhere(stage):
    return partial(compute_elsewhere, stage, deployment="shard/shard-cpu")


def test_shard_whose_process_is_killed_is_ingested_again_alone(
    workers, killed_once, photos, tmp_path
):
    config = DataConfig(dataset=str(photos), shard_images=12)
    source = locate.locate(config)
    expected = ingest.ingest(Run(id="here", workspace=Workspace(tmp_path)), source, config)
    run = Run(id="sharded", workspace=Workspace(workers.artifacts))
    found, ends = killed_once(
        *(run, expected.shards),
        lambda: ingest.ingest(run, source, config, elsewhere(INGEST_SHARD)),
    )
    assert found == expected
    assert ends == ["Completed"] * len(expected.shards) + ["Crashed"]


@pytest.mark.slow
def test_shard_whose_process_is_killed_is_embedded_again_alone(workers, killed_once):
    here = Run(id="here", workspace=Workspace(workers.artifacts))
    run = Run(id="embedded", workspace=here.workspace, refresh=True)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    arrays = store(run, "photos", train=pixels[:12], test=pixels[12:])
    process, settings = keras_process(), EmbeddingConfig(engine="keras")
    blueprint = process.run(BUILD.function, here, arrays, BackboneConfig(cut="group_7"))
    expected = process.run(EMBED.function, here, arrays, blueprint, settings)
    content = [run.workspace.path(one.images.path).read_bytes() for one in expected.splits.values()]
    inputs = (run, arrays, blueprint, settings, 18)
    shards = [one for part in divide(*inputs).values() for one in part]
    entries = [f"cache/embed_shard/{EMBED_SHARD.key(one)}" for one in shards]
    found, ends = killed_once(
        *(run, entries), lambda: embed_in_shards(*inputs, elsewhere(EMBED_SHARD))
    )
    assert found.splits == expected.splits
    assert content == [
        run.workspace.path(one.images.path).read_bytes() for one in found.splits.values()
    ]
    assert ends == ["Completed"] * len(shards) + ["Crashed"]
