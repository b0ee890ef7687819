"""The local folder of a workspace on object storage: a cache that may be deleted at any time."""

import hashlib
import os
import re
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path

from sightline.errors import StorageError
from sightline.storage import files, locks, store_client, user_cache

VARIABLE = "SIGHTLINE_CACHE"
_LIMIT = "SIGHTLINE_CACHE_BYTES"
_DEFAULT_LIMIT = 50_000_000_000
_in_use: dict[Path, ExitStack] = {}  # Locks that this process holds until it ends


def folder(url: str) -> Path:
    """Return the folder of a store's URL, below SIGHTLINE_CACHE; it may not exist yet.

    By default it is in the user's cache folder. Raises StorageError if SIGHTLINE_CACHE is not an
    absolute path.
    """
    digest = hashlib.sha256(f"{url} {store_client.endpoint()}".encode()).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9]+", "-", url.partition("://")[2]).strip("-")[:60]
    return _parent() / f"{name}-{digest}"


def _parent() -> Path:
    given = os.environ.get(VARIABLE)
    if given and not Path(given).is_absolute():
        raise StorageError(f"{VARIABLE} is {given!r}; expected the absolute path of a folder.")
    return Path(given) if given else user_cache.folder("artifacts")


def identity(root: Path) -> str:
    """Return the random name of a replica, which it gets when it is first used."""
    path = root / ".replica"
    with locks.alone(root / ".replica.lock", "naming the local cache"):
        if not path.exists():
            with files.new_file(path) as temporary:
                temporary.write_text(uuid.uuid4().hex)
        return path.read_text()


def keep(root: Path, entry: str) -> None:
    """Keep an entry, `cache/<stage>/<key>`, from being evicted until this process ends."""
    mark = _mark(root / entry)
    if mark not in _in_use:
        held = ExitStack()
        held.enter_context(locks.shared(mark, "Waiting for the eviction of a cache entry"))
        _in_use[mark] = held
    with suppress(FileNotFoundError):
        os.utime(root / entry)


def make_room(root: Path, needed: int) -> None:
    """Remove the least recently used entries that no process uses, to hold `needed` more bytes.

    The folder may grow to SIGHTLINE_CACHE_BYTES, by default 50 GB, or to what is in use. Raises
    StorageError if the variable is not a number of bytes.
    """
    used = {}
    for path in (*root.glob("cache/*/[!.]*"), *root.glob("checkpoints/[!.]*")):
        with suppress(FileNotFoundError):  # another process makes room, too
            used[path] = path.stat().st_mtime
    sizes = {path: files.size(path) for path in used}
    excess = sum(sizes.values()) + needed - _limit()
    for path in sorted(used, key=lambda path: used[path]):
        if excess <= 0:
            return
        with locks.alone_if_free(_mark(path)) as unused:
            if unused:
                files.set_aside(path)
                excess -= sizes[path]


def _limit() -> int:
    given = os.environ.get(_LIMIT) or str(_DEFAULT_LIMIT)
    if not given.isdecimal():
        raise StorageError(f"{_LIMIT} is {given!r}; expected a number of bytes.")
    return int(given)


def _mark(path: Path) -> Path:
    """Return the lock file of an entry; checkpoints have that of the entry they are for.

    Keys with the same first digits share one, so that a process with many entries opens few.
    """
    folder = path.parent if path.parent.name != "checkpoints" else path.parents[1] / "cache/train"
    return folder / f".{path.name[:2]}.use"
