"""Finds cache entries that no kept run refers to, and checkpoints that no training resumes from."""

import re
import time
from pathlib import Path

from sightline.experiments.prune.plan import LINK, OldEntry, Skipped
from sightline.pipeline.stages import STAGE_NAMES
from sightline.storage import files
from sightline.storage.workspace import Workspace

KEY = re.compile(r"[0-9a-f]{40}")

CHECKPOINT_DAYS = 7
"""How long the checkpoints of an interrupted training are kept after the last write."""

UNKNOWN = "it is not a cache entry of this version of Sightline"
RESUMABLE = (
    "an interrupted training may resume from it; it is removed "
    f"{CHECKPOINT_DAYS} days after its last write"
)


def find_unused(
    workspace: Workspace, needed: set[tuple[str, str]]
) -> tuple[list[OldEntry], list[Skipped]]:
    """Find the entries `cache/<stage>/<key>/` to remove, and what is skipped because it is none."""
    unused: list[OldEntry] = []
    skipped: list[Skipped] = []
    folders = stage_folders(workspace)
    others = [path for path in _children(workspace.root / "cache") if path not in folders]
    for path in sorted(others + [entry for folder in folders for entry in _children(folder)]):
        stage, key = path.parent.name, path.name
        name = path.relative_to(workspace.root).as_posix()
        if path.is_symlink():
            skipped.append(Skipped(path=name, reason=LINK))
        elif stage not in STAGE_NAMES or not KEY.fullmatch(key) or not path.is_dir():
            skipped.append(Skipped(path=name, reason=UNKNOWN))
        elif (stage, key) not in needed:
            unused.append(OldEntry(stage=stage, key=key, bytes=files.size(path)))
    return unused, skipped


def stage_folders(workspace: Workspace) -> list[Path]:
    """List the folders that hold the cache entries of a stage, without symbolic links."""
    return [
        path
        for path in _children(workspace.root / "cache")
        if path.name in STAGE_NAMES and path.is_dir() and not path.is_symlink()
    ]


def find_old_checkpoints(workspace: Workspace) -> tuple[list[Path], list[Skipped]]:
    """Find the folders to remove, and those that are kept because a training may resume from them.

    A training that completes removes its own checkpoints.
    """
    old: list[Path] = []
    skipped: list[Skipped] = []
    folder = workspace.root / "checkpoints"
    for path in [] if folder.is_symlink() else _children(folder):
        name = path.relative_to(workspace.root).as_posix()
        if not KEY.fullmatch(path.name):
            continue
        if path.is_symlink():
            skipped.append(Skipped(path=name, reason=LINK))
        elif not path.is_dir():
            continue
        elif (workspace.root / "cache" / "train" / path.name).is_dir() or _is_abandoned(path):
            old.append(path)
        else:
            skipped.append(Skipped(path=name, reason=RESUMABLE))
    return old, skipped


def _is_abandoned(path: Path) -> bool:
    times = [found.stat().st_mtime for found in (path, *path.iterdir())]
    return max(times) < time.time() - CHECKPOINT_DAYS * 24 * 3600


def _children(folder: Path) -> list[Path]:
    """List the visible children of a folder; a link is listed itself and not followed."""
    if folder.is_symlink():
        return [folder]
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
