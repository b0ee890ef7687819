"""Removes the files of old versions; their records, events and signed provenance stay.

The champion, the previous champion (for a rollback), the candidate, versions whose run a person has
pinned, and the newest others are kept. The pin that a promotion sets goes with the last version of
its run.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from sightline.errors import InputError, StorageError
from sightline.experiments import pins
from sightline.records import Record
from sightline.registry import audit_log, documents, paths
from sightline.registry.audit_log import EventLog, again_if_overtaken
from sightline.registry.promote import pin_reason
from sightline.storage import files
from sightline.storage.workspace import Workspace

KEEP = 5  # Number of the newest other versions that are kept by default
_Found = tuple[list["OldVersion"], list["KeptVersion"]]
_Act = Callable[[Workspace, str, int], _Found]
Reason = Literal["champion", "previous champion", "candidate", "pinned", "among the newest"]


class OldVersion(Record):
    """A version to remove: name, run, time of its registration (UTC), its last event, bytes."""

    version: str
    run_id: str
    registered: datetime
    last: Literal["registered", "promoted", "refused"]
    bytes: int


class KeptVersion(Record):
    """A version that stays, and why."""

    version: str
    reason: Reason


class SkippedDataset(Record):
    """A data set whose audit log is damaged, so that no version is removed."""

    dataset: str
    reason: str


class VersionPlan(Record):
    """What a clean-up of versions removes and what it keeps."""

    versions: tuple[OldVersion, ...]  # To remove, the oldest of each data set first
    kept: tuple[KeptVersion, ...]
    skipped: tuple[SkippedDataset, ...]
    bytes: int  # How much is freed in total


def plan(workspace: Workspace, keep: int = KEEP, dataset: str | None = None) -> VersionPlan:
    """Find out what a clean-up would remove, in one data set or in all; changes nothing.

    `keep` is the number of the newest versions that stay besides those that always do. Raises
    InputError if it is negative or `dataset` is not a data set name.
    """
    return _collect(workspace, keep, dataset, _plan)


def prune(workspace: Workspace, keep: int = KEEP, dataset: str | None = None) -> VersionPlan:
    """Remove the files of old versions; the arguments and errors are as in `plan`.

    For each version, an event is added first. A clean-up that is killed is completed by the next
    one. Raises StorageError if the artifacts root cannot be written.
    """
    return _collect(workspace, keep, dataset, _prune)


def _collect(workspace: Workspace, keep: int, dataset: str | None, act: _Act) -> VersionPlan:
    if keep < 0:
        raise InputError(f"keep must be at least 0, got {keep}.")
    old: list[OldVersion] = []
    kept: list[KeptVersion] = []
    skipped: list[SkippedDataset] = []
    for name in paths.datasets(workspace) if dataset is None else [dataset]:
        paths.home(workspace, name)  # Fails if it is not a data set name
        try:
            known = audit_log.read(workspace, name).events
        except StorageError:
            raise
        except InputError as error:
            skipped.append(SkippedDataset(dataset=name, reason=str(error)))
            continue
        if not known:  # A lock would create its folder
            continue
        removed, stays = act(workspace, name, keep)
        old += removed
        kept += stays
    total = sum(one.bytes for one in old)
    return VersionPlan(versions=tuple(old), kept=tuple(kept), skipped=tuple(skipped), bytes=total)


def _plan(workspace: Workspace, dataset: str, keep: int) -> _Found:
    log = audit_log.read(workspace, dataset)
    places = _files(workspace, dataset)
    old: list[OldVersion] = []
    kept: list[KeptVersion] = []
    newest = 0
    for event in (event for event in reversed(log.events) if event.action == "register"):
        name = event.version
        if name in log.state.pruned:
            continue
        if reason := _why_kept(workspace, log, name, event.run_id):
            kept.append(KeptVersion(version=name, reason=reason))
        elif newest < keep:
            newest += 1
            kept.append(KeptVersion(version=name, reason="among the newest"))
        else:
            own = {"version": name, "run_id": event.run_id, "registered": event.created}
            size = sum(places[name].values())
            old.append(OldVersion(**own, last=_last(log, name), bytes=size))
    return old[::-1], kept


@again_if_overtaken
def _prune(workspace: Workspace, dataset: str, keep: int) -> _Found:
    with documents.locked(workspace, dataset, f"remove old versions of {dataset}"):
        old, kept = _plan(workspace, dataset, keep)
        for one in old:
            log = audit_log.read(workspace, dataset)
            reason = f"{one.last} and not among the newest {keep}; {one.bytes:,} bytes removed"
            audit_log.append(workspace, log, "prune", one.version, reason=reason)
        log = audit_log.read(workspace, dataset)
        _unpin(workspace, log)
        for version, found in _files(workspace, dataset).items():
            if version in log.state.pruned:
                _remove(workspace, found)
    return old, kept


def _why_kept(workspace: Workspace, log: EventLog, name: str, run_id: str) -> Reason | None:
    if name == log.state.champion:
        return "champion"
    if name == log.state.previous_champion:
        return "previous champion"
    if name == log.state.candidate:
        return "candidate"
    is_pinned = pins.is_pinned(workspace, run_id)
    return "pinned" if is_pinned and not _is_pinned_by_promotion(workspace, log, run_id) else None


def _unpin(workspace: Workspace, log: EventLog) -> None:
    """Remove the pins that promotions set on runs of which no version is left."""
    names = defaultdict[str, set[str]](set)
    for event in log.events:
        names[event.run_id].add(event.version)
    for run_id in names.keys() & pins.pinned_ids(workspace):
        if names[run_id] <= log.state.pruned and _is_pinned_by_promotion(workspace, log, run_id):
            pins.unpin(workspace, run_id)


def _is_pinned_by_promotion(workspace: Workspace, log: EventLog, run_id: str) -> bool:
    """Return whether the pin of a run is that of a promotion, of whichever of its versions."""
    pin = pins.read(workspace, run_id)
    versions = {event.version for event in log.events if event.run_id == run_id}
    return pin is not None and pin.reason.startswith(tuple(map(pin_reason, versions)))


def _last(log: EventLog, name: str) -> Literal["registered", "promoted", "refused"]:
    """Return what became of a version last; a rollback made it, or another, champion again."""
    if log.last_of("promote", name):
        return "promoted"
    return "refused" if log.last_of("refuse", name) else "registered"


def _files(workspace: Workspace, dataset: str) -> dict[str, dict[str, int]]:
    """Return the size of each file of each version but its record, by name and by key.

    On object storage, keys are those of the store, which the replica need not have.
    """
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for key, size in _keys(workspace, f"models/{dataset}/versions/"):
        number, _, name = key.split("/", 3)[3].partition("/")
        version = paths.name(dataset, int(number)) if number.isdecimal() else ""
        if paths.parse(version) and name != paths.VERSION:
            found[version][key] = size
    return found


def _keys(workspace: Workspace, prefix: str) -> Iterator[tuple[str, int]]:
    if store := workspace.store:
        yield from ((one.key, one.bytes) for one in store.list(prefix))
        return
    for path in sorted(workspace.path(prefix).rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(workspace.root).as_posix(), path.lstat().st_size


def _remove(workspace: Workspace, keys: dict[str, int]) -> None:
    """Remove files, and the folders that are then empty; here and in the store."""
    if store := workspace.store:
        store.delete(*keys)
    for key in keys:
        path = workspace.path(key)
        files.remove(path)
        for folder in path.parents[: len(key.split("/")) - 5]:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
