"""Who changes the store: one process at a time for each data set."""

from collections.abc import Iterator
from contextlib import contextmanager

from sightline.errors import InputError
from sightline.registry import paths
from sightline.storage import files, locks
from sightline.storage.workspace import Workspace

_LOCK = ".lock"


@contextmanager
def alone(workspace: Workspace, dataset: str, purpose: str) -> Iterator[None]:
    """Have a data set's part of the store alone; what killed writers left is removed.

    A clean-up of old runs waits meanwhile, so that the run that is registered stays.

    Args:
        dataset: The data set's name.
        purpose: What is done, for whoever has to wait.

    Raises:
        InputError: `dataset` is no name of a data set, or something is in the way of a file.
        StorageError: The artifacts root is full or cannot be written.
    """
    lock = paths.home(workspace, dataset) / _LOCK
    try:
        with workspace.in_use(), files.storage_errors(workspace.root), locks.alone(lock, purpose):
            for folder in paths.folders(workspace, dataset):
                if folder.is_dir():
                    for leftover in files.leftovers(folder):
                        files.remove(leftover)
            yield
    except (FileExistsError, IsADirectoryError) as error:
        raise InputError(
            f"{error.filename} is in the way: the model store has a file there where a folder "
            "stands, or the reverse; move it away, or restore it from a copy."
        ) from None
