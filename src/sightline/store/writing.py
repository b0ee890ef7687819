"""Who changes the store: one process at a time for each data set."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sightline import files, locks
from sightline.at_work import at_work
from sightline.errors import InputError
from sightline.store import places

_LOCK = ".lock"


@contextmanager
def alone(root: Path, dataset: str, purpose: str) -> Iterator[None]:
    """Have a data set's part of the store alone; what killed writers left is removed.

    A clean-up of old runs waits meanwhile, so that the run that is registered stays.

    Args:
        root: The artifacts root.
        dataset: The data set's name.
        purpose: What is done, for whoever has to wait.

    Raises:
        InputError: `dataset` is no name of a data set, or something is in the way of a file.
        StorageError: The artifacts root is full or cannot be written.
    """
    lock = places.home(root, dataset) / _LOCK
    try:
        with at_work(root), files.storage_errors(root), locks.alone(lock, purpose):
            for folder in places.folders(root, dataset):
                if folder.is_dir():
                    for leftover in files.leftovers(folder):
                        files.remove(leftover)
            yield
    except (FileExistsError, IsADirectoryError) as error:
        raise InputError(
            f"{error.filename} is in the way: the model store has a file there where a folder "
            "stands, or the reverse; move it away, or restore it from a copy."
        ) from None
