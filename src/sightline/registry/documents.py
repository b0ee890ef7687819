"""The registry's files: checksummed JSON records, written atomically by one process at a time."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sightline.errors import InputError
from sightline.records import Record
from sightline.registry import paths
from sightline.storage import files, json_digest, locks
from sightline.storage.workspace import Workspace

R = TypeVar("R", bound=Record)

_MAX_BYTES = 4 << 20  # a version of 1,000 classes with exports takes about 100 kB


@contextmanager
def locked(workspace: Workspace, dataset: str, purpose: str) -> Iterator[None]:
    """Lock a data set's part of the registry, and remove what killed writers left there.

    A cleanup of old runs waits meanwhile, so it cannot remove the run that is being registered;
    `purpose` tells whoever has to wait. Raises InputError if `dataset` is not a data set name, or a
    file is where a folder must be, and StorageError if the artifacts root cannot be written.
    """
    lock = paths.home(workspace, dataset) / ".lock"
    try:
        with workspace.in_use(), workspace.storage_errors(), locks.alone(lock, purpose):
            for folder in paths.folders(workspace, dataset):
                if folder.is_dir():
                    for leftover in files.leftovers(folder):
                        files.remove(leftover)
            yield
    except (FileExistsError, IsADirectoryError) as error:
        raise InputError(
            f"{error.filename} is in the way: expected a folder and found a file, or the reverse. "
            "Move it away, or restore it from a copy."
        ) from None


def dumps(record: Record) -> bytes:
    """Return a record as checksummed JSON."""
    return json_digest.dumps(record.model_dump(mode="json"))


def write(path: Path, record: Record) -> str:
    """Write a record as checksummed JSON, with its folder, and return the file's SHA-256."""
    text = dumps(record)
    with files.new_file(path) as temporary:
        temporary.write_bytes(text)
    return hashlib.sha256(text).hexdigest()


def read(path: Path, kind: type[R]) -> tuple[R, str]:
    """Read a record that `write` wrote and its SHA-256; raise InputError if it is damaged."""
    try:
        text = read_bytes(path)
        record = kind.model_validate_json(json_digest.verify(text))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a file of the model registry: {json_digest.reason(error)}. "
            "Restore it from a copy; `sightline models verify` lists all damage."
        ) from None
    return record, hashlib.sha256(text).hexdigest()


def read_bytes(path: Path, max_bytes: int = _MAX_BYTES) -> bytes:
    """Read a regular file; raise OSError or ValueError if it is a link, a pipe or too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise ValueError("it is a symbolic link, which is not followed") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a regular file")
        text = file.read(max_bytes + 1)
    if len(text) > max_bytes:
        raise ValueError(f"it is larger than {max_bytes:,} bytes")
    return text
