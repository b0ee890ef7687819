"""What killed processes left, and locks that nobody needs; all of it hidden from readers."""

from pathlib import Path

from sightline import registry
from sightline.errors import StorageError
from sightline.registry import paths
from sightline.runs.prune import cache
from sightline.runs.prune.plan import Leftover
from sightline.storage import files
from sightline.storage.workspace import Workspace


def leftovers(workspace: Workspace) -> list[Leftover]:
    """List what was left half written or half removed, anywhere under a root.

    Returns:
        Files and folders; while something is at work, also what it is writing.

    Raises:
        OSError: A folder cannot be listed.
    """
    return [
        Leftover(path=path.relative_to(workspace.root).as_posix(), bytes=files.size(path))
        for path in _paths(workspace)
    ]


def remove(workspace: Workspace) -> None:
    """Remove leftovers, and the locks of runs and of entries that are gone; nobody may be at work.

    Raises:
        StorageError: Something cannot be removed.
        OSError: A folder cannot be listed.
    """
    for path in _paths(workspace):
        files.remove(path)
    if not (workspace.root / "runs").is_symlink():
        for lock in (workspace.root / "runs").glob(".*.lock"):
            files.remove(lock)
    for folder in cache.stage_folders(workspace):
        for lock in folder.glob(".*.lock"):
            key = lock.name[1:].removesuffix(".lock")
            if cache.KEY.fullmatch(key) and not (folder / key).exists():
                files.remove(lock)
    if stuck := _paths(workspace):
        raise StorageError(
            f"{stuck[0]} cannot be removed completely, {len(stuck)} such in all; mend the "
            "permissions below it and prune again."
        )


def _paths(workspace: Workspace) -> list[Path]:
    names = ("runs", "pins", "noise", "watch", "checkpoints")
    folders = [
        workspace.root,
        *(workspace.root / name for name in names),
        *cache.stage_folders(workspace),
    ]
    folders += (workspace.root / "datasets").glob("*")
    folders += (
        path for name in registry.datasets(workspace) for path in paths.folders(workspace, name)
    )
    return [
        path
        for folder in folders
        if folder.is_dir()
        and folder.resolve() == workspace.root.resolve() / folder.relative_to(workspace.root)
        for path in files.leftovers(folder)
        if not path.is_symlink()
    ]
