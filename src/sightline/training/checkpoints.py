"""Checkpoints on disk: the state of a training in one file, which is used only if it is intact.

`checkpoints/<key>/checkpoint-<steps>-<digest>.npz`: the key is that of the training's cache
entry, so another config, data set or code never uses them; the steps count from the start of the
training; the digest is that of the file's content. The newest two are kept. On object storage, each
is an object of the same name as well, so that another machine can go on.
"""

import hashlib
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import StorageError
from sightline.records import Record
from sightline.storage import files, replica, transfer
from sightline.storage.object_store import ObjectStore
from sightline.storage.workspace import Workspace

Arrays = dict[str, NDArray[np.generic]]

KEPT = 2  # If the newest checkpoint is damaged, the one before it is used
_NAME = re.compile(r"checkpoint-(?P<steps>\d{9})-(?P<digest>[0-9a-f]{16})\.npz")
_POSITION = "position"
_log = logging.getLogger(__name__)


class Position(Record):
    """The progress of a training and everything else of its state except arrays."""

    epoch: int = 0  # The current epoch, from 0; the number of completed epochs
    step: int = 0  # Completed steps of the current epoch
    steps: int = 0  # Completed steps of the training
    seconds: float = 0.0  # Time spent on the steps of the current epoch
    history: tuple[dict[str, int | float], ...] = ()  # One row per completed epoch
    points: tuple[dict[str, int | float], ...] = ()  # See `step_history`
    checkpoints: int = 0  # Number of checkpoints written so far
    checkpoint_seconds: float = 0.0  # Time spent on writing them
    # The epoch with the lowest validation loss so far, from 1; None if the best weights are not
    # kept
    best_epoch: int | None = None
    best_loss: float | None = None  # Its validation loss
    made_by: str  # Token of the run that wrote the checkpoint
    resumed: tuple[str, ...] = ()  # One sentence per resumption
    environment: dict[str, str]  # What the bits of the training depend on, in the writing process

    def segments(self, epochs: int) -> list[tuple[int, int, int]]:
        """List the remaining calls of `fit` as (first epoch, epoch to stop before, first step)."""
        partial = [(self.epoch, self.epoch + 1, self.step)] if self.step else []
        done = self.epoch + len(partial)
        return partial + ([(done, epochs, 0)] if done < epochs else [])


@dataclass(frozen=True)
class Checkpoint:
    """A position and the arrays at that position."""

    position: Position
    arrays: Arrays


class Checkpoints:
    """The checkpoints of one training; the holder of the lock of its cache entry writes them."""

    def __init__(self, workspace: Workspace, key: str) -> None:
        """Bind to the folder of a cache key; nothing is written yet."""
        self.folder = workspace.root / "checkpoints" / key
        self._prefix = f"checkpoints/{key}/"
        self._store = workspace.store

    def write(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint atomically, remove all but the newest two, and return its path.

        Raises OSError if it cannot be written; the existing ones are intact. If object storage does
        not take it, a warning is logged: this machine can go on from it.
        """
        content = encode(checkpoint)
        digest = hashlib.sha256(content).hexdigest()[:16]
        path = self.folder / f"checkpoint-{checkpoint.position.steps:09d}-{digest}.npz"
        with files.new_file(path) as temporary:
            temporary.write_bytes(content)
        for old in self._paths()[KEPT:]:
            old.unlink(missing_ok=True)
        self._push(path)
        return path

    def newest(self) -> Checkpoint | None:
        """Return the newest intact checkpoint, if any; damaged ones are removed with a warning.

        Partial files of killed processes are removed as well. Raises StorageError if there is no
        room for a stored one.
        """
        for leftover in files.leftovers(self.folder) if self.folder.is_dir() else ():
            files.remove(leftover)
        here, stored = {path.name for path in self._paths()}, self._stored()
        names = sorted(here | stored, reverse=True)
        for name in names:
            path = self.folder / name
            if name in here and (found := _intact(path)):
                return found
            if self._store and name in stored and (found := self._pull(self._store, path)):
                return found
        if names:
            _log.warning("No checkpoint of this training is intact; it starts from the beginning")
        return None

    def discard(self) -> None:
        """Remove all checkpoints and partial files."""
        if self._store:
            transfer.delete(self._store, self._prefix)
        files.set_aside(self.folder)

    def _push(self, path: Path) -> None:
        """Store a checkpoint and delete all stored ones but the newest two."""
        if self._store is None:
            return
        try:
            self._store.upload(self._prefix + path.name, path)
            for old in sorted(self._stored(), reverse=True)[KEPT:]:
                self._store.delete(self._prefix + old)
        except StorageError as error:
            _log.warning("The checkpoint %s is kept on this machine only: %s", path.name, error)

    def _pull(self, store: ObjectStore, path: Path) -> Checkpoint | None:
        """Bring a stored checkpoint here; if it is damaged, delete it and return None."""
        with (
            files.storage_errors(self.folder, replica.VARIABLE),
            files.new_file(path) as temporary,
        ):
            store.download(self._prefix + path.name, temporary)
        found = _intact(path)
        if found is None:
            store.delete(self._prefix + path.name)
        return found

    def _stored(self) -> set[str]:
        """Return the names of the checkpoints on object storage."""
        if self._store is None:
            return set()
        names = {one.key.rpartition("/")[2] for one in self._store.list(self._prefix)}
        return {name for name in names if _NAME.fullmatch(name)}

    def _paths(self) -> list[Path]:
        """List the checkpoints, newest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: path.name, reverse=True)


def _intact(path: Path) -> Checkpoint | None:
    """Read a checkpoint; if it is damaged, remove it with a warning and return None."""
    try:
        return _read(path)
    except (OSError, ValueError, KeyError, EOFError) as error:
        _log.warning("Skipping the damaged checkpoint %s: %s", path, error)
        files.remove(path)
        return None


def _read(path: Path) -> Checkpoint:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    name = _NAME.fullmatch(path.name)
    if name is None or not digest.startswith(name["digest"]):
        raise ValueError(f"its content has the SHA-256 {digest[:16]}…")
    return decode(content)


def encode(checkpoint: Checkpoint) -> bytes:
    """Return the content of a checkpoint's file, an NPZ archive."""
    buffer = io.BytesIO()
    position = np.frombuffer(checkpoint.position.model_dump_json().encode(), np.uint8)
    np.savez(buffer, allow_pickle=False, **{_POSITION: position}, **checkpoint.arrays)
    return buffer.getvalue()


def decode(content: bytes) -> Checkpoint:
    """Return the checkpoint of a file's content; errors as `numpy.load`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    position = Position.model_validate_json(arrays.pop(_POSITION).tobytes())
    return Checkpoint(position, arrays)
