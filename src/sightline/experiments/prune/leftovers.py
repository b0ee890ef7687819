"""Finds and removes what killed processes left, and the locks of removed runs and entries."""

from collections.abc import Iterable
from pathlib import Path

from sightline.errors import StorageError
from sightline.experiments.prune import cache
from sightline.storage import files
from sightline.storage.workspace import Workspace

_FOLDERS = ("runs", "pins", "noise", "watch", "checkpoints")


def paths(workspace: Workspace, model_folders: Iterable[Path]) -> list[Path]:
    """List what killed processes left half written or half removed.

    While a run is active, what it is writing is also listed.
    """
    folders = [
        workspace.root,
        *(workspace.root / name for name in _FOLDERS),
        *cache.stage_folders(workspace),
        *(workspace.root / "datasets").glob("*"),
        *model_folders,
    ]
    root = workspace.root.resolve()
    return [
        path
        for folder in folders
        if folder.is_dir() and folder.resolve() == root / folder.relative_to(workspace.root)
        for path in files.leftovers(folder)
        if not path.is_symlink()
    ]


def remove(workspace: Workspace, model_folders: Iterable[Path]) -> None:
    """Remove leftovers and unused locks, while no run is active; raise StorageError if it fails."""
    for path in paths(workspace, model_folders):
        files.remove(path)
    for lock in _unused_locks(workspace):
        files.remove(lock)
    if stuck := paths(workspace, model_folders):
        raise StorageError(
            f"{stuck[0]} and {len(stuck) - 1} others cannot be removed completely; fix the "
            "permissions below it and prune again."
        )


def _unused_locks(workspace: Workspace) -> list[Path]:
    """List the locks of all runs, and of cache entries that no longer exist."""
    runs = workspace.root / "runs"
    locks = [] if runs.is_symlink() else list(runs.glob(".*.lock"))
    for folder in cache.stage_folders(workspace):
        for lock in folder.glob(".*.lock"):
            key = lock.name[1:].removesuffix(".lock")
            if cache.KEY.fullmatch(key) and not (folder / key).exists():
                locks.append(lock)
    return locks
