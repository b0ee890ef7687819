"""`kill -9` at file operations of every stage."""

import pytest

import faultpoint_root as roots
from depth import FULL, at_depth
from faultpoint import Fault
from faultpoint_sweep import Sweep, distinct, sample
from sightline.experiments import run_folder
from sightline.storage import digests
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign


@pytest.mark.parametrize("step", roots.STEPS)
def test_step_killed_at_a_file_operation_recovers_without_loss(finished, tmp_path, step):
    swept = Sweep(*finished, step, tmp_path)
    assert {"open", "write", "fsync", "rename"} <= {point.kind for point in swept.points}
    some = sample(swept.points, 3 if step in roots.SLOW else 8, seed=22)
    for point in distinct(swept.points) if FULL else some:
        swept.kill(point)


@pytest.mark.parametrize("step", at_depth(["embed"], ["build", "embed", "train"]))
def test_step_with_a_pretrained_network_recovers_as_well(tmp_path, step):
    swept = Sweep(*roots.shared(photos=True), step, tmp_path)
    for point in sample(swept.points, at_depth(3, 12), seed=22):
        swept.kill(point)


@pytest.mark.parametrize("step", roots.STEPS)
def test_every_file_is_synced_before_its_rename_and_its_folder_after(finished, tmp_path, step):
    """A kill cannot show this: the page cache outlives the process, but not a power failure."""
    swept = Sweep(*finished, step, tmp_path)
    root = swept.fresh("folders")
    existing = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}
    unsynced: set[str] = set()
    for point in swept.points:
        if point.kind in {"open", "write", "pwrite"} and not point.name.endswith(".lock"):
            unsynced.add(point.name)
        elif point.kind == "mkdir" and point.name not in existing and "/." not in point.name:
            existing.add(point.name)
            unsynced.add(folder(point.name))
        elif point.kind == "rename" and not point.name.endswith("aside"):
            assert not {name for name in unsynced if name.startswith(f"{folder(point.name)}/.")}
            unsynced.add(folder(point.name))
        elif point.kind == "fsync":
            unsynced.discard(point.name)
    assert unsynced == set()


def folder(path):
    return path.rpartition("/")[0]


@pytest.mark.parametrize("kind", ["write", "rename"])
def test_kill_while_the_model_is_replaced_leaves_the_previous_one(finished, tmp_path, kind):
    swept = Sweep(*finished, "train", tmp_path, refresh=True)
    end = "model.keras" if kind == "write" else ""
    points = [point for point in swept.points if point.kind == kind and point.name.endswith(end)]
    point = [point for point in points if point.name.startswith("cache/")][-1]
    root = swept.fresh("killed")
    assert swept.run(root, Fault(point.at, "tear")).killed
    model = swept.pipeline.records["train"].model
    for path in (root / model.path, root / "runs" / "first" / "model.keras"):
        assert digests.sha256(path) == model.sha256
    assert not roots.visible_damage(root)


def test_kill_while_the_report_is_written_leaves_no_partial_report(finished, tmp_path):
    swept = Sweep(*finished, "publish", tmp_path)
    files = ("report.html", "manifest.json")
    written = [one for one in swept.points if one.kind == "write" and one.name.endswith(files)]
    assert len(written) >= 2
    for point in (*written, *(one for one in swept.points if one.kind == "rename")):
        root = swept.fresh(f"killed-{point.at}")
        assert swept.run(root, Fault(point.at, "tear")).killed
        assert run_folder.run_ids(Workspace(root)) == ["first"]
        assert [path.name for path in (root / "runs").iterdir() if path.name[0] != "."] == ["first"]
        assert not roots.visible_damage(root)
