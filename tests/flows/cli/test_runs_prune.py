import json
import re

import pytest

from cli import refused, sightline
from elsewhere import used_elsewhere
from prunable import publish, tree
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace


@pytest.fixture
def workspace(place):
    """Two runs, each with a cache entry of its own."""
    workspace = Workspace(place / "artifacts")
    publish(workspace, "old", "1")
    publish(workspace, "new", "2")
    return workspace


def test_dry_run_shows_what_would_be_removed_and_changes_nothing(workspace):
    before = tree(workspace.root)
    done = sightline("runs prune --keep 1 --dry-run")
    assert tree(workspace.root) == before
    assert re.search(r"old +│ \d{4}-\d\d-\d\d \d\d:\d\d +│ +[\d.]+ (bytes|kB)", done.stdout)
    assert re.search(r"cache of build +│ +1 │ +[\d.]+ (bytes|kB)", done.stdout)
    assert re.search(r"Would free .* \(runs: 1, cache entries: 1\)", done.stdout)
    assert done.stderr == ""


def test_prune_is_refused_while_a_run_is_active(workspace):
    with used_elsewhere(workspace.root):
        assert str(workspace) in refused("runs prune --keep 1")
        assert "A run is active" in sightline("runs prune --keep 1 --dry-run").stderr
    assert run_folder.run_ids(workspace) == ["new", "old"]


def test_pinned_run_is_marked_and_never_pruned(workspace):
    assert "Pinned old." in sightline("runs pin old --reason 'in the [paper]'").stdout
    listed = sightline("runs list").stdout
    assert re.search(r"│ old\* +│", listed)
    assert re.search(r"│ new +│", listed)
    shown = sightline("runs show old").stdout
    assert re.search(r"pinned +│ .* UTC: in the \[paper\]", shown)
    assert "Next: Hold out a validation split (preprocessing.validation_fraction" in shown
    pruned = sightline("runs prune --keep 1").stdout
    assert "Nothing to remove." in pruned
    assert re.search(r"Kept runs: 1 \(.*\), 1 \(pinned\)", pruned)
    assert "Unpinned old." in sightline("runs unpin old").stdout
    assert "pinned" not in sightline("runs list").stdout


def test_unreadable_run_is_named_and_the_cache_is_kept(workspace):
    (workspace.root / "runs/old/manifest.json").write_text("{")
    before = tree(workspace.root / "cache")
    said = sightline("runs prune --keep 1").stderr
    assert tree(workspace.root / "cache") == before
    assert "Skipped: runs/old: " in said
    assert "No cache entry is removed" in said


def test_json_lists_what_was_removed(workspace):
    removed = json.loads(sightline("runs prune --keep 1 --json").output)
    assert removed["dry_run"] is False
    assert [run["run_id"] for run in removed["runs"]] == ["old"]
    assert [entry["stage"] for entry in removed["entries"]] == ["build"]
    sizes = [item["bytes"] for item in (*removed["runs"], *removed["entries"])]
    assert removed["bytes"] == sum(sizes)
    assert run_folder.run_ids(workspace) == ["new"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [("prune --keep 0", "'--keep'"), ("pin nothing", "'nothing'"), ("unpin new", "'new'")],
)
def test_mistake_ends_with_2(workspace, arguments, named):
    assert named in refused(f"runs {arguments}")


def test_missing_artifacts_directory_is_refused_and_not_created(place):
    assert "--artifacts" in refused("runs prune --artifacts nowhere")
    assert list(place.iterdir()) == []
