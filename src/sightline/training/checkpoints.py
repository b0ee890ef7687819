"""Checkpoints on disk: where a training stands, in one file that is whole or is passed over.

`checkpoints/<key>/checkpoint-<steps>-<digest>.npz`: the key is that of the training's cache
entry, so that another config, data set or code never meets them; the steps count from the
start of the training; the digest is that of the file's content. The newest two are kept.
"""

import hashlib
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.records import Record
from sightline.storage import files
from sightline.storage.workspace import Workspace

Arrays = dict[str, NDArray[np.generic]]

KEPT = 2
"""A checkpoint that turns out to be damaged has one before it."""

_NAME = re.compile(r"checkpoint-(?P<steps>\d{9})-(?P<digest>[0-9a-f]{16})\.npz")
_POSITION = "position"
_log = logging.getLogger(__name__)


class Position(Record):
    """How far a training has come, and what belongs to it besides arrays.

    Attributes:
        epoch: The epoch under way, from 0; epochs that are done.
        step: Steps done in that epoch.
        steps: Steps done in all.
        seconds: Time spent on the steps of that epoch.
        history: One row an epoch that is done.
        checkpoints: How many were written so far.
        checkpoint_seconds: Time spent on writing them.
        best_epoch: The epoch with the lowest validation loss so far, from 1; None where
            nobody asks for it.
        best_loss: That loss.
        made_by: Token of the run that wrote the checkpoint.
        resumed: What was resumed on the way: a sentence each.
        environment: What the bits depend on, as the writing process saw it.
    """

    epoch: int = 0
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    history: tuple[dict[str, int | float], ...] = ()
    checkpoints: int = 0
    checkpoint_seconds: float = 0.0
    best_epoch: int | None = None
    best_loss: float | None = None
    made_by: str
    resumed: tuple[str, ...] = ()
    environment: dict[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A position and the arrays of that moment."""

    position: Position
    arrays: Arrays


class Checkpoints:
    """The checkpoints of one training; whoever holds the lock of its cache entry writes them."""

    def __init__(self, workspace: Workspace, key: str) -> None:
        """Bind to the folder; nothing is made yet.

        Args:
            key: Key of the training's cache entry.
        """
        self.folder = workspace.root / "checkpoints" / key

    def write(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint, whole or not at all, and remove all but the newest two.

        Returns:
            The file.

        Raises:
            OSError: It cannot be written; those before it are intact.
        """
        content = _encode(checkpoint)
        digest = hashlib.sha256(content).hexdigest()[:16]
        path = self.folder / f"checkpoint-{checkpoint.position.steps:09d}-{digest}.npz"
        with files.new_file(path) as temporary:
            temporary.write_bytes(content)
        for old in self._paths()[KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def newest(self) -> Checkpoint | None:
        """Read the newest good checkpoint; damaged ones are removed, with a warning each.

        What killed processes left half written is removed as well.

        Returns:
            The checkpoint; None where there is none, or none is good.
        """
        paths = self._paths()
        for leftover in files.leftovers(self.folder) if self.folder.is_dir() else ():
            files.remove(leftover)
        for path in paths:
            try:
                return _decode(path)
            except (OSError, ValueError, KeyError, EOFError) as error:
                _log.warning("The checkpoint %s is damaged and passed over: %s", path, error)
                files.remove(path)
        if paths:
            _log.warning("No checkpoint of this training is good: it starts anew")
        return None

    def discard(self) -> None:
        """Remove all checkpoints, and what killed processes left of some."""
        files.set_aside(self.folder)

    def _paths(self) -> list[Path]:
        """List the checkpoints, the newest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: path.name, reverse=True)


def _encode(checkpoint: Checkpoint) -> bytes:
    buffer = io.BytesIO()
    position = checkpoint.position.model_dump_json().encode()
    np.savez(
        buffer,
        allow_pickle=False,
        **{_POSITION: np.frombuffer(position, np.uint8)},
        **checkpoint.arrays,
    )
    return buffer.getvalue()


def _decode(path: Path) -> Checkpoint:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    name = _NAME.fullmatch(path.name)
    if name is None or not digest.startswith(name["digest"]):
        raise ValueError(f"its content has the SHA-256 {digest[:16]}…")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    position = Position.model_validate_json(arrays.pop(_POSITION).tobytes())
    return Checkpoint(position, arrays)
