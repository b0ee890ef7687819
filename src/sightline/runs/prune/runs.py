"""Tells the runs that go from those that stay, and what those that stay need of the cache."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sightline import registry
from sightline.errors import InputError
from sightline.runs import pins, run_folder
from sightline.runs.prune.plan import LINK, KeptRun, LeftAlone, OldRun, Reason
from sightline.storage import files
from sightline.storage.workspace import Workspace

_REFERENCE = re.compile(r"\bcache/([^/\"]+)/([^/\"]+)/")
"""A path of a file in an entry, as the JSON of a run's records holds it."""


@dataclass
class Judged:
    """What is known of the runs.

    Attributes:
        going: Runs that go, the last published first.
        kept: Runs that stay, the last published first.
        left_alone: Folders among the runs that are not touched.
        needed: Stage and key of every cache entry that what stays refers to.
        pairs: Data set and recipe of what stays.
        candidates: Runs of the models that wait for a decision.
        unclear: Data sets of which nobody knows what waits, since their audit log is damaged.
        all_read: Whether every manifest could be read.
    """

    going: list[OldRun] = field(default_factory=list)
    kept: list[KeptRun] = field(default_factory=list)
    left_alone: list[LeftAlone] = field(default_factory=list)
    needed: set[tuple[str, str]] = field(default_factory=set)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    candidates: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)
    all_read: bool = True


@dataclass(frozen=True)
class _Run:
    """What counts of a manifest; the whole of it may be large."""

    path: Path
    created: datetime
    pair: tuple[str, str]
    needed: frozenset[tuple[str, str]]


def judge(workspace: Workspace, keep: int) -> Judged:
    """Look at every run, the last published first.

    When a run was published is what its manifest says; file times change when a folder is
    copied.

    Args:
        keep: How many of the newest runs stay; pinned ones do not count.

    Returns:
        What goes, what stays and why.

    Raises:
        StorageError: The pins cannot be listed.
        OSError: A folder cannot be listed.
    """
    judged = Judged()
    _find_candidates(workspace, judged)
    pinned = pins.pinned_ids(workspace)
    for run in _read_all(workspace, judged):
        name = run.path.name
        if why := _why_untouched(run.path):
            _leave(judged, run.path, why)
        elif reason := _why_kept(judged, run, keep, pinned=name in pinned):
            judged.kept.append(KeptRun(run_id=name, why=reason))
        else:
            size = files.size(run.path)
            judged.going.append(OldRun(run_id=name, created=run.created, bytes=size))
            continue
        judged.pairs.add(run.pair)
        judged.needed.update(run.needed)
    return judged


def _read_all(workspace: Workspace, judged: Judged) -> list[_Run]:
    found = []
    for path in _folders(workspace):
        try:
            found.append(_read(path))
        except InputError as error:
            judged.all_read = False
            _leave(judged, path, str(error))
    return sorted(found, key=lambda run: (run.created.timestamp(), run.path.name), reverse=True)


def _find_candidates(workspace: Workspace, judged: Judged) -> None:
    for dataset in registry.datasets(workspace):
        try:
            if run_id := registry.run_of(workspace, dataset, "candidate"):
                judged.candidates.add(run_id)
        except (InputError, OSError) as error:
            judged.unclear.add(dataset)
            judged.left_alone.append(LeftAlone(path=f"models/{dataset}", why=str(error)))


def _folders(workspace: Workspace) -> list[Path]:
    """List what a person sees as a folder among the runs."""
    folder = workspace.root / "runs"
    if not folder.exists():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and (path.is_dir() or path.is_symlink())
    )


def _read(path: Path) -> _Run:
    manifest = run_folder.read_folder(path)
    return _Run(
        path=path,
        created=manifest.created,
        pair=(manifest.records.ingest.dataset, manifest.config.recipe),
        needed=frozenset(_REFERENCE.findall(manifest.records.model_dump_json())),
    )


def _why_untouched(path: Path) -> str | None:
    if path.is_symlink() or path.parent.is_symlink():
        return LINK
    return None if run_folder.is_id(path.name) else "its name is no run id"


def _why_kept(judged: Judged, run: _Run, keep: int, *, pinned: bool) -> Reason | None:
    if pinned:
        return "pinned"
    if sum(kept.why == "among the newest" for kept in judged.kept) < keep:
        return "among the newest"
    if run.pair not in judged.pairs:
        return "the newest of its data set and recipe"
    if run.path.name in judged.candidates:
        return "candidate"
    return "perhaps the candidate" if run.pair[0] in judged.unclear else None


def _leave(judged: Judged, path: Path, why: str) -> None:
    judged.left_alone.append(LeftAlone(path=f"runs/{path.name}", why=why))
