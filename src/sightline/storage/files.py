"""Files that appear whole or not at all: the only place that renames or syncs."""

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

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR})
_BUSY = frozenset({errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ESTALE, errno.ETIMEDOUT})
_ROOT_OPTION = "--artifacts or SIGHTLINE_ARTIFACTS"
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.(tmp|aside)")


@contextmanager
def new_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is synced and renamed to `path`.

    On an error the temporary file is removed and `path` stays as it was.

    Args:
        path: The final name. Its folder is made where it is missing.
        mode: Who may do what with it, less what the process's umask takes away.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.touch(mode, exist_ok=False)  # a link of this name is not followed
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_output(path: Path) -> Iterator[Path]:
    """Yield a temporary file for what `--output` names; as `new_file`, whatever is in the way.

    Args:
        path: As the user gave it. A file that is there is replaced.

    Raises:
        StorageError: It cannot be written, or something else than a file is there.
        BusyStorageError: Storage did not answer; another try may work.
    """
    try:
        with storage_errors(path.parent, "--output"):
            if path.exists() and not path.is_file():  # such as /dev/null
                raise OSError(errno.EEXIST, "it is there and no file")
            with new_file(path) as temporary:
                yield temporary
    except OSError as error:  # a file in place of its folder, a name that is too long
        raise StorageError(
            f"The output {path} cannot be written: {error.strerror}; choose another name."
        ) from None


@contextmanager
def new_folder(path: Path, *, replace: bool) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success its files are synced and it is renamed.

    On an error the temporary folder is removed. Files of a replaced folder that are open or
    mapped somewhere stay readable there.

    Args:
        path: The final name. Its parent is made where it is missing.
        replace: Whether a folder that stands at `path` is removed.

    Raises:
        OSError: There is a folder at `path` already and it is not to be replaced.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            _sync(file)
        _sync(temporary)
        aside = _rename_aside(path) if replace else None
        temporary.rename(path)
        _sync(path.parent)
        if aside is not None:
            remove(aside)
    finally:
        remove(temporary)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing, so that they last."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        _sync(made.parent)


def set_aside(folder: Path) -> None:
    """Remove a folder so that nobody sees it half removed: rename first, then delete."""
    aside = _rename_aside(folder)
    if aside is not None:
        _sync(folder.parent)
        remove(aside)


def _rename_aside(path: Path) -> Path | None:
    """Move a folder, or a link to one, to a temporary name; return None if it does not exist."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.aside")
    try:
        return path.rename(aside)
    except FileNotFoundError:
        return None


def leftovers(folder: Path) -> list[Path]:
    """List what killed processes left of `new_file`, `new_folder` and `set_aside` in a folder.

    What is being written there right now looks the same: make sure that nobody is at work.
    """
    return sorted(path for path in folder.iterdir() if _LEFTOVER.fullmatch(path.name))


def remove(path: Path) -> None:
    """Remove a file, or a folder as far as the system lets us; never what a link points to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def size(path: Path) -> int:
    """Add up the bytes of a file, or of all files below a folder; links are not followed."""
    paths = [str(path)]
    if path.is_dir() and not path.is_symlink():
        paths = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    found = 0
    for file in paths:
        with suppress(FileNotFoundError):  # removed meanwhile
            found += os.lstat(file).st_size
    return found


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left of `new_file`, `new_folder` and `set_aside`.

    Args:
        path: The final name; nobody else may be writing it, so hold its lock.
    """
    for pattern in (f".{path.name}.*.tmp", f".{path.name}.*.aside"):
        for leftover in path.parent.glob(pattern):
            remove(leftover)


@contextmanager
def storage_errors(root: Path, option: str = _ROOT_OPTION) -> Iterator[None]:
    """Turn the system's errors of writing into ours; other errors pass.

    Args:
        root: Where is written; named in the message.
        option: What chooses another place; named in the message.

    Raises:
        StorageError: There is no room or no permission.
        BusyStorageError: Storage did not answer; another try may work.
    """
    try:
        yield
    except OSError as error:
        explained = _explained(root, error, option)
        if explained is None:
            raise
        raise explained from error


def check_writable(root: Path) -> None:
    """Make sure that a folder is there and can be written.

    Raises:
        StorageError: It cannot be made or written, or it is full.
        BusyStorageError: Storage did not answer; another try may work.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as file:
            file.write(b"sightline")
    except OSError as error:
        explained = None if error.errno in _CLOSED else _explained(root, error)
        raise explained or StorageError(
            f"The artifacts folder {root} cannot be written ({error.strerror}); choose another "
            "with --artifacts or SIGHTLINE_ARTIFACTS."
        ) from None


def check_room(root: Path, needed: int, purpose: str) -> None:
    """Make sure that there is room for a number of bytes.

    Args:
        root: An existing folder.
        needed: Bytes that are going to be written.
        purpose: What needs them.

    Raises:
        StorageError: There is less room; the message says how much is needed and free.
    """
    free = _free(root)
    if needed > free:
        raise StorageError(
            f"{purpose} need {needed:,} bytes under {root}, where only {free:,} are free; "
            "make room, or choose another folder with --artifacts or SIGHTLINE_ARTIFACTS."
        )


def copy(source: Path, target: Path) -> None:
    """Copy a file's content; times and permissions are not carried over."""
    shutil.copyfile(source, target)


def _explained(
    root: Path, error: OSError, option: str = _ROOT_OPTION
) -> StorageError | BusyStorageError | None:
    """Say what an error of the system means here; None where nobody foresaw it."""
    if error.errno in _FULL:
        return StorageError(
            f"{root} is full, {_free(root):,} bytes are free: make room, or choose another folder "
            f"with {option}."
        )
    if error.errno in _CLOSED:
        return StorageError(
            f"{error.filename or root} cannot be used ({error.strerror}); choose another "
            f"folder with {option}, or mend its permissions."
        )
    if error.errno in _BUSY:
        return BusyStorageError(
            f"{error.filename or root} did not answer as it should ({error.strerror}); what was "
            "there is intact: run again, and look at the disk or its connection if it stays so."
        )
    return None


def _free(root: Path) -> int:
    """Return the bytes that are free where a folder is or would be."""
    place = next(path for path in (root, *root.parents) if path.exists())
    return shutil.disk_usage(place).free


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
