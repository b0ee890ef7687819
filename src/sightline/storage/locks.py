"""Locks between processes: the kernel frees them at once when their holder dies."""

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

_log = logging.getLogger(__name__)


@contextmanager
def alone(path: Path, purpose: str) -> Iterator[None]:
    """Hold an exclusive lock; the kernel frees it at once when its holder dies.

    Args:
        path: The lock file. It is made where it is missing and stays behind, empty.
        purpose: What is done under the lock; logged where somebody else holds it.
    """
    with _lock_file(path) as file:
        _wait_for(file, fcntl.LOCK_EX, f"Waiting for another run that does the same: {purpose}")
        yield


@contextmanager
def shared(path: Path, waiting: str) -> Iterator[None]:
    """Hold a lock together with others; it keeps out whoever wants it alone.

    Args:
        path: The lock file, as for `alone`.
        waiting: What is logged where somebody holds it alone.
    """
    with _lock_file(path) as file:
        _wait_for(file, fcntl.LOCK_SH, waiting)
        yield


@contextmanager
def alone_if_free(path: Path) -> Iterator[bool]:
    """Try to hold a lock alone, without waiting; yield whether it is held.

    Args:
        path: The lock file, as for `alone`.
    """
    with _lock_file(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _lock_file(path: Path) -> BinaryIO:
    files.make_folder(path.parent)
    # NFS shares a lock only among readers, gives it alone to a writer. A link is not followed.
    try:
        return open(path, "a+b", opener=_without_following)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise StorageError(
            f"The lock file {path} is a symbolic link, which is not followed; remove it."
        ) from None


def _without_following(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o666)


def _wait_for(file: BinaryIO, kind: int, waiting: str) -> None:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        _log.warning(waiting)
        fcntl.flock(file, kind)
