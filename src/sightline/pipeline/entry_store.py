"""Cache entries on object storage: pulled when they are missing here, pushed when complete.

An entry is `cache/<stage>/<key>/manifest.json`, written last, and each file under its digest,
`<first 16 digits>/<name>`. So two machines that make one entry never mix their files, and what is
half pushed is no entry.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sightline.errors import StorageError
from sightline.records import FileRecord, Record
from sightline.storage import claims, digests, files, json_digest, replica, transfer
from sightline.storage.workspace import Workspace

MANIFEST = "manifest.json"
_log = logging.getLogger(__name__)


def read_manifest(workspace: Workspace, place: str) -> bytes | None:
    """Return the stored manifest of the entry `cache/<stage>/<key>`; None if there is none."""
    return workspace.store.read(f"{place}/{MANIFEST}") if workspace.store else None


def pull(workspace: Workspace, place: str, manifest: bytes) -> bool:
    """Replace the local entry by the stored one; return False, with a warning, if it is damaged."""
    store = workspace.store
    assert store is not None  # noqa: S101
    try:
        objects = _objects(place, manifest)
        stored = {one.key: one.bytes for one in store.list(f"{place}/")}
        needed = sum(stored.get(key, 0) for key in objects)
        with workspace.storage_errors():
            replica.make_room(workspace.root, needed)
            workspace.check_room(needed, "The files of a finished stage")
            with files.new_folder(workspace.root / place, replace=True) as folder:
                wanted = {key: (folder / name, digest) for key, (name, digest) in objects.items()}
                transfer.pull(store, wanted)
                (folder / MANIFEST).write_bytes(manifest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("Rebuilding the damaged entry %s of %s: %s", place, workspace, error)
        return False
    return True


def push(workspace: Workspace, place: str, *, replace: bool = False) -> bool:
    """Store a complete local entry; return False if another one is stored already.

    With `replace`, the stored one is replaced; who is reading it still finds its files.
    """
    store, folder = workspace.store, workspace.root / place
    assert store is not None  # noqa: S101
    manifest = (folder / MANIFEST).read_bytes()
    objects = _objects(place, manifest)
    paths = {key: folder / name for key, (name, _) in objects.items()}
    transfer.push(store, paths, replace=replace)
    if replace:
        store.write(f"{place}/{MANIFEST}", manifest)
        return True
    return store.create(f"{place}/{MANIFEST}", manifest)


def fetch(workspace: Workspace, *records: Record) -> None:
    """Provide the files of records, which another machine made, in the local cache.

    Does nothing without object storage. Raises StorageError if a file is not stored with the
    digest that its record expects.
    """
    if workspace.store is None:
        return
    for record in (file for one in records for file in _file_records(one)):
        place, path = "/".join(record.path.split("/")[:3]), workspace.root / record.path
        replica.keep(workspace.root, place)
        if digests.difference(path, record.sha256, record.bytes) is None:
            continue
        manifest = read_manifest(workspace, place)
        found = manifest is not None and pull(workspace, place, manifest)
        if not found or digests.difference(path, record.sha256, record.bytes) is not None:
            raise StorageError(
                f"{workspace} has no {record.path} with the SHA-256 {record.sha256}, which this "
                "stage needs; run the command again to rebuild it."
            )


@contextmanager
def leased(workspace: Workspace, place: str, purpose: str) -> Iterator[None]:
    """Let one machine at a time make an entry; without object storage, do nothing."""
    if workspace.store is None:
        yield
        return
    waiting = f"Waiting for another machine that does the same: {purpose}"
    with claims.held(workspace.store, workspace.root, place, waiting):
        yield


def _objects(place: str, manifest: bytes) -> dict[str, tuple[str, str]]:
    """Return name and SHA-256 of each file of an entry by the key of its object."""
    listed: Mapping[str, str] = json.loads(json_digest.verify(manifest))["files"]
    if outside := [name for name in listed if not digests.is_below(name)]:
        raise ValueError(f"{MANIFEST} names a path outside, {outside[0]!r}")
    return {f"{place}/{sha[:16]}/{name}": (name, sha) for name, sha in listed.items()}


def _file_records(value: Any) -> Iterator[FileRecord]:
    if isinstance(value, FileRecord):
        yield value
    if isinstance(value, Record):
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _file_records(one)
