"""Finds and removes in an object store what a cleanup removes; the replica is only a copy."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sightline.errors import RunExistsError
from sightline.experiments import new_run, run_folder
from sightline.experiments.prune.cache import CHECKPOINT_DAYS, KEY, RESUMABLE, UNKNOWN
from sightline.experiments.prune.plan import Leftover, OldEntry, OldRun, Plan, Skipped
from sightline.experiments.prune.runs import Selection
from sightline.pipeline.stages import STAGE_NAMES
from sightline.storage import claims, transfer
from sightline.storage.claims import HeldClaim
from sightline.storage.object_store import ObjectStore
from sightline.storage.workspace import Workspace


class _Folder(NamedTuple):
    """The objects of one run, cache entry or training."""

    bytes: int
    changed: datetime  # When the newest was written, by the clock of the service
    complete: bool  # Whether it has a manifest


def plan(store: ObjectStore, selection: Selection) -> Plan:
    """Plan what to remove; the arguments say which runs go, and what the others need."""
    stored = {prefix: _folders(store, prefix) for prefix in ("runs/", "cache/", "checkpoints/")}
    nothing = _Folder(0, datetime.now(UTC), complete=False)
    old = tuple(
        run.model_copy(update={"bytes": stored["runs/"].get(f"runs/{run.run_id}", nothing).bytes})
        for run in selection.old
    )
    entries, skipped = _unused(stored["cache/"], selection)
    left = [*_unpublished(store, stored["runs/"])]
    for path, folder in stored["checkpoints/"].items():
        done = stored["cache/"].get(f"cache/train/{path.rpartition('/')[2]}", nothing)
        if done.complete or folder.changed < datetime.now(UTC) - timedelta(days=CHECKPOINT_DAYS):
            left.append(Leftover(path=path, bytes=folder.bytes))
        else:
            skipped.append(Skipped(path=path, reason=RESUMABLE))
    removed: list[OldRun | OldEntry | Leftover] = [*old, *entries, *left]
    return Plan(
        runs=old,
        entries=tuple(entries),
        leftovers=tuple(left),
        kept=tuple(selection.kept),
        skipped=(*selection.skipped, *skipped),
        cache_checked=selection.all_read,
        bytes=sum(item.bytes for item in removed),
    )


def remove(workspace: Workspace, store: ObjectStore, claim: HeldClaim, found: Plan) -> None:
    """Remove what was planned, runs first and their manifests before all else.

    A run whose machine was suspended may still be published: it is left alone. Claims of killed
    processes are removed as well. Raises StorageError, with the rest unchanged, if this machine
    lost `claim`, that of the clean-up.
    """
    unpublished = {one.path for one in found.leftovers if one.path.startswith("runs/")}
    for path in unpublished:
        claim.check()
        with suppress(RunExistsError), new_run.claim(workspace, path.rpartition("/")[2]):
            transfer.delete(store, f"{path}/")
    places = (
        *(f"runs/{run.run_id}" for run in found.runs),
        # Checkpoints before their entries
        *(one.path for one in found.leftovers if one.path not in unpublished),
        *(f"cache/{entry.stage}/{entry.key}" for entry in found.entries),
    )
    for place in places:
        claim.check()
        transfer.delete(store, f"{place}/")
    claim.check()
    claims.remove_ended(store)


def _unused(
    stored: dict[str, _Folder], selection: Selection
) -> tuple[list[OldEntry], list[Skipped]]:
    unused: list[OldEntry] = []
    skipped: list[Skipped] = []
    for path, folder in stored.items() if selection.all_read else ():
        _, stage, key = path.split("/")
        if stage not in STAGE_NAMES or not KEY.fullmatch(key):
            skipped.append(Skipped(path=path, reason=UNKNOWN))
        elif (stage, key) not in selection.needed:
            unused.append(OldEntry(stage=stage, key=key, bytes=folder.bytes))
    return unused, skipped


def _unpublished(store: ObjectStore, stored: dict[str, _Folder]) -> Iterator[Leftover]:
    """Yield what runs that were killed while they were published have left."""
    for path, folder in stored.items():
        if folder.complete or not run_folder.is_id(path.rpartition("/")[2]):
            continue
        if store.stat(f"{path}/{run_folder.MANIFEST}") is None:  # a listing may not name it yet
            yield Leftover(path=path, bytes=folder.bytes)


def _folders(store: ObjectStore, prefix: str) -> dict[str, _Folder]:
    """Add up the objects below a prefix by the folder that is a unit there, sorted by path."""
    depth = 3 if prefix == "cache/" else 2
    found: dict[str, _Folder] = {}
    for one in store.list(prefix):
        *parts, name = one.key.split("/")
        if len(parts) < depth:
            continue
        path, complete = "/".join(parts[:depth]), len(parts) == depth and name == "manifest.json"
        old = found.get(path, _Folder(0, one.modified, complete=False))
        found[path] = _Folder(
            old.bytes + one.bytes, max(old.changed, one.modified), old.complete or complete
        )
    return dict(sorted(found.items()))
