import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from elsewhere import used_elsewhere
from prunable import publish, tree
from sightline.flows.cli.main import app
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Two runs, each with a cache entry of its own."""
    monkeypatch.setenv("COLUMNS", "200")
    workspace = Workspace(tmp_path / "artifacts")
    publish(workspace, "old", "1")
    publish(workspace, "new", "2")
    return workspace


def invoke(command: str, workspace: Workspace, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["runs", command, *arguments, f"--artifacts={workspace}"])


def test_dry_run_shows_what_would_be_removed_and_changes_nothing(workspace: Workspace) -> None:
    before = tree(workspace.root)
    result = invoke("prune", workspace, "--keep", "1", "--dry-run")
    assert result.exit_code == 0, result.output
    assert tree(workspace.root) == before
    assert re.search(r"old +│ \d{4}-\d\d-\d\d \d\d:\d\d +│ +[\d.]+ (bytes|kB)", result.stdout)
    assert re.search(r"cache of build +│ +1 │ +[\d.]+ (bytes|kB)", result.stdout)
    assert re.search(r"Would free .* \(runs: 1, cache entries: 1\)", result.stdout)
    assert result.stderr == ""


def test_prune_is_refused_while_a_run_is_active(workspace: Workspace) -> None:
    with used_elsewhere(workspace.root):
        refused = invoke("prune", workspace, "--keep", "1")
        dry = invoke("prune", workspace, "--keep", "1", "--dry-run")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert str(workspace) in " ".join(refused.stderr.split())
    assert dry.exit_code == 0
    assert "A run is active" in dry.stderr
    assert run_folder.run_ids(workspace) == ["new", "old"]


def test_pinned_run_is_marked_and_never_pruned(workspace: Workspace) -> None:
    assert "Pinned old." in invoke("pin", workspace, "old", "--reason", "in the [paper]").stdout
    listed = invoke("list", workspace).stdout
    assert re.search(r"│ \* │ old ", listed)
    assert re.search(r"│   │ new ", listed)
    assert re.search(r"pinned +│ .* UTC: in the \[paper\]", invoke("show", workspace, "old").stdout)
    result = invoke("prune", workspace, "--keep", "1")
    assert result.exit_code == 0, result.output
    assert "Nothing to remove." in result.stdout
    assert re.search(r"Kept runs: 1 \(.*\), 1 \(pinned\)", result.stdout)
    assert "Unpinned old." in invoke("unpin", workspace, "old").stdout
    assert "pinned" not in invoke("list", workspace).stdout


def test_unreadable_run_is_named_and_the_cache_is_kept(workspace: Workspace) -> None:
    (workspace.root / "runs/old/manifest.json").write_text("{")
    before = tree(workspace.root / "cache")
    result = invoke("prune", workspace, "--keep", "1")
    assert result.exit_code == 0, result.output
    assert tree(workspace.root / "cache") == before
    assert "Skipped: runs/old: " in result.stderr
    assert "No cache entry is removed" in result.stderr


def test_json_lists_what_was_removed(workspace: Workspace) -> None:
    result = invoke("prune", workspace, "--keep", "1", "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    removed = json.loads(result.stdout)
    assert removed["dry_run"] is False
    assert [run["run_id"] for run in removed["runs"]] == ["old"]
    assert [entry["stage"] for entry in removed["entries"]] == ["build"]
    assert removed["bytes"] == sum(
        item["bytes"] for item in (*removed["runs"], *removed["entries"])
    )
    assert run_folder.run_ids(workspace) == ["new"]


@pytest.mark.parametrize(
    ("command", "arguments", "named"),
    [
        ("prune", ["--keep", "0"], "'--keep'"),
        ("pin", ["nothing"], "'nothing'"),
        ("unpin", ["new"], "'new'"),
    ],
)
def test_mistake_ends_with_2(
    workspace: Workspace, command: str, arguments: list[str], named: str
) -> None:
    result = invoke(command, workspace, *arguments)
    assert result.exit_code == 2
    assert named in " ".join(result.stderr.split())


def test_missing_artifacts_directory_is_refused_and_not_created(tmp_path: Path) -> None:
    result = invoke("prune", Workspace(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "--artifacts" in result.stderr
    assert list(tmp_path.iterdir()) == []
