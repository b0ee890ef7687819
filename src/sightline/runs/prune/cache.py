"""Finds the cache entries that no run that stays refers to."""

import re
from collections.abc import Iterator
from pathlib import Path

from sightline.pipeline.stages import STAGES
from sightline.runs.prune.plan import LINK, LeftAlone, OldEntry
from sightline.storage import files
from sightline.storage.workspace import Workspace

KEY = re.compile(r"[0-9a-f]{40}")
_STAGES = frozenset(stage.name for stage in STAGES)


def judge(
    workspace: Workspace, needed: set[tuple[str, str]]
) -> tuple[list[OldEntry], list[LeftAlone]]:
    """Look at every cache entry.

    Args:
        needed: Stage and key of the entries that stay.

    Returns:
        Entries that go, and what is left alone since it is no entry of `cache/<stage>/<key>/`.

    Raises:
        OSError: A folder cannot be listed.
    """
    going: list[OldEntry] = []
    left_alone: list[LeftAlone] = []
    for path in _paths(workspace):
        stage, key = path.parent.name, path.name
        if path.is_symlink():
            left_alone.append(LeftAlone(path=path.relative_to(workspace.root).as_posix(), why=LINK))
        elif stage not in _STAGES or not KEY.fullmatch(key) or not path.is_dir():
            why = "it is no cache entry of this version of Sightline"
            left_alone.append(LeftAlone(path=path.relative_to(workspace.root).as_posix(), why=why))
        elif (stage, key) not in needed:
            going.append(OldEntry(stage=stage, key=key, bytes=files.size(path)))
    return going, left_alone


def stage_folders(workspace: Workspace) -> list[Path]:
    """List the folders of stages that are looked into; never behind a symbolic link."""
    return [path for path in _above(workspace) if _is_looked_into(path)]


def _paths(workspace: Workspace) -> Iterator[Path]:
    """Yield every entry, and in its place a folder that is not looked into."""
    for path in _above(workspace):
        if _is_looked_into(path):
            yield from _visible(path)
        else:
            yield path


def _above(workspace: Workspace) -> list[Path]:
    cache = workspace.root / "cache"
    return [cache] if cache.is_symlink() else _visible(cache)


def _is_looked_into(path: Path) -> bool:
    return path.name in _STAGES and path.is_dir() and not path.is_symlink()


def _visible(folder: Path) -> list[Path]:
    if not folder.exists():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
