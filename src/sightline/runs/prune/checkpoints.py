"""Finds the checkpoints of trainings that are not going to go on."""

import time
from pathlib import Path

from sightline.runs.prune import cache
from sightline.runs.prune.plan import LINK, LeftAlone, Leftover
from sightline.storage import files
from sightline.storage.workspace import Workspace

DAYS = 7
"""How long an interrupted training may wait to go on, counted from its last checkpoint."""

_WAITS = f"an interrupted training may go on from it; it goes {DAYS} days after its last write"


def judge(workspace: Workspace) -> tuple[list[Leftover], list[LeftAlone]]:
    """Look at every folder of checkpoints; a training that ends removes its own.

    Returns:
        Folders that go: the training is done, or was left for longer than `DAYS`. And what
        stays, since it may go on.

    Raises:
        OSError: A folder cannot be listed.
    """
    going: list[Leftover] = []
    left_alone: list[LeftAlone] = []
    for path in _folders(workspace):
        name = path.relative_to(workspace.root).as_posix()
        if path.is_symlink():
            left_alone.append(LeftAlone(path=name, why=LINK))
        elif _is_done(workspace, path) or _is_old(path):
            going.append(Leftover(path=name, bytes=files.size(path)))
        else:
            left_alone.append(LeftAlone(path=name, why=_WAITS))
    return going, left_alone


def remove(workspace: Workspace) -> None:
    """Remove the checkpoints that go; nobody may be at work.

    Raises:
        OSError: Something cannot be listed or removed.
    """
    for old in judge(workspace)[0]:
        files.set_aside(workspace.root / old.path)


def _folders(workspace: Workspace) -> list[Path]:
    """List the folders of checkpoints and links that stand for one."""
    return [
        path
        for path in _listed(workspace)
        if cache.KEY.fullmatch(path.name) and (path.is_dir() or path.is_symlink())
    ]


def _listed(workspace: Workspace) -> list[Path]:
    """List all that lies there; never behind a symbolic link."""
    folder = workspace.root / "checkpoints"
    return [] if folder.is_symlink() or not folder.is_dir() else sorted(folder.iterdir())


def _is_done(workspace: Workspace, path: Path) -> bool:
    return (workspace.root / "cache" / "train" / path.name).is_dir()


def _is_old(path: Path) -> bool:
    times = [found.stat().st_mtime for found in (path, *path.iterdir())]
    return max(times) < time.time() - DAYS * 24 * 3600
