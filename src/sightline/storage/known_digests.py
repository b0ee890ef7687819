"""SHA-256 digests of files that were read before, remembered by what the file system says of them.

A file has the digest of the one that had its path, device, inode, size and times of modification
and change, both in nanoseconds: what Git's index relies on, too. The inode alone would not do: FAT
numbers files afresh at each mount. Where times are whole seconds, as with FAT and SSHFS, files are
always read: the time of change is then often that of modification, which programs set. A damage
that leaves the times as they are, such as that of a disk, is only found by reading: `VARIABLE`
makes that happen.

The memory is a SQLite file in the user's cache. It may be lost at any time, and each row carries a
digest of itself, so a damaged memory costs time and nothing else.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from sightline.errors import StorageError
from sightline.storage import digests, user_cache

VARIABLE = "SIGHTLINE_VERIFY"
"""Environment variable: 1 if no remembered digest is trusted."""

_FILE = "known.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS known (file BLOB PRIMARY KEY, sha256 BLOB) WITHOUT ROWID"
_SMALL = 16 << 10  # Bytes of a file that is read in less time than it is looked up
_MOST_BYTES = 256 << 20  # About two million files; a larger memory is emptied
_SECOND_NS = 1_000_000_000
_SETTLED_NS = 2 * _SECOND_NS  # For clocks of servers and file systems that lag behind
_WAIT_SECONDS = 1.0  # For another process that writes


@contextmanager
def remembered() -> Iterator[Callable[[Path], str]]:
    """Yield a function like `digests.sha256` that reads only files that it does not know.

    Threads may share it. What was read is remembered at the end.
    """
    try:
        path = user_cache.folder("digests") / _FILE
    except (OSError, StorageError):
        yield digests.sha256
        return
    memory = _Memory(path)
    try:
        yield memory.sha256
    finally:
        memory.close()


class _Memory:
    """The memory while it is open; it stops working at the first error of its file."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._trusted = os.environ.get(VARIABLE, "") in {"", "0"}
        self._new: dict[bytes, bytes] = {}
        self._rows: sqlite3.Connection | None = None
        with self._errors():
            if path.exists() and path.stat().st_size > _MOST_BYTES:
                path.unlink()
            self._rows = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._rows.execute("PRAGMA synchronous = OFF")
            self._rows.execute(_TABLE)

    def sha256(self, path: Path) -> str:
        """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
        with path.open("rb") as file:
            status, started = os.fstat(file.fileno()), time.time_ns()
            if status.st_size < _SMALL or status.st_ctime_ns % _SECOND_NS == 0:
                return hashlib.file_digest(file, "sha256").hexdigest()
            key = _key(path, status)
            if (known := self._find(key)) is not None:
                return known.hex()
            found = hashlib.file_digest(file, "sha256").digest()
            # A later change gets another time, unless the clock could still show the same one
            settled = started - max(status.st_mtime_ns, status.st_ctime_ns) >= _SETTLED_NS
            if settled and _key(path, os.fstat(file.fileno())) == key:
                self._new[key] = found + _check(key, found)
        return found.hex()

    def close(self) -> None:
        """Write what is new; a thread that still reads goes on without the memory."""
        with self._lock, self._errors():
            if self._rows is not None and self._new:
                self._rows.execute("BEGIN IMMEDIATE")
                self._rows.executemany(
                    "INSERT OR REPLACE INTO known VALUES (?, ?)", list(self._new.items())
                )
                self._rows.execute("COMMIT")
        with self._lock:
            rows, self._rows = self._rows, None
            if rows is not None:
                rows.close()

    def _find(self, key: bytes) -> bytes | None:
        if not self._trusted:
            return None
        row = None
        with self._lock, self._errors():
            if self._rows is not None:
                found = self._rows.execute("SELECT sha256 FROM known WHERE file = ?", (key,))
                row = found.fetchone()
        if row is None or not isinstance(row[0], bytes):
            return None
        known, check = row[0][:32], row[0][32:]
        return known if check == _check(key, known) else None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Do without the memory after an error, and remove its file if that is damaged."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if self._rows is not None:
                self._rows.close()
            self._rows = None
            if not isinstance(error, sqlite3.OperationalError):  # such as a memory that is locked
                with suppress(OSError):
                    self._path.unlink()


def _key(path: Path, status: os.stat_result) -> bytes:
    times = status.st_mtime_ns, status.st_ctime_ns
    parts = (os.path.abspath(path), status.st_dev, status.st_ino, status.st_size, *times)
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()


def _check(key: bytes, found: bytes) -> bytes:
    return hashlib.blake2b(key + found, digest_size=8).digest()
