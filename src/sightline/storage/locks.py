"""Locks between processes; the kernel releases them when their holder exits or dies."""

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sightline.errors import StorageError
from sightline.storage import files

_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
_log = logging.getLogger(__name__)


@contextmanager
def alone(path: Path, purpose: str) -> Iterator[None]:
    """Hold an exclusive lock; log its purpose if another process holds it.

    The lock file is created if it is missing, and is never removed.
    """
    with _lock_file(path) as file:
        _acquire(file, fcntl.LOCK_EX, f"Waiting for another run that does the same: {purpose}")
        yield


@contextmanager
def shared(path: Path, waiting: str) -> Iterator[None]:
    """Hold a shared lock; log the message `waiting` if it is held exclusively."""
    with _lock_file(path) as file:
        _acquire(file, fcntl.LOCK_SH, waiting)
        yield


@contextmanager
def alone_if_free(path: Path) -> Iterator[bool]:
    """Try to acquire an exclusive lock without waiting; yield whether it is held."""
    with _lock_file(path) as file:
        try:
            _flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextmanager
def inheritable(path: Path) -> Iterator[int]:
    """Hold an exclusive lock; yield a descriptor with which a child process holds it from then on.

    The lock is free again when both this context and the child have ended.
    """
    with _lock_file(path) as file:
        _flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _lock_file(path: Path) -> BinaryIO:
    files.make_folder(path.parent)
    try:
        # NFS needs a file that is open for reading (shared lock) and writing (exclusive lock).
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        return open(path, "r+b", opener=lambda *_: os.open(path, flags, 0o666))
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise StorageError(f"The lock file {path} is a symbolic link; remove it.") from None


def _acquire(file: BinaryIO, kind: int, waiting: str) -> None:
    try:
        _flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        _log.warning(waiting)
        _flock(file, kind)


def _flock(file: BinaryIO, kind: int) -> None:
    try:
        fcntl.flock(file, kind)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise StorageError(
            f"The file system of {file.name} has no locks ({error.strerror}); mount it with them, "
            "or choose a folder elsewhere."
        ) from None
