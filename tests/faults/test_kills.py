"""`kill -9` at file operations of every stage."""

from pathlib import Path

import pytest

import faultpoint_root as roots
from depth import FULL
from faultpoint import Fault
from faultpoint_root import Finished
from faultpoint_sweep import Sweep, distinct, sample
from sightline.runs import run_folder
from sightline.storage import digests
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign

EVERYWHERE = {"ingest", "preprocess"}
"""Steps killed at every distinct operation; the others are killed at some."""

every_step = pytest.mark.parametrize("step", roots.STEPS)


@every_step
def test_step_killed_at_a_file_operation_recovers_without_loss(
    finished: Finished, tmp_path: Path, step: str
) -> None:
    swept = Sweep(*finished, step, tmp_path)
    assert {"open", "write", "fsync", "rename"} <= {point.kind for point in swept.points}
    some = sample(swept.points, 4 if step in roots.SLOW else 8, seed=22)
    chosen = distinct(swept.points) if FULL or step in EVERYWHERE else some
    for point in chosen:
        swept.kill(point)


@every_step
def test_every_file_is_synced_before_its_rename_and_its_folder_after(
    finished: Finished, tmp_path: Path, step: str
) -> None:
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


def folder(path: str) -> str:
    return path.rpartition("/")[0]


@pytest.mark.parametrize("kind", ["write", "rename"])
def test_kill_while_the_model_is_replaced_leaves_the_previous_one(
    finished: Finished, tmp_path: Path, kind: str
) -> None:
    swept = Sweep(*finished, "train", tmp_path, refresh=True)
    point = [
        point
        for point in swept.points
        if point.kind == kind
        and point.name.startswith("cache/")
        and (kind == "rename" or point.name.endswith("model.keras"))
    ][-1]
    root = swept.fresh("killed")
    assert swept.pipeline.run("train", root, Fault(point.at, "tear"), refresh=True).killed
    model = swept.pipeline.records["train"].model
    for path in (root / model.path, root / "runs" / "first" / "model.keras"):
        assert digests.sha256(path) == model.sha256
    assert not roots.visible_damage(root)


def test_kill_while_the_report_is_written_leaves_no_partial_report(
    finished: Finished, tmp_path: Path
) -> None:
    swept = Sweep(*finished, "publish", tmp_path)
    written = [
        point
        for point in swept.points
        if point.kind == "write" and point.name.endswith(("report.html", "manifest.json"))
    ]
    renamed = [point for point in swept.points if point.kind == "rename"]
    assert len(written) >= 2
    for point in (*written, *renamed):
        root = swept.fresh(f"killed-{point.at}")
        assert swept.pipeline.run("publish", root, Fault(point.at, "tear")).killed
        assert run_folder.run_ids(Workspace(root)) == ["first"]
        assert [path.name for path in (root / "runs").iterdir() if path.name[0] != "."] == ["first"]
        assert not roots.visible_damage(root)
