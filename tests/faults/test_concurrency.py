"""Concurrent runs on one artifacts root share work and never harm each other."""

import numpy as np
import pytest

import faultpoint_root as roots
from faultpoint import Fault
from faultpoint_sweep import Sweep
from processes import wait_for
from sightline.experiments import run_folder, verify
from sightline.experiments.prune import prune as pruning
from sightline.registry.retention import registered_models
from sightline.storage import files, npy
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign


def at_once(pipeline, step, root, *ids):
    """Run a step for several runs at the same time, a process each."""
    started = [pipeline.start(step, root, run_id=name) for name in ids]
    return [pipeline.stages.wait(trial) for trial in started]


@pytest.mark.parametrize("step", ["ingest", "train"])
def test_two_cold_runs_of_one_key_compute_once_and_have_equal_bytes(finished, tmp_path, step):
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root", without=step)
    one, other = at_once(pipeline, step, copy, "one", "other")
    assert one.error is other.error is None
    assert one.result == other.result
    wrote = ["write" in {kind for kind, _ in outcome.operations} for outcome in (one, other)]
    assert sorted(wrote) == [False, True]
    assert roots.results(copy) == roots.results(root)
    if step == "train":  # long enough to overlap
        assert "Waiting" in one.log + other.log


def test_run_resumes_where_the_holder_of_its_lock_was_killed(finished, tmp_path):
    pipeline, root = finished
    swept = Sweep(pipeline, root, "train", tmp_path)
    last = max(point.at for point in swept.points if point.name.endswith("model.keras"))
    copy = swept.fresh("contended")
    holder = pipeline.start("train", copy, Fault(last, "tear"), run_id="one")
    lock = copy / "cache" / "train" / f".{pipeline.key('train')}.lock"
    wait_for("the lock exists", lock.exists)
    waiter = pipeline.start("train", copy, run_id="other")
    assert pipeline.stages.wait(holder).killed
    outcome = pipeline.stages.wait(waiter)
    assert outcome.error is None
    assert "Waiting" in outcome.log
    assert "Resumed from" in outcome.log
    assert roots.results(copy) == roots.results(root)


@pytest.mark.parametrize(
    "content",
    [b"", b"4194304 host\n", b"\0\xff" * 4096],
    ids=["empty", "dead-process", "garbage"],
)
def test_lock_file_left_behind_blocks_nobody(finished, tmp_path, content):
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root", without="ingest")
    for lock in (
        copy / "cache" / "ingest" / f".{pipeline.key('ingest')}.lock",
        copy / "runs" / ".again.lock",
        copy / ".at-work.lock",
    ):
        lock.parent.mkdir(exist_ok=True)
        lock.write_bytes(content)
    for step in ("ingest", "publish"):
        outcome = pipeline.run(step, copy)
        assert outcome.error is None
        assert outcome.log == ""
    assert pruning.prune(Workspace(copy), 1, registered_models).kept


def replace(pipeline, root):
    assert pipeline.run("preprocess", root, refresh=True).error is None


def prune(pipeline, root):
    files.set_aside(root / "runs" / "first")
    plan = pruning.prune(Workspace(root), pruning.KEEP, registered_models)
    assert {entry.stage for entry in plan.entries} >= {"preprocess"}


def rebuild(pipeline, root):
    entry = root / "cache" / "preprocess" / pipeline.key("preprocess")
    (entry / "manifest.json").unlink()
    assert "Rebuilding the damaged cache entry" in pipeline.run("preprocess", root).log


@pytest.mark.parametrize("change", [replace, prune, rebuild])
def test_reader_of_a_mapped_file_survives_a_change_of_the_cache(finished, tmp_path, change):
    pipeline, root = finished
    copy = roots.copy(root, tmp_path / "root")
    path = copy / pipeline.records["preprocess"].splits["train"].images.path
    mapped, before = npy.open_mapped(path), path.read_bytes()
    assert not mapped.flags.writeable
    inode = path.stat().st_ino
    change(pipeline, copy)
    assert not path.exists() or path.stat().st_ino != inode
    np.testing.assert_array_equal(mapped, np.load(root / path.relative_to(copy)))
    assert mapped.tobytes() == before[-mapped.nbytes :]


def test_only_one_of_two_runs_publishes_the_same_id(finished, tmp_path):
    pipeline, root = finished
    for number in range(5):
        copy = roots.copy(root, tmp_path / str(number))
        outcomes = at_once(pipeline, "publish unclaimed", copy, "same", "same")
        refused = [outcome.error for outcome in outcomes if outcome.error]
        assert [kind for kind, _ in refused] == ["RunExistsError"]
        assert all(verdict.damages == () for verdict in verify.verify(Workspace(copy)))
        assert sorted(run_folder.run_ids(Workspace(copy))) == ["first", "same"]
        assert roots.leftovers(copy) == []
