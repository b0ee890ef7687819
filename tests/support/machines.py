"""Machines that share nothing but an object store."""

from pathlib import Path

import runs_to_promote
from sightline.experiments import run_folder
from sightline.records.manifest import RunManifest
from sightline.storage.workspace import Workspace


def publish(workspace: Workspace, run_id: str) -> RunManifest:
    """Publish a run without training it."""
    manifest = runs_to_promote.publish(workspace.root, run_id, exports=False)
    assert workspace.store
    folder = run_folder.folder(workspace, run_id)
    for name, record in manifest.files.items():
        workspace.store.upload(run_folder.stored_key(run_id, name, record), folder / name)
    workspace.store.upload(f"runs/{run_id}/{run_folder.MANIFEST}", folder / run_folder.MANIFEST)
    return manifest


def upload(workspace: Workspace, place: str) -> None:
    """Store what was made in a folder of the replica."""
    assert workspace.store
    for path in sorted(workspace.path(place).rglob("*")):
        if path.is_file():
            workspace.store.upload(path.relative_to(workspace.root).as_posix(), path)


def keys(workspace: Workspace, prefix: str = "") -> list[str]:
    assert workspace.store
    return sorted(one.key for one in workspace.store.list(prefix))


def two(folder: Path, url: str) -> tuple[Workspace, Workspace]:
    return Workspace(folder / "a", url), Workspace(folder / "b", url)
