"""Finds the checkpoints of trainings that are not going to go on."""

import time
from pathlib import Path

from sightline.runs.prune import cache
from sightline.runs.prune.plan import LINK, LeftAlone, Leftover
from sightline.storage import files

DAYS = 7
"""How long an interrupted training may wait to go on, counted from its last checkpoint."""

_WAITS = f"an interrupted training may go on from it; it goes {DAYS} days after its last write"


def judge(root: Path) -> tuple[list[Leftover], list[LeftAlone]]:
    """Look at every folder of checkpoints; a training that ends removes its own.

    Args:
        root: The artifacts root.

    Returns:
        Folders that go: the training is done, or was left for longer than `DAYS`. And what
        stays, since it may go on.

    Raises:
        OSError: A folder cannot be listed.
    """
    going: list[Leftover] = []
    left_alone: list[LeftAlone] = []
    for path in _folders(root):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            left_alone.append(LeftAlone(path=name, why=LINK))
        elif _is_done(root, path) or _is_old(path):
            going.append(Leftover(path=name, bytes=files.size(path)))
        else:
            left_alone.append(LeftAlone(path=name, why=_WAITS))
    return going, left_alone


def remove(root: Path) -> None:
    """Remove the checkpoints that go; nobody may be at work.

    Args:
        root: The artifacts root.

    Raises:
        OSError: Something cannot be listed or removed.
    """
    for old in judge(root)[0]:
        files.set_aside(root / old.path)


def _folders(root: Path) -> list[Path]:
    """List the folders of checkpoints and links that stand for one."""
    return [
        path
        for path in _listed(root)
        if cache.KEY.fullmatch(path.name) and (path.is_dir() or path.is_symlink())
    ]


def _listed(root: Path) -> list[Path]:
    """List all that lies there; never behind a symbolic link."""
    folder = root / "checkpoints"
    return [] if folder.is_symlink() or not folder.is_dir() else sorted(folder.iterdir())


def _is_done(root: Path, path: Path) -> bool:
    return (root / "cache" / "train" / path.name).is_dir()


def _is_old(path: Path) -> bool:
    times = [found.stat().st_mtime for found in (path, *path.iterdir())]
    return max(times) < time.time() - DAYS * 24 * 3600
