from collections.abc import Callable
from pathlib import Path

import pytest

from prunable import Publish, entries, key, prune, tree
from sightline.data.ingest import INGEST
from sightline.models.build import BUILD
from sightline.pipeline import cache
from sightline.records import Run
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace


def test_cache_entries_that_only_old_runs_needed_go(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("older-of-a-shared-entry", "2")
    publish("new", "2")
    prune(artifacts, 1)
    assert entries(artifacts) == ["2"]
    assert sorted(path.name for path in (artifacts / "cache" / "build").iterdir()) == [
        f".{key('2')}.lock",
        key("2"),
    ]


def test_kept_run_is_found_in_the_cache_and_can_be_published_again(
    artifacts: Path, publish: Publish
) -> None:
    publish("old", "1")
    publish("new", "2")
    prune(artifacts, 1)
    run, records = (
        Run(id="x", workspace=Workspace(artifacts)),
        run_folder.read(Workspace(artifacts), "new").records,
    )
    for stage, record in ((BUILD, records.build.summary), (INGEST, records.ingest.labels)):
        assert cache.find(run, stage, Path(record.path).parent.name) is not None
    publish("again", "2")
    assert run_folder.run_ids(Workspace(artifacts)) == ["again", "new"]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def write_as_another_version_would(path: Path) -> None:
    path.write_text(path.read_text().replace('"run_id"', '"future": 1, "run_id"', 1))


@pytest.mark.parametrize("damage", [truncate, write_as_another_version_would, Path.unlink])
def test_unreadable_run_stays_and_then_the_whole_cache_does(
    artifacts: Path, publish: Publish, damage: Callable[[Path], None]
) -> None:
    publish("unreadable", "1")
    publish("old", "2")
    publish("new", "3")
    damage(run_folder.folder(Workspace(artifacts), "unreadable") / "manifest.json")
    plan = prune(artifacts, 1)
    assert sorted(path.name for path in (artifacts / "runs").iterdir()) == ["new", "unreadable"]
    assert entries(artifacts) == ["1", "2", "3"]
    assert plan.entries == ()
    assert not plan.cache_checked
    assert [left.path for left in plan.skipped] == ["runs/unreadable"]
    assert "manifest.json cannot be read" in plan.skipped[0].reason


def test_linked_cache_is_skipped(artifacts: Path, tmp_path: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    (artifacts / "cache").rename(tmp_path / "elsewhere")
    (artifacts / "cache").symlink_to(tmp_path / "elsewhere")
    before = tree(tmp_path / "elsewhere")
    plan = prune(artifacts, 1)
    assert run_folder.run_ids(Workspace(artifacts)) == ["new"]
    assert tree(tmp_path / "elsewhere") == before
    assert [left.path for left in plan.skipped] == ["cache"]


def test_link_to_a_missing_run_keeps_the_whole_cache(artifacts: Path, publish: Publish) -> None:
    publish("old", "1")
    publish("new", "2")
    (artifacts / "runs" / "unmounted").symlink_to("/nonexistent/run")
    assert not prune(artifacts, 1).cache_checked
    assert entries(artifacts) == ["1", "2"]
