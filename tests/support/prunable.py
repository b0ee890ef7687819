"""A small artifacts root to clean up: its entries by the first digit of their keys."""

import os
from collections.abc import Callable
from pathlib import Path

from sightline.registry.retention import registered_models
from sightline.runs.prune import prune as pruning
from sightline.runs.prune.plan import Plan
from sightline.storage.workspace import Workspace

Tree = dict[str, tuple[int, int, bytes]]
Publish = Callable[..., None]


def tree(root: Path) -> Tree:
    """Everything that could change below a folder: kind, time, content or target."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        state = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else b""
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
        found[path.relative_to(root).as_posix()] = (state.st_mode, state.st_mtime_ns, content)
    return found


def key(digit: str) -> str:
    return digit * 40


def entry(root: Path, digit: str) -> Path:
    return root / "cache" / "build" / key(digit)


def entries(root: Path) -> list[str]:
    """The first digits of the keys of the build stage that are there."""
    folder = root / "cache" / "build"
    return sorted(path.name[0] for path in folder.iterdir() if not path.name.startswith("."))


def prune(root: Path, keep: int = pruning.KEEP) -> Plan:
    """Clean a folder up as the command does."""
    return pruning.prune(Workspace(root), keep, registered_models)


def plan(root: Path, keep: int = pruning.KEEP) -> Plan:
    """Plan a cleanup as the command does."""
    return pruning.plan(Workspace(root), keep, registered_models)
