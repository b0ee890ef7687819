"""Decides which runs to remove, and which cache entries the kept runs need."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sightline.errors import InputError
from sightline.experiments import pins, run_folder
from sightline.experiments.prune.plan import (
    LINK,
    KeptRun,
    OldRun,
    Reason,
    RegisteredModels,
    Skipped,
)
from sightline.storage import files
from sightline.storage.workspace import Workspace

_REFERENCE = re.compile(r"\bcache/([^/\"]+)/([^/\"]+)/")
"""The path of a file in a cache entry, as in the JSON of a manifest."""


@dataclass
class Selection:
    """Which runs to remove, the last published first, and which to keep.

    `needed` has stage and key of every cache entry that a kept run refers to.
    """

    old: list[OldRun] = field(default_factory=list)
    kept: list[KeptRun] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    needed: set[tuple[str, str]] = field(default_factory=set)
    all_read: bool = True


class _Run(NamedTuple):
    """The part of a manifest that matters here; a complete manifest may be large."""

    path: Path
    created: datetime
    kind: tuple[str, str]  # Data set and recipe
    needed: frozenset[tuple[str, str]]


def select(workspace: Workspace, keep: int, models: RegisteredModels) -> Selection:
    """Decide which runs to remove.

    The publication time is taken from the manifest, since copying a folder changes file times.
    Pinned runs do not count as one of the `keep` newest runs.
    """
    selection = Selection()
    for dataset, error in models.unreadable.items():
        selection.skipped.append(Skipped(path=f"models/{dataset}", reason=error))
    run_folder.pull(workspace)
    pinned = pins.pinned_ids(workspace)
    newest = 0
    seen: set[tuple[str, str]] = set()
    for run in _read_all(workspace, selection):
        name = run.path.name
        if why := _why_untouchable(run.path):
            selection.skipped.append(Skipped(path=f"runs/{name}", reason=why))
        elif reason := _why_kept(run, seen, models, pinned=name in pinned, newest=newest < keep):
            newest += reason == "among the newest"
            selection.kept.append(KeptRun(run_id=name, reason=reason))
        elif pins.is_pinned(workspace, name):
            selection.kept.append(KeptRun(run_id=name, reason="pinned"))
        else:
            size = files.size(run.path)
            selection.old.append(OldRun(run_id=name, created=run.created, bytes=size))
            continue
        seen.add(run.kind)
        selection.needed.update(run.needed)
    return selection


def _read_all(workspace: Workspace, selection: Selection) -> list[_Run]:
    """Read all manifests, the newest first; unreadable ones are noted in the selection."""
    found = []
    for path in run_folder.visible_folders(workspace):
        try:
            manifest = run_folder.read_folder(path)
        except InputError as error:
            selection.all_read = False
            selection.skipped.append(Skipped(path=f"runs/{path.name}", reason=str(error)))
            continue
        ingest, recipe = manifest.records.ingest, manifest.config.recipe
        needed = frozenset(_REFERENCE.findall(manifest.records.model_dump_json()))
        found.append(_Run(path, manifest.created, (ingest.dataset, recipe), needed))
    return sorted(found, key=lambda run: (run.created.timestamp(), run.path.name), reverse=True)


def _why_untouchable(path: Path) -> str | None:
    if path.is_symlink() or path.parent.is_symlink():
        return LINK
    return None if run_folder.is_id(path.name) else "its name is not a run ID"


def _why_kept(
    run: _Run,
    seen: set[tuple[str, str]],
    models: RegisteredModels,
    *,
    pinned: bool,
    newest: bool,
) -> Reason | None:
    if pinned:
        return "pinned"
    if newest:
        return "among the newest"
    if run.kind not in seen:
        return "the newest of its data set and recipe"
    if run.path.name in models.candidates:
        return "candidate"
    return "possibly the candidate" if run.kind[0] in models.unreadable else None
