"""Keeps files of a replica like those in the object store; without a store it does nothing."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from sightline.storage import digests, files
from sightline.storage.object_store import SMALL, ObjectStore, StoredObject
from sightline.storage.workspace import Workspace

_THREADS = 8
_TAGS = ".etags"  # The file below a prefix that has a `_Pulled` by key


class _Pulled(NamedTuple):
    """What is known of a file that was pulled."""

    etag: str | None = None
    sha256: str | None = None  # None if the file is missing
    stat: str | None = None  # Its size and times when it was last read


def pull(
    workspace: Workspace,
    prefix: str,
    wanted: Callable[[str], bool],
    limit: int | None = SMALL,
) -> None:
    """Make the files below a prefix, which ends at a slash, those of the store.

    `wanted` selects them by key. What a listing does not name is removed only if the store does
    not have it either. Raises StorageError if one has more than `limit` bytes.
    """
    if (store := workspace.store) is None:
        return
    listed = {one.key: one for one in store.list(prefix) if wanted(one.key)}
    path = workspace.path(f"{prefix}{_TAGS}")
    tags = _read_tags(path)
    current = {
        key: _Pulled(one.etag, *_digest(workspace, key, tags.get(key, _Pulled())))
        for key, one in listed.items()
    }
    changed = [
        one
        for key, one in listed.items()
        if not one.etag or tags.get(key, _Pulled())[:2] != current[key][:2]
    ]
    if limit is not None:
        for one in changed:
            store.check_size(one.key, one.bytes, limit)
    # Digests of what was downloaded: another process may have replaced the files since
    downloaded = _download(workspace, store, changed)
    if tags != current:
        current |= {one.key: _Pulled(one.etag, downloaded.get(one.key)) for one in changed}
        with _new_file(workspace, f"{prefix}{_TAGS}") as temporary:
            temporary.write_text(json.dumps(current))
    for key in _keys(workspace, prefix):
        if wanted(key) and key not in listed:
            pull_file(workspace, key)


def pull_file(workspace: Workspace, key: str) -> bool:
    """Make one small file that of the store; return whether it exists there."""
    path = workspace.path(key)
    if (store := workspace.store) is None:
        return path.exists()
    content = store.read(key)
    if content is None:
        if path.exists():
            path.unlink(missing_ok=True)  # another process may do the same
        return False
    if not path.is_file() or path.read_bytes() != content:
        with _new_file(workspace, key) as temporary:
            temporary.write_bytes(content)
    return True


def push_file(workspace: Workspace, key: str) -> None:
    """Write a small file to the store."""
    if store := workspace.store:
        store.write(key, workspace.path(key).read_bytes())


def remove(workspace: Workspace, key: str) -> None:
    """Remove a file from the replica and the store."""
    if store := workspace.store:
        store.delete(key)
    files.remove(workspace.path(key))


def fetch(workspace: Workspace, key: str, sha256: str, stored: str | None = None) -> Path:
    """Bring a file here unless the copy has this digest; return its path, whether or not it exists.

    `stored` is the key in the store, if that is another one. The file may differ, since it differs
    in the store: the caller checks its digest.
    """
    path, store = workspace.path(key), workspace.store
    if store is not None and digests.difference(path, sha256) is not None:
        _replace(workspace, store, key, stored or key)
    return path


def refresh(
    workspace: Workspace, prefix: str, wanted: Callable[[str], bool] = lambda key: True
) -> None:
    """Bring the files below a prefix here again, to check what the store has."""
    if store := workspace.store:
        files.set_aside(workspace.path(prefix))
        _download(workspace, store, (one for one in store.list(prefix) if wanted(one.key)))


def _download(
    workspace: Workspace, store: ObjectStore, found: Iterable[StoredObject]
) -> dict[str, str | None]:
    """Download objects; return the SHA-256 of each by its key, None if it is gone.

    The time of a file becomes that of its object, by which runs are sorted.
    """

    def download(one: StoredObject) -> str | None:
        digest = _replace(workspace, store, one.key, one.key)
        if digest is not None:
            with suppress(FileNotFoundError):  # removed in the meantime
                os.utime(workspace.path(one.key), (one.modified.timestamp(),) * 2)
        return digest

    safe = [one for one in found if digests.is_below(one.key)]
    with ThreadPoolExecutor(_THREADS) as pool:
        done = pool.map(download, safe)
        return {one.key: digest for one, digest in zip(safe, done, strict=True)}


def _replace(workspace: Workspace, store: ObjectStore, key: str, stored: str) -> str | None:
    """Download an object to a file and return its SHA-256; None, without the file, if missing."""
    with _new_file(workspace, key) as temporary:
        found = store.download(stored, temporary)
    if found is None:
        workspace.path(key).unlink(missing_ok=True)
    return found


@contextmanager
def _new_file(workspace: Workspace, key: str) -> Iterator[Path]:
    with (
        workspace.storage_errors(),
        files.new_file(workspace.path(key)) as temporary,
    ):
        yield temporary


def _digest(workspace: Workspace, key: str, known: _Pulled) -> tuple[str | None, str | None]:
    """Return the SHA-256 of a file and its size and times; read it only if these have changed."""
    path = workspace.path(key)
    with suppress(OSError):
        if digests.is_below(key):
            status = path.stat()
            stat = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
            return (known.sha256 if known.stat == stat else digests.sha256(path)), stat
    return None, None


def _read_tags(path: Path) -> dict[str, _Pulled]:
    """Read what was pulled; nothing if the file is missing or damaged."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return {key: _Pulled(*found) for key, found in json.loads(path.read_bytes()).items()}
    return {}


def _keys(workspace: Workspace, prefix: str) -> list[str]:
    """List the files below a prefix in the replica, as keys."""
    folder = workspace.path(prefix)
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return [path.relative_to(workspace.root).as_posix() for path in found]
