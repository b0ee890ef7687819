"""Files that appear whole or not at all: the only place that renames, syncs or locks."""

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed to `path`.

    On an error the temporary file is removed and `path` stays as it was.

    Args:
        path: The final name. Its folder is made where it is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, *, replace: bool) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success its files are synced and it is renamed.

    On an error the temporary folder is removed.

    Args:
        path: The final name. Its parent is made where it is missing.
        replace: Whether a folder that stands at `path` is removed.

    Raises:
        OSError: There is a folder at `path` already and it is not to be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            _sync(file)
        _sync(temporary)
        if replace:
            set_aside(path)
        temporary.rename(path)
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def set_aside(folder: Path) -> None:
    """Remove a folder so that nobody sees it half removed: rename first, then delete."""
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.aside")
    try:
        folder.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; the kernel frees it at once when its holder dies.

    Args:
        path: The lock file. It is made where it is missing and stays behind, empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def copy(source: Path, target: Path) -> None:
    """Copy a file's content; times and permissions are not carried over."""
    shutil.copyfile(source, target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
