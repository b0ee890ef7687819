"""Atomic writes: files and folders appear complete or not at all.

This is, with `exchange`, the only module that renames or syncs files.
"""

import errno
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sightline.errors import BusyStorageError, StorageError
from sightline.storage.exchange import exchange

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR})
_BUSY = frozenset({errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT})
ROOT_OPTION = "--artifacts or SIGHTLINE_ARTIFACTS"  # Selects another folder, for messages
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.(tmp|aside)")


@contextmanager
def new_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield a temporary path; on success it is synced and renamed to `path`.

    On an error the temporary file is removed and `path` is unchanged. Missing parent folders are
    created; `mode` is the permissions of the file, before the umask is applied.
    """
    make_folder(path.parent)
    temporary = _temporary_name(path, "tmp")
    temporary.touch(mode, exist_ok=False)  # never follows a link of this name
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_output(path: Path) -> Iterator[Path]:
    """Yield a temporary path for the file that `--output` names; an existing one is replaced.

    Raises StorageError if it cannot be written, or exists and is not a file; BusyStorageError if
    the storage did not respond.
    """
    with _output_errors(path), new_file(path) as temporary:
        yield temporary


def check_output(path: Path) -> None:
    """Raise errors as `new_output`, before work that takes long."""
    with _output_errors(path):
        make_folder(path.parent)
        tempfile.TemporaryFile(dir=path.parent).close()


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    try:
        with storage_errors(path.parent, "--output"):
            if path.exists() and not path.is_file():  # such as /dev/null
                raise OSError(errno.EEXIST, "it exists and is not a file")
            yield
    except OSError as error:  # such as a file in place of its folder, or a name that is too long
        raise StorageError(
            f"The output {path} cannot be written: {error.strerror}; choose another name."
        ) from None


@contextmanager
def new_folder(path: Path, *, replace: bool) -> Iterator[Path]:
    """Yield a temporary folder; on success its files are synced and it is renamed to `path`.

    On an error the temporary folder is removed. Files of a replaced folder that are open or
    memory-mapped stay readable. Raises OSError if `path` exists and `replace` is false.
    """
    make_folder(path.parent)
    temporary = _temporary_name(path, "tmp")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            _sync(file)
        _sync(temporary)
        replaced = None
        if not (replace and exchange(temporary, path)):
            replaced = _rename_aside(path) if replace else None
            temporary.rename(path)
        _sync(path.parent)
        if replaced is not None:
            remove(replaced)
    finally:
        remove(temporary)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, and sync them."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for created in reversed(missing):
        _sync(created.parent)


def set_aside(folder: Path) -> None:
    """Remove a folder atomically: rename it first, then delete it."""
    if (aside := _rename_aside(folder)) is not None:
        _sync(folder.parent)
        remove(aside)


def leftovers(folder: Path) -> list[Path]:
    """Return what killed processes left in a folder; files being written look the same."""
    return sorted(path for path in folder.iterdir() if _LEFTOVER.fullmatch(path.name))


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of `path`; hold its lock, so that none is writing."""
    for suffix in ("tmp", "aside"):
        for leftover in path.parent.glob(f".{path.name}.*.{suffix}"):
            remove(leftover)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder and as much of its content as permissions allow."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; links are not followed."""
    paths = [str(path)]
    if path.is_dir() and not path.is_symlink():
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    total = 0
    for file in paths:
        with suppress(FileNotFoundError):  # removed in the meantime
            total += os.lstat(file).st_size
    return total


@contextmanager
def storage_errors(root: Path, option: str) -> Iterator[None]:
    """Convert operating system errors of a write below `root`; other errors pass unchanged.

    Raises StorageError if the disk is full or not writable, naming the option that selects another
    folder; BusyStorageError if the storage did not respond and retrying may help.
    """
    try:
        yield
    except OSError as error:
        place = error.filename or root
        if error.errno in _FULL:
            raise StorageError(
                f"{root} is full, {free_bytes(root):,} bytes are free; free up space, or choose "
                f"another folder with {option}."
            ) from error
        if error.errno in _NOT_WRITABLE:
            raise StorageError(
                f"{place} cannot be used ({error.strerror}); choose another folder with {option}, "
                "or fix its permissions."
            ) from error
        if error.errno in _BUSY:
            raise BusyStorageError(
                f"{place} did not respond as expected ({error.strerror}). Existing files are "
                "intact: run again, and check the disk or its connection if this happens again."
            ) from error
        raise


def free_bytes(folder: Path) -> int:
    """Return the free disk space where a folder is, or where it would be created."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free


def _temporary_name(path: Path, suffix: str) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.{suffix}")


def _rename_aside(path: Path) -> Path | None:
    """Rename a folder to a temporary name and return that; None if the folder does not exist."""
    with suppress(FileNotFoundError):
        return path.rename(_temporary_name(path, "aside"))
    return None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
